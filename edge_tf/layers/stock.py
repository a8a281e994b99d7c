"""The rules of Keras' own layers."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras as keras

from edge_tf.errors import UserError
from edge_tf.layers.rule import Builder, Kernel, LayerRule, N, Passes, PruneKind, Role

layers = keras.layers


def activated(layer: Any, node: N, build: Builder[N]) -> N:
    """The node followed by a layer's activation."""
    name = keras.activations.serialize(layer.activation)
    if name == "linear":
        return node
    if name == "silu":
        name = "swish"
    if name not in ("relu", "swish"):
        raise UserError(f"layer {layer.name} has the activation {name}", "use relu or swish")
    return build.activation(node, name)


def bias_of(layer: Any, channels: int) -> np.ndarray:
    """The bias; zeros for a layer without one."""
    return layer.bias.numpy() if layer.use_bias else np.zeros(channels, np.float32)


class Conv2DRule(LayerRule):
    """CONV_2D. A norm and activation that are its only readers are fused into it."""

    layer = layers.Conv2D
    kernel = Kernel()
    role = Role.CONVOLUTION

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        if layer.groups != 1:
            raise UserError(f"layer {layer.name} has {layer.groups} groups", "use groups=1")
        kernel = layer.kernel.numpy()
        bias = bias_of(layer, kernel.shape[3])
        node = build.convolution(inputs[0], kernel, bias, *_windows(layer))
        return activated(layer, node, build)

    def kernel_kind(self, layer: Any) -> PruneKind:
        return "pointwise" if tuple(layer.kernel_size) == (1, 1) else "stem"

    def can_multiply_inputs(self, layer: Any) -> bool:
        return bool(layer.groups == 1)


class DepthwiseConv2DRule(LayerRule):
    """DEPTHWISE_CONV_2D, like Conv2D."""

    layer = layers.DepthwiseConv2D
    kernel = Kernel("depthwise_kernel", output_axis=2)
    role = Role.CONVOLUTION

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        if layer.depth_multiplier != 1:
            raise UserError(f"layer {layer.name} has a depth multiplier", "use depth_multiplier=1")
        kernel = layer.depthwise_kernel.numpy()
        bias = bias_of(layer, kernel.shape[2])
        node = build.depthwise(inputs[0], kernel, bias, *_windows(layer))
        return activated(layer, node, build)

    def kernel_kind(self, layer: Any) -> PruneKind:
        return "depthwise"


def _windows(layer: Any) -> tuple[tuple[int, int], tuple[int, int], str]:
    """Stride, dilation and padding of a convolution."""
    return tuple(layer.strides), tuple(layer.dilation_rate), layer.padding.upper()


class DenseRule(LayerRule):
    """A dense layer as a 1x1 convolution of one pixel, which BC-ResNet's classifier is anyway.

    LiteRT's reference FULLY_CONNECTED rounds an accumulator once, TFLite Micro's twice, so about
    one output in 400 differs by one step (LiteRT 2.3.0); in CONV_2D both round alike.
    """

    layer = layers.Dense
    kernel = Kernel()
    role = Role.CONVOLUTION

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        if len(layer.input_shape) != 2:
            raise UserError(f"layer {layer.name} is a Dense on {layer.input_shape}", "use Conv2D")
        kernel = layer.kernel.numpy()
        pixel = (1, 1, 1, kernel.shape[0])
        source = inputs[0] if inputs[0].shape == pixel else build.reshape(inputs[0], pixel)
        node = build.convolution(source, kernel[None, None], bias_of(layer, kernel.shape[1]))
        return activated(layer, node, build)

    def fold(self, layer: Any, build: Builder[N]) -> Mapping[str, N]:
        if not self.can_shift_logits(layer):
            return {}
        return {layer.name: self.lower(layer, [build.input((1, layer.input_shape[1]))], build)}

    def can_shift_logits(self, layer: Any) -> bool:
        linear = layer.activation is keras.activations.linear
        return linear and len(layer.input_shape) == 2

    def kernel_kind(self, layer: Any) -> PruneKind:
        return "pointwise"


