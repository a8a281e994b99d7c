"""Quantization-aware training with TFMOT: the Keras model rounds where the int8 graph does.

Weights are rounded symmetrically per output channel, activations by moving ranges. Tensors that
conversion fuses away (a convolution before its norm, a norm before its ReLU, the sums of a block)
are not rounded; the layers' rules define which. Norms need no folding here: they scale a kernel's
channel and its step by the same factor.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow_model_optimization.quantization.keras import QuantizeWrapper
from tensorflow_model_optimization.quantization.keras.default_8bit import default_8bit_transforms
from tensorflow_model_optimization.quantization.keras.graph_transformations import (
    model_transformer,
)

from edge_tf.errors import UserError
from edge_tf.layers.neighbours import is_broadcast, readers, scaled_reader
from edge_tf.layers.quantization import LayerConfig, Paths
from edge_tf.layers.rule import Role
from edge_tf.layers.rules import RULES, rule_of
from edge_tf.run_records import Range


def config_for(layer: keras.layers.Layer) -> LayerConfig:
    """How a layer of a functional model is quantized.

    Raises:
      UserError: no rule for this layer; names it.
    """
    rule = rule_of(layer)
    if rule is None:
        raise UserError(
            f"layer {layer.name} is a {type(layer).__name__}, which has no quantization rule",
            "use layers of edge_tf.layers and the Keras layers of our models",
        )
    kernel = rule.kernel
    is_row = rule.role is Role.CONVOLUTION and is_broadcast(layer)
    return LayerConfig(
        "" if kernel is None else kernel.attribute,
        -1 if kernel is None else kernel.output_axis,
        output=rule.is_rounded([rule_of(reader) for reader in readers(layer)]),
        by_channel=is_row or scaled_reader(layer) is not None,
    )


class _DeviceScheme(tfmot.quantization.keras.QuantizeScheme):
    """Lets the configs decide what is fused, not TFMOT's default layout rules."""

    def get_layout_transformer(self) -> "_DeviceScheme":
        return self

    def get_quantize_registry(self) -> "_DeviceScheme":
        return self

    def supports(self, layer: keras.layers.Layer) -> bool:
        """TFMOT asks this for a layer without a config before one with: it stays unquantized."""
        return False

    def apply(self, model: keras.Model, layer_quantize_map: dict[str, Any]) -> Any:
        transforms = [default_8bit_transforms.InputLayerQuantize()]
        return model_transformer.ModelTransformer(
            model, transforms, set(layer_quantize_map), layer_quantize_map
        ).transform()


_INPUT = "input"  # key of the range of the features


class QuantizedModel:
    """A copy of a model that rounds where the int8 graph does.

    Args:
      plain: a functional model of this library; not changed, and its weights are copied.
      masks: by layer name, zeros and ones in the shape of its kernel; others keep all weights.
      ranges: by layer name, smallest and largest value of its output, or per channel where
        conversion scales channels to equal ranges; see `calibrated`.

    Raises:
      UserError: a layer without a rule.
    """

    def __init__(
        self,
        plain: keras.Model,
        masks: Mapping[str, np.ndarray] | None = None,
        ranges: Mapping[str, Range] | None = None,
    ) -> None:
        self._plain = plain
        self.paths = Paths()
        self.model = _applied(plain)
        self.kernels: dict[str, tf.Variable] = {}
        self.masks: dict[str, tf.Variable] = {}
        for layer in self.model.layers:
            if isinstance(layer, QuantizeWrapper):
                for kernel, quantizer, variables in layer._weight_vars:
                    quantizer.paths = self.paths
                    self.kernels[layer.layer.name] = kernel
                    self.masks[layer.layer.name] = variables["mask"]
        _copy_weights(plain, self.model)
        for name, mask in (masks or {}).items():
            self.masks[name].assign(mask)
        for name, (low, high) in (ranges or {}).items():
            for variable, value in zip(self._range_variables()[name], (low, high), strict=True):
                variable.assign(value)

    def _range_variables(self) -> dict[str, tuple[tf.Variable, tf.Variable]]:
        found = {}
        for layer in self.model.layers:
            low = [v for v in layer.weights if _suffix(v).endswith("_min")]
            high = [v for v in layer.weights if _suffix(v).endswith("_max")]
            if low:
                wrapped = isinstance(layer, QuantizeWrapper)
                found[layer.layer.name if wrapped else _INPUT] = low[0], high[0]
        return found

    def ranges(self) -> dict[str, Range]:
        """By layer name, the range used to round its output."""
        return {
            name: (low.numpy().tolist(), high.numpy().tolist())
            for name, (low, high) in self._range_variables().items()
        }

    def weights_to(self, plain: keras.Model) -> None:
        """Copies the trained weights back to a model like the one this was made from."""
        _copy_weights(self.model, plain)


