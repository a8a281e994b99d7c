"""Cross-layer equalization: every channel of an activation uses the whole int8 range.

TFLite quantizes an activation with one step for all channels. After a batch norm and ReLU, one
channel may reach 90 while the others stay below 3, which leaves the others a few of the 256
values. Dividing a channel by its range and multiplying the weights that read it by the same factor
changes nothing in float, since ReLU(x / r) = ReLU(x) / r for r > 0 (arXiv:1906.04721, sec. 4.1).
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.neighbours import scaled_reader
from edge_tf.layers.rules import kernel_of, rule_of

# Channels this far below the largest are dead. In int8 they would always be zero, so the weights
# that read them, which a batch norm may have blown up, become zero.
_LARGEST_RATIO = 1e4


def equalize(model: keras.Model, clips: np.ndarray) -> keras.Model:
    """A copy with the same outputs, and channels scaled to equal ranges where that is exact.

    It is exact at each batch norm followed by a ReLU that only one convolution or dense layer
    reads, directly or through padding, pooling and dropout. Dead channels are no longer read.

    Args:
      model: a functional model of this library.
      clips: (n, mel_bands, frames, 1) float32, representative features; a channel's range is its
        largest value on them.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    pairs = [(relu, found) for relu in copy.layers if (found := scaled_reader(relu)) is not None]
    if not pairs:
        return copy
    for (relu, after), ranges in zip(
        pairs, _largest(copy, [relu for relu, _ in pairs], clips), strict=True
    ):
        norm = relu.inbound_nodes[0].inbound_layers
        rule = rule_of(norm)
        assert rule is not None  # without a rule, scaled_reader finds nothing
        alive = ranges > ranges.max() / _LARGEST_RATIO
        factors = np.where(alive, ranges, 1.0)
        rule.divide_outputs(norm, factors)
        kernel = kernel_of(after)  # (..., channels in, channels out) or (..., channels, 1)
        kernel.assign(kernel * (factors * alive)[:, np.newaxis])
    return copy


def _largest(
    model: keras.Model, relus: list[keras.layers.Layer], clips: np.ndarray
) -> list[np.ndarray]:
    """Largest value per channel of each layer on the clips, (channels,) each."""
    probe = keras.Model(model.inputs, [relu.output for relu in relus])

    def maxima(features: tf.Tensor) -> list[tf.Tensor]:
        outputs = probe(features, training=False)
        return [tf.reduce_max(y, axis=[0, 1, 2]) for y in tf.nest.flatten(outputs)]

    traced = tf.function(maxima, autograph=False, reduce_retracing=True)
    seen = [traced(clips[at : at + 50]) for at in range(0, len(clips), 50)]
    return [np.max([y.numpy() for y in one], axis=0) for one in zip(*seen, strict=True)]
