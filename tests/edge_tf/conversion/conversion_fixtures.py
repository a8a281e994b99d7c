"""Small models for the conversion tests."""

import numpy as np
import tf_keras as keras

import tflite_model
from edge_tf.conversion import int8
from edge_tf.conversion.rewriting import device_graph, graph
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm

layers = keras.layers
SHAPE = (20, 12, 1)


def randomize(model: keras.Model, seed: int = 0) -> keras.Model:
    """Weights and statistics as after a training: none at its neutral value."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        value = variable.numpy()
        if value.dtype.kind != "f":
            continue
        spread = 0.1 * rng.normal(size=value.shape)
        positive = "gamma" in variable.name or "variance" in variable.name
        variable.assign(value * np.exp(spread) if positive else value + spread)
    return model


def with_statistics(model: keras.Model, frames: int) -> keras.Model:
    """Moving statistics of some features, so that the logits of an untrained network differ."""
    features = np.random.default_rng(0).normal(-6.0, 3.0, (4, 40, frames, 1)).astype(np.float32)
    for _ in range(20):
        model(features, training=True)
    return model


def block_model(affine: str = "sub", sub_bands: int = 5) -> keras.Model:
    """One block of each kind of op that our models have."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE, name="features")
    x = layers.Conv2D(6, 5, strides=(2, 1), use_bias=False)(layers.ZeroPadding2D(2)(inputs))
    x = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(x))
    y = layers.DepthwiseConv2D((3, 1), strides=(1, 1), padding="same", use_bias=False)(x)
    y = SubSpectralNorm(sub_bands, affine=affine)(y)
    z = layers.AveragePooling2D((y.shape[1], 1))(y)
    z = layers.DepthwiseConv2D((1, 3), padding="same", dilation_rate=(1, 2), use_bias=False)(z)
    z = layers.Activation("swish")(layers.BatchNormalization(epsilon=1e-5)(z))
    z = layers.SpatialDropout2D(0.1)(layers.Conv2D(6, 1, use_bias=False)(z))
    x = layers.ReLU()(layers.Add()([layers.Add()([y, z]), x]))
    x = layers.GlobalAveragePooling2D()(x)
    return randomize(keras.Model(inputs, layers.Dense(4)(x), name="block"))


def residual_block(
    rows: int, sub_bands: int, stride: int = 1, shortcut: bool = False, padding: str = "same"
) -> keras.Model:
    """A block of broadcasted residual learning on 6 channels with `rows` rows, and nothing else."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((rows, 9, 1), name="features")
    x = layers.ReLU()(layers.Conv2D(6, 1, name="before")(inputs))
    y = x
    if padding == "pad":
        y = layers.ZeroPadding2D((1, 0))(y)
    y = layers.DepthwiseConv2D(
        (3, 1),
        strides=(stride, 1),
        padding="same" if padding == "same" else "valid",
        use_bias=False,
        name="depthwise",
    )(y)
    y = SubSpectralNorm(sub_bands, name="norm")(y)
    z = layers.AveragePooling2D((y.shape[1], 1), name="mean")(y)
    z = layers.Conv2D(6, 1, name="p")(layers.Activation("swish")(layers.Conv2D(6, 1)(z)))
    y = layers.Add()([y, z])
    if shortcut:
        y = layers.Add()([y, x])
    return randomize(keras.Model(inputs, layers.ReLU()(y), name="residual_block"), rows)


def features(count: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(-3.0, 2.0, size=(count, *SHAPE)).astype(np.float32)


def noise(model: keras.Model, count: int, seed: int = 1) -> np.ndarray:
    """Features of the shape that a model expects."""
    rng = np.random.default_rng(seed)
    return rng.normal(-1.0, 2.0, size=(count, *model.input_shape[1:])).astype(np.float32)


def run(output: graph.Node, clips: np.ndarray) -> np.ndarray:
    """The values that a graph computes."""
    return np.asarray(graph.to_function(output)(clips))


def kinds(output: graph.Node) -> list[str]:
    """Names of all nodes' types but the input's, in order."""
    return [type(node).__name__ for node in graph.order(output)][1:]


def _values(device: device_graph.DeviceGraph, clip: np.ndarray) -> dict[graph.Node, np.ndarray]:
    seen = {}

    def compute(node, *read):
        seen[node] = node.compute(*read)
        return seen[node]

    graph.to_function(device.output, compute)(clip)
    return {node: np.asarray(value) for node, value in seen.items()}


def _int8_values(model: bytes, clip: np.ndarray) -> dict[int, np.ndarray]:
    from ai_edge_litert import interpreter as litert

    interpreter = litert.Interpreter(
        model_content=model,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    quantized = np.clip(np.rint(clip / scale) + zero_point, -128, 127).astype(np.int8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], quantized)
    interpreter.invoke()
    info = tflite_model.parse(model)
    return {
        t.index: (interpreter.get_tensor(t.index) - float(t.zero_points[0])) * t.scales[0]
        for t in info.tensors
        if t.type == "INT8" and not t.is_constant
    }


def check_tensors(converted: int8.Converted, clip: np.ndarray) -> None:
    """Each tensor with a node contains, dequantized, the node's values for one clip."""
    assert converted.graph is not None
    wanted = _values(converted.graph, clip)
    found = _int8_values(converted.data, clip)
    for tensor, node in converted.graph.tensors.items():
        x, y = wanted[node], found[tensor]
        assert x.shape == y.shape == node.shape
        error = np.mean(np.square(x - y))
        assert np.mean(np.square(x)) > 10 ** (8 / 10) * error, f"{node.name} is not tensor {tensor}"
