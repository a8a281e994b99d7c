"""From a Keras model in inference mode to the inference graph.

Norms become a multiplication and an addition a channel (and row), dropouts nothing, dense layers
1x1 convolutions. What can be cheaper is the rewrites' business.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tf_keras as keras

from edge_tf.conversion.rewriting import graph
from edge_tf.errors import UserError
from edge_tf.layers.frequency_instance_norm import FrequencyInstanceNorm
from edge_tf.layers.frequency_mix_style import FrequencyMixStyle
from edge_tf.layers.relaxed_instance_frequency_norm import RelaxedInstanceFrequencyNorm
from edge_tf.layers.residual_norm import ResidualNorm
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm

layers = keras.layers


def lower(model: keras.Model) -> graph.Node:
    """The graph of a functional model with one input and one output, batch 1.

    Raises:
      UserError: a layer, or an argument of one, that has no form here; names the layer.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        ends = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise UserError(f"{model.name} has {ends}", "convert a model with one of each")
    nodes: dict[Any, graph.Node] = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for call in model._nodes_by_depth[depth]:
            layer = call.layer
            if isinstance(layer, layers.InputLayer):
                shape = (1, *layer.output_shape[0][1:])
                node: graph.Node = graph.Input((), shape, layer=layer.name)
            else:
                sources = tuple(nodes[t.ref()] for t in _flat(call.keras_inputs))
                node = _named(_lowering(layer)(layer, sources), sources, layer.name)
            nodes[_flat(call.outputs)[0].ref()] = node
    output = nodes[model.outputs[0].ref()]
    if len(model.output_shape) == 2:
        output = graph.Reshape((output,), (1, model.output_shape[1]), layer=output.layer)
    return output


def _named(node: graph.Node, sources: "Sources", layer: str) -> graph.Node:
    """The nodes between a layer's sources and its output, with the layer's name."""
    if node in sources:
        return node
    inputs = (_named(source, sources, layer) for source in node.inputs)
    return dataclasses.replace(node, inputs=tuple(inputs), layer=layer)


