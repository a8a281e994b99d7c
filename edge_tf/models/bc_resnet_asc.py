"""BC-ResNet-ASC: the network of the winners of DCASE 2021 Task 1A (arXiv:2206.13909)."""

from typing import TYPE_CHECKING

from edge_tf.models.spec import ModelSpec
from firmware_export.frontend.normalization import EPSILON

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras as keras

SUB_BANDS = 4
# Number of blocks of each stage, and whether 2x2 max pooling follows.
STAGES = ((2, True), (2, True), (2, False), (3, False))
NORMS = ("none", "residual", "relaxed")
PLACES = ("input", "stages")
# Every sub-band of the last stage needs a row; the stem and two poolings each halve the rows.
ROWS_MULTIPLE = 8 * SUB_BANDS


def channels(tau: float) -> list[int]:
    """Channels of the stem and the four stages for a width multiplier tau."""
    base = int(10 * tau)
    return [2 * base, base, int(1.5 * base), 2 * base, int(2.5 * base)]


def build(
    tau: float = 1,
    num_classes: int = 10,
    input_shape: tuple[int, int, int] = (64, 167, 1),
    dropout: float = 0.1,
    norm: str = "none",
    norm_places: tuple[str, ...] = ("input",),
    norm_lambda: float | None = None,
    mix_style: float = 0.0,
) -> "keras.Model":
    """BC-ResNet-ASC-tau: (batch, F, T, 1) log-mel features to (batch, num_classes) logits.

    A 5x5 convolution of stride 2, four stages of BC-ResNet's blocks with 4 sub-bands and without
    stride or dilation, 2x2 max pooling after the first two. The published network ends in a 1x1
    convolution and the mean over all positions; both are linear, so here the mean comes first,
    which is the same function and costs one position instead of all.

    Trainable parameters for 10 classes: 314,960 at tau 8, 8,045 at tau 1; no norm adds any.

    Args:
      tau: width multiplier.
      num_classes: size of the logits; the classifier has no bias.
      input_shape: (mel bands, frames, 1); mel bands a multiple of 32, at least 8 frames.
      dropout: rate of the channel dropout in f1.
      norm: "none", "residual" (ResNorm, arXiv:2111.06531) or "relaxed" (RFN, arXiv:2206.12513).
      norm_places: "input", "stages" (after each of the four), or both, as published.
      norm_lambda: the norm's lambda; None: 0.1 for ResNorm, 0.5 for RFN.
      mix_style: probability of Freq-MixStyle on the input, in training.

    Raises:
      ValueError: an argument does not fit the architecture.
    """
    import tf_keras as keras

    from edge_tf.layers.frequency_mix_style import FrequencyMixStyle
    from edge_tf.layers.relaxed_instance_frequency_norm import RelaxedInstanceFrequencyNorm
    from edge_tf.layers.residual_norm import ResidualNorm
    from edge_tf.models.broadcasted_residual import batch_norm, block, kernel_init
    from edge_tf.models.time_axis import TimeAxis

    layers = keras.layers
    if int(10 * tau) < 2 or num_classes < 2:
        raise ValueError(f"tau={tau} and num_classes={num_classes} do not define a network")
    if len(input_shape) != 3 or input_shape[2] != 1 or input_shape[1] < 8:
        raise ValueError(f"input_shape={input_shape} must be (mel bands, 8 frames or more, 1)")
    if input_shape[0] < 1 or input_shape[0] % ROWS_MULTIPLE:
        raise ValueError(f"{input_shape[0]} mel bands are not a multiple of {ROWS_MULTIPLE}")
    if norm not in NORMS or not set(norm_places) <= set(PLACES):
        raise ValueError(f"norm={norm!r} at {norm_places} is not one of {NORMS} at {PLACES}")
    stem, *stages = channels(tau)
    time = TimeAxis({}, window=input_shape[1])

    def normed(x: "tf.Tensor", place: str, name: str) -> "tf.Tensor":
        if norm == "none" or place not in norm_places:
            return x
        kind = ResidualNorm if norm == "residual" else RelaxedInstanceFrequencyNorm
        weight = {} if norm_lambda is None else {"weight": norm_lambda}
        # At the input it is the front-end's norm on log-mel, so it uses the front-end's epsilon.
        epsilon = EPSILON if place == "input" else 1e-5
        return kind(name=name, epsilon=epsilon, **weight)(x)

    inputs = time.inputs(input_shape)
    x = FrequencyMixStyle(probability=mix_style, name="mix_style")(inputs) if mix_style else inputs
    x = normed(x, "input", "input_norm")
    x = layers.ZeroPadding2D(2, name="stem_pad")(x)
    x = layers.Conv2D(
        stem, 5, strides=2, use_bias=False, kernel_initializer=kernel_init(25), name="stem"
    )(x)
    x = layers.ReLU(name="stem_relu")(batch_norm(x, "stem_bn"))
    for i, ((blocks, pooled), filters) in enumerate(zip(STAGES, stages, strict=True)):
        for j in range(blocks):
            x = block(x, filters, f"stage{i}_block{j}", time, SUB_BANDS, dropout=dropout)
        x = normed(x, "stages", f"stage{i}_norm")
        if pooled:
            x = layers.MaxPooling2D(2, name=f"stage{i}_pool")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(
        num_classes, use_bias=False, kernel_initializer=kernel_init(stages[-1]), name="classifier"
    )(x)
    return keras.Model(inputs, logits, name=f"bc_resnet_asc_{tau:g}".replace(".", "_"))


SPEC = ModelSpec(
    "bc_resnet_asc",
    build,
    settings=("tau", "norm", "norm_places", "norm_lambda", "mix_style"),
    mel_bands_multiple=ROWS_MULTIPLE,
)