class BatchNormalizationRule(LayerRule):
    """A multiplication and an addition per channel, folded into the preceding convolution.

    The plain graph keeps the layer: the TFLite converter folds it.
    """

    layer = layers.BatchNormalization
    role = Role.NORM
    fuses = frozenset({Role.CONVOLUTION})

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        if list(layer.axis) != [len(layer.input_shape) - 1]:
            raise UserError(
                f"layer {layer.name} is a norm over axis {list(layer.axis)}", "use axis=-1"
            )
        scale = 1.0 / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
        scale = scale if layer.gamma is None else scale * layer.gamma.numpy()
        offset = -layer.moving_mean.numpy() * scale
        offset = offset if layer.beta is None else offset + layer.beta.numpy()
        shape = (1, 1, 1, len(scale))
        return build.affine(inputs[0], scale.reshape(shape), offset.reshape(shape))

    def can_divide_outputs(self, layer: Any) -> bool:
        return layer.gamma is not None and layer.beta is not None

    def divide_outputs(self, layer: Any, factors: np.ndarray) -> None:
        layer.gamma.assign(layer.gamma / factors)
        layer.beta.assign(layer.beta / factors)


class ReLURule(LayerRule):
    """A plain ReLU, which is fused into the preceding op."""

    layer = layers.ReLU
    fuses = frozenset({Role.CONVOLUTION, Role.NORM, Role.SUM})

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        if not self.keeps_factors(layer):
            raise UserError(f"layer {layer.name} is not a plain ReLU", "use ReLU without arguments")
        return build.activation(inputs[0], "relu")

    def keeps_factors(self, layer: Any) -> bool:
        return layer.max_value is None and not layer.negative_slope and not layer.threshold


class ActivationRule(LayerRule):
    """relu or swish by name."""

    layer = layers.Activation

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        return activated(layer, inputs[0], build)


class AddRule(LayerRule):
    """Consecutive sums become one: f1, f2 and the shortcut of a block."""

    layer = layers.Add
    role = Role.SUM
    fuses = frozenset({Role.SUM})

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        return functools.reduce(build.add, inputs)


class AveragePooling2DRule(LayerRule):
    """Means over windows.

    Over all rows of a frame the plain graph has a depthwise convolution with equal weights: the
    output of AVERAGE_POOL_2D must have the scale of its input, and a mean is several times smaller
    than its input; a convolution has a separate output scale, and equal weights are exact in int8.
    """

    layer = layers.AveragePooling2D
    role = Role.MEAN
    passes = Passes.CHANNELS

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        return build.average_pool(inputs[0], _window(layer))

    def fold(self, layer: Any, build: Builder[N]) -> Mapping[str, N]:
        _, rows, columns, channels = layer.input_shape
        if layer.pool_size != (rows, 1) or layer.padding != "valid":
            return {}
        kernel = np.full((rows, 1, channels, 1), 1.0 / rows, np.float32)
        x = build.input((1, rows, columns, channels))
        return {layer.name: build.depthwise(x, kernel, np.zeros(channels, np.float32))}


class MaxPooling2DRule(LayerRule):
    """A maximum is one of its inputs, so it is already rounded."""

    layer = layers.MaxPooling2D
    passes = Passes.CHANNELS
    rounds = False

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        return build.max_pool(inputs[0], _window(layer))


def _window(layer: Any) -> tuple[int, int]:
    if tuple(layer.strides) != tuple(layer.pool_size) or layer.padding != "valid":
        raise UserError(f"layer {layer.name} pools windows that overlap or are padded")
    return tuple(layer.pool_size)


class GlobalAveragePooling2DRule(LayerRule):
    """The mean over all positions."""

    layer = layers.GlobalAveragePooling2D
    passes = Passes.CHANNELS

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        return build.average_pool(inputs[0], tuple(layer.input_shape[1:3]))


class ZeroPadding2DRule(LayerRule):
    """Zero padding."""

    layer = layers.ZeroPadding2D
    passes = Passes.VALUES
    rounds = False

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        rows, columns = (tuple(pair) for pair in layer.padding)
        return build.pad(inputs[0], rows, columns)


class IdentityRule(LayerRule):
    """A layer that does nothing in inference; subclasses name it."""

    passes = Passes.VALUES
    rounds = False

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        return inputs[0]


class DropoutRule(IdentityRule):
    """Dropout of single values."""

    layer = layers.Dropout


class SpatialDropout2DRule(IdentityRule):
    """Dropout of whole channels."""

    layer = layers.SpatialDropout2D


STOCK_RULES: tuple[LayerRule, ...] = (
    Conv2DRule(),
    DepthwiseConv2DRule(),
    DenseRule(),
    BatchNormalizationRule(),
    ReLURule(),
    ActivationRule(),
    AddRule(),
    AveragePooling2DRule(),
    MaxPooling2DRule(),
    GlobalAveragePooling2DRule(),
    ZeroPadding2DRule(),
    DropoutRule(),
    SpatialDropout2DRule(),
)