def _flat(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


Sources = tuple[graph.Node, ...]


def _lowering(layer: keras.layers.Layer) -> Callable[[Any, Sources], graph.Node]:
    kinds: tuple[Any, ...] = type(layer).__mro__
    for kind in kinds:
        # A subclass that computes something else is another layer: Conv2DTranspose is a Conv2D.
        if kind in _LOWERINGS and type(layer).call is kind.call:
            return _LOWERINGS[kind]
    raise UserError(
        f"layer {layer.name} is a {type(layer).__name__}, which has no int8 form here",
        "use layers of edge_tf.layers and the Keras layers of our models, or --graph=plain",
    )


def _activated(layer: Any, node: graph.Node) -> graph.Node:
    name = keras.activations.serialize(layer.activation)
    if name == "linear":
        return node
    if name == "silu":
        name = "swish"
    if name not in ("relu", "swish"):
        raise UserError(f"layer {layer.name} has the activation {name}", "use relu or swish")
    return graph.Activation((node,), name)


def _bias(layer: Any, channels: int) -> np.ndarray:
    return layer.bias.numpy() if layer.use_bias else np.zeros(channels, np.float32)


def _convolution(layer: Any, sources: Sources) -> graph.Node:
    if layer.groups != 1:
        raise UserError(f"layer {layer.name} has {layer.groups} groups", "use groups=1")
    kernel = layer.kernel.numpy()
    return _convolved(graph.Convolution, layer, sources, kernel, kernel.shape[3])


def _depthwise(layer: Any, sources: Sources) -> graph.Node:
    if layer.depth_multiplier != 1:
        raise UserError(f"layer {layer.name} has a depth multiplier", "use depth_multiplier=1")
    kernel = layer.depthwise_kernel.numpy()
    return _convolved(graph.Depthwise, layer, sources, kernel, kernel.shape[2])


def _convolved(
    kind: type[graph.Convolution], layer: Any, sources: Sources, kernel: np.ndarray, channels: int
) -> graph.Node:
    stride, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    bias, padding = _bias(layer, channels), layer.padding.upper()
    return _activated(layer, kind(sources, kernel, bias, stride, dilation, padding))


def _dense(layer: Any, sources: Sources) -> graph.Node:
    if len(layer.input_shape) != 2:
        raise UserError(f"layer {layer.name} is a Dense on {layer.input_shape}", "use Conv2D")
    kernel = layer.kernel.numpy()
    source = sources[0]
    if source.shape != (1, 1, 1, kernel.shape[0]):
        source = graph.Reshape((source,), (1, 1, 1, kernel.shape[0]))
    node = graph.Convolution((source,), kernel[None, None], _bias(layer, kernel.shape[1]))
    return _activated(layer, node)


def _batch_norm(layer: Any, sources: Sources) -> graph.Node:
    if list(layer.axis) != [len(layer.input_shape) - 1]:
        raise UserError(f"layer {layer.name} is a norm over axis {list(layer.axis)}", "use axis=-1")
    scale = 1.0 / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
    scale = scale if layer.gamma is None else scale * layer.gamma.numpy()
    offset = -layer.moving_mean.numpy() * scale
    offset = offset if layer.beta is None else offset + layer.beta.numpy()
    shape = (1, 1, 1, len(scale))
    return graph.Affine(sources, scale.reshape(shape), offset.reshape(shape))


def _sub_spectral_norm(layer: Any, sources: Sources) -> graph.Node:
    rows = layer.input_shape[1] // layer.sub_bands
    by_row = (np.repeat(t.numpy(), rows, axis=0) for t in layer.scale_and_offset())
    return graph.Affine(sources, *(t[np.newaxis, :, np.newaxis, :] for t in by_row))


def _pool(kind: type[graph.Pool] | type[graph.MaxPool], layer: Any, sources: Sources) -> graph.Node:
    if tuple(layer.strides) != tuple(layer.pool_size) or layer.padding != "valid":
        raise UserError(f"layer {layer.name} pools windows that overlap or are padded")
    return kind(sources, tuple(layer.pool_size))


def _instance_norm(x: graph.Node, axes: tuple[int, ...], epsilon: float) -> graph.Node:
    """(x - mean) / sqrt(variance + epsilon) with moments over axes."""
    centred = graph.Subtract((x, graph.Mean((x,), axes)))
    variance = graph.Mean((graph.Multiply((centred, centred)),), axes)
    return graph.Multiply((centred, graph.InverseRoot((variance,), epsilon)))


def _frequency_instance_norm(layer: Any, sources: Sources) -> graph.Node:
    return _instance_norm(sources[0], (2, 3), layer.epsilon)


def _residual_norm(layer: Any, sources: Sources) -> graph.Node:
    normed = _frequency_instance_norm(layer, sources)
    return graph.Add((_scaled(sources[0], layer.weight), normed)) if layer.weight else normed


def _relaxed_norm(layer: Any, sources: Sources) -> graph.Node:
    parts = ((layer.weight, (1, 2, 3)), (1 - layer.weight, (2, 3)))
    scaled = [
        _scaled(_instance_norm(sources[0], axes, layer.epsilon), weight)
        for weight, axes in parts
        if weight
    ]
    return functools.reduce(lambda left, right: graph.Add((left, right)), scaled)


def _scaled(x: graph.Node, factor: float) -> graph.Node:
    scale = np.full((1, 1, 1, x.shape[3]), factor, np.float32)
    return graph.Affine((x,), scale, np.zeros_like(scale))


def _global_average_pool(layer: Any, sources: Sources) -> graph.Node:
    return graph.Pool(sources, tuple(layer.input_shape[1:3]))


def _pad(layer: Any, sources: Sources) -> graph.Node:
    rows, columns = (tuple(pair) for pair in layer.padding)
    return graph.Pad(sources, rows, columns)


def _relu(layer: Any, sources: Sources) -> graph.Node:
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        raise UserError(f"layer {layer.name} is no plain ReLU", "use ReLU without arguments")
    return graph.Activation(sources, "relu")


def _add(layer: Any, sources: Sources) -> graph.Node:
    return functools.reduce(lambda left, right: graph.Add((left, right)), sources)


def _pass(layer: Any, sources: Sources) -> graph.Node:
    return sources[0]


_LOWERINGS: dict[type, Callable[[Any, Sources], graph.Node]] = {
    layers.DepthwiseConv2D: _depthwise,
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    layers.BatchNormalization: _batch_norm,
    SubSpectralNorm: _sub_spectral_norm,
    FrequencyInstanceNorm: _frequency_instance_norm,
    ResidualNorm: _residual_norm,
    RelaxedInstanceFrequencyNorm: _relaxed_norm,
    layers.AveragePooling2D: functools.partial(_pool, graph.Pool),
    layers.MaxPooling2D: functools.partial(_pool, graph.MaxPool),
    layers.GlobalAveragePooling2D: _global_average_pool,
    layers.ZeroPadding2D: _pad,
    layers.ReLU: _relu,
    layers.Activation: lambda layer, sources: _activated(layer, sources[0]),
    layers.Add: _add,
    FrequencyMixStyle: _pass,
    layers.Dropout: _pass,
    layers.SpatialDropout2D: _pass,
}