def calibrated(plain: keras.Model, clips: np.ndarray) -> dict[str, Range]:
    """Ranges of the float model's tensors, to start from.

    TFMOT starts at -6 to 6 and averages towards the observed range over thousands of steps; with
    trained norms the accuracy would first fall to chance.

    Args:
      plain: the float model.
      clips: (n, mel_bands, frames, 1) features.

    Returns:
      By layer name, ranges for `QuantizedModel`.
    """
    configs = {layer.name: config_for(layer) for layer in plain.layers[1:]}
    names = [name for name, config in configs.items() if config.output]
    probe = keras.Model(plain.inputs, [plain.get_layer(name).output for name in names])
    axes = [[0, 1, 2] if configs[name].by_channel else None for name in names]

    def extremes(features: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        outputs = tf.nest.flatten(probe(features, training=False))
        pairs = zip([features, *outputs], [None, *axes], strict=True)
        return [(tf.reduce_min(y, axis), tf.reduce_max(y, axis)) for y, axis in pairs]

    run = tf.function(extremes, autograph=False, reduce_retracing=True)
    seen = [run(clips[at : at + 100]) for at in range(0, len(clips), 100)]
    ranges: dict[str, Range] = {}
    for at, name in enumerate([_INPUT, *names]):
        low = np.min([one[at][0] for one in seen], axis=0)
        high = np.max([one[at][1] for one in seen], axis=0)
        ranges[name] = np.minimum(low, 0.0).tolist(), np.maximum(high, 0.0).tolist()
    return ranges


# Shapes alone are inferred here; AutoGraph would rewrite the source of every layer for that.
@tf.autograph.experimental.do_not_convert
def _applied(plain: keras.Model) -> keras.Model:
    """The model with TFMOT's wrappers around its layers."""
    by_name = {layer.name: config_for(layer) for layer in plain.layers[1:]}

    def annotated(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = layer.__class__.from_config(layer.get_config())
        return tfmot.quantization.keras.quantize_annotate_layer(copy, by_name[layer.name])

    known = {kind.__name__: kind for kind in (LayerConfig, *(rule.layer for rule in RULES))}
    with tfmot.quantization.keras.quantize_scope(known):
        marked = keras.models.clone_model(plain, clone_function=annotated)
        return tfmot.quantization.keras.quantize_apply(marked, _DeviceScheme())


def _suffix(variable: tf.Variable) -> str:
    """ "kernel" of "quant_stem/stem/kernel:0"."""
    return str(variable.name).split(":")[0].split("/")[-1]


def _weights_by_layer(model: keras.Model) -> dict[str, dict[str, tf.Variable]]:
    """Layer name and weight name to variable; wrapped layers by their inner name."""
    found = {}
    for layer in model.layers:
        inner = layer.layer if isinstance(layer, QuantizeWrapper) else layer
        found[inner.name] = {_suffix(v): v for v in layer.weights}
    return found


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies the weights that both models have; quantizers' variables are in only one of them."""
    available = _weights_by_layer(source)
    for name, weights in _weights_by_layer(target).items():
        for suffix, variable in weights.items():
            if suffix in available.get(name, {}):
                variable.assign(available[name][suffix])
