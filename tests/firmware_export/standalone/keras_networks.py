"""Random Keras networks of layers of every kind, as the stock converter makes them int8.

Needs TensorFlow; import it inside functions.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

_MAX_ITEMS = 3_000
# Unrolled loops become ops for each of them, scores of attention grow with their square.
_MAX_STEPS = 16
# Types of inputs and outputs; most files have int8.
_ENDS = ("int8", "int8", "int8", "uint8", "float32")


@dataclasses.dataclass(frozen=True)
class Network:
    """A converted network.

    Attributes:
      model: the .tflite file; b"" if the converter refuses the network.
      layers: kinds of its layers, in order.
      inputs: a few inputs, of the model's type.
    """

    model: bytes
    layers: tuple[str, ...]
    inputs: list[np.ndarray]


def make(seed: int) -> Network:
    """A network of three to seven layers after an image, a sequence or a vector."""
    import tf_keras

    rng = np.random.default_rng(seed)
    tf_keras.utils.set_random_seed(seed)
    maker = _Maker(rng)
    first = maker.tensor
    for _ in range(int(rng.integers(3, 8))):
        maker.add()
    model = tf_keras.Model(first, maker.tensor)
    for weight in model.weights:  # Norms have moments, and biases are not all zero.
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    shape = tuple(first.shape[1:])
    clips = rng.normal(size=(6, 1, *shape)).astype(np.float32)
    ends = str(rng.choice(_ENDS))
    content = _converted(model, clips, ends, has_batch=bool(rng.random() < 0.8))
    if ends != "float32":
        limits = np.iinfo(ends)
        clips = rng.integers(limits.min, limits.max + 1, clips.shape).astype(ends)
    return Network(content, tuple(maker.layers), list(clips[:3]))


def _converted(model: Any, clips: np.ndarray, ends: str, has_batch: bool) -> bytes:
    """The file; without `has_batch`, its batch is left open, as Keras does."""
    import tensorflow as tf

    if has_batch:
        traced = tf.function(model).get_concrete_function(tf.TensorSpec(clips.shape[1:]))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], model)
    else:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([clip] for clip in clips)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.as_dtype(ends)
    try:
        return bytes(converter.convert())
    except Exception:  # Its own errors have many types; what it refuses is not ours to test.
        return b""


class _Maker:
    """Adds layers that fit the rank of the tensor so far."""

    def __init__(self, rng: np.random.Generator) -> None:
        import tf_keras

        self.keras = tf_keras
        self.rng = rng
        self.layers: list[str] = []
        shape = self.pick(
            (self.integer(4, 9), self.integer(4, 9), self.pick(1, 3, 4)),
            (self.integer(5, 12), self.pick(1, 4, 6)),
            (self.integer(4, 20),),
        )
        self.tensor = tf_keras.Input(shape)

    def pick(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def add(self) -> None:
        rank = len(self.tensor.shape)
        kinds = [*_ANY, *{2: _VECTORS, 3: _SEQUENCES, 4: _IMAGES}[rank]]
        kind = self.pick(*kinds)
        try:
            made = kind(self)
        except ValueError:  # The window is larger than what is left.
            return
        if made is None or int(np.prod(made.shape[1:])) > _MAX_ITEMS or 0 in made.shape[1:]:
            return
        self.layers.append(kind.__name__.strip("_"))
        self.tensor = made

    def window(self) -> dict[str, Any]:
        strides = self.pick(1, 1, 2)
        return {
            "padding": self.pick("same", "valid"),
            "strides": strides,
            "dilation_rate": self.pick(1, 2) if strides == 1 else 1,
            "activation": self.pick(None, "relu", "relu6", "swish", "tanh"),
        }


_Layer = Callable[[_Maker], Any]


def _activation(m: _Maker) -> Any:
    names = ("relu", "relu6", "sigmoid", "tanh", "softmax", "swish", "elu", "hard_sigmoid")
    # TFLite Micro has no int8 kernel for a part of each of these.
    others = ("selu", "gelu", "softplus", "softsign", "exponential", "mish")
    return m.keras.layers.Activation(m.pick(*names, *names, *names, *others))(m.tensor)


def _rectifier(m: _Maker) -> Any:
    layers = m.keras.layers
    made = m.pick(
        layers.ReLU(max_value=m.pick(None, 4.0, 6.0), negative_slope=m.pick(0.0, 0.1)),
        layers.LeakyReLU(0.2),
        layers.PReLU(
            alpha_initializer="random_uniform",
            shared_axes=list(range(1, len(m.tensor.shape) - 1)) or None,
        ),
        layers.ELU(),
    )
    return made(m.tensor)


def _norm(m: _Maker) -> Any:
    layers = m.keras.layers
    made = m.pick(layers.BatchNormalization(), layers.BatchNormalization(scale=False))
    other = m.pick(made, made, layers.LayerNormalization(), layers.UnitNormalization())
    return other(m.tensor)


def _reshaped(m: _Maker) -> Any:
    layers = m.keras.layers
    shape = m.tensor.shape[1:]
    if len(shape) == 1:
        return layers.Reshape((shape[0], 1))(m.tensor)
    return m.pick(
        layers.Flatten(),
        layers.Reshape((shape[0], int(np.prod(shape[1:])))),
        layers.Permute((2, 1) if len(shape) == 2 else (2, 1, 3)),
    )(m.tensor)


def _joined(m: _Maker) -> Any:
    """Two paths that meet again."""
    layers = m.keras.layers
    size = m.tensor.shape[-1]
    other = layers.Dense(size, activation=m.pick(None, "relu", "sigmoid"))(m.tensor)
    kinds = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    return getattr(layers, m.pick(*kinds))()([m.tensor, other])


def _gate(m: _Maker) -> Any:
    """Squeeze and excitation."""
    if len(m.tensor.shape) != 4:
        return None
    layers = m.keras.layers
    x = layers.GlobalAveragePooling2D(keepdims=True)(m.tensor)
    x = layers.Dense(m.tensor.shape[-1], activation=m.pick("sigmoid", "hard_sigmoid"))(x)
    return layers.Multiply()([m.tensor, x])


def _arithmetic(m: _Maker) -> Any:
    import tensorflow as tf

    function = m.pick(
        lambda x: x * 0.5 + 0.25,
        tf.abs,
        tf.square,
        lambda x: tf.maximum(x, 0.1),
        lambda x: tf.clip_by_value(x, -0.5, 0.75),
        lambda x: tf.math.squared_difference(x, 0.5),
        lambda x: -x,
        lambda x: tf.exp(-tf.abs(x)),
        lambda x: tf.sqrt(tf.abs(x) + 0.1),
        lambda x: tf.math.rsqrt(tf.abs(x) + 0.1),
        lambda x: x / (1.0 + tf.abs(x)),
        lambda x: tf.where(x > 0.2, x, 0.5 * x),
    )
    return m.keras.layers.Lambda(function)(m.tensor)


def _dense(m: _Maker) -> Any:
    return m.keras.layers.Dense(m.integer(1, 12), activation=m.pick(None, "relu", "sigmoid"))(
        m.tensor
    )


def _reduced(m: _Maker) -> Any:
    import tensorflow as tf

    function = m.pick(tf.reduce_mean, tf.reduce_sum, tf.reduce_max, tf.reduce_min)
    axis, keep = m.integer(1, len(m.tensor.shape) - 1), m.pick(True, False)
    if len(m.tensor.shape) == 2 and not keep:
        return None
    return m.keras.layers.Lambda(lambda x: function(x, axis=axis, keepdims=keep))(m.tensor)


def _softmax(m: _Maker) -> Any:
    return m.keras.layers.Softmax()(m.tensor)


def _repeat_vector(m: _Maker) -> Any:
    return m.keras.layers.RepeatVector(m.integer(2, 4))(m.tensor)


def _conv_1d(m: _Maker) -> Any:
    settings = m.window()
    settings["padding"] = m.pick("same", "valid", "causal")
    return m.keras.layers.Conv1D(m.integer(1, 8), m.integer(1, 4), **settings)(m.tensor)


def _separable_1d(m: _Maker) -> Any:
    settings = m.window() | {"dilation_rate": 1}
    layers = m.keras.layers
    if m.pick(True, False):
        return layers.SeparableConv1D(m.integer(1, 8), m.integer(1, 3), **settings)(m.tensor)
    return layers.DepthwiseConv1D(m.integer(1, 3), **settings)(m.tensor)


def _pool_1d(m: _Maker) -> Any:
    layers = m.keras.layers
    settings = {"padding": m.pick("same", "valid")}
    made = m.pick(
        layers.MaxPooling1D(2, **settings),
        layers.AveragePooling1D(2, **settings),
        layers.GlobalAveragePooling1D(),
        layers.GlobalMaxPooling1D(),
    )
    return made(m.tensor)


def _sized_1d(m: _Maker) -> Any:
    layers = m.keras.layers
    made = m.pick(layers.UpSampling1D(2), layers.ZeroPadding1D((1, 2)), layers.Cropping1D((1, 1)))
    return made(m.tensor)


def _recurrent(m: _Maker) -> Any:
    if m.tensor.shape[1] > _MAX_STEPS:
        return None
    layers = m.keras.layers
    settings = {"unroll": m.pick(True, True, False), "return_sequences": m.pick(True, False)}
    kind = m.pick(layers.LSTM, layers.GRU, layers.SimpleRNN)
    if kind is not layers.LSTM:
        # The converter's calibration reads through a null pointer in some of their loops.
        settings["unroll"] = True
    return kind(m.integer(1, 5), **settings)(m.tensor)


def _attention(m: _Maker) -> Any:
    if m.tensor.shape[1] > _MAX_STEPS:
        return None
    layers = m.keras.layers
    if m.pick(True, False):
        return layers.Attention()([m.tensor, m.tensor])
    return layers.MultiHeadAttention(m.integer(1, 2), 3)(m.tensor, m.tensor)


def _conv_2d(m: _Maker) -> Any:
    settings = m.window()
    channels = m.tensor.shape[-1]
    groups = m.pick(1, 1, 1, channels)
    settings["groups"] = groups
    window = (m.integer(1, 4), m.integer(1, 4))
    return m.keras.layers.Conv2D(groups * m.integer(1, 5), window, **settings)(m.tensor)


def _depthwise_2d(m: _Maker) -> Any:
    layers = m.keras.layers
    settings = m.window()
    multiplier = m.pick(1, 1, 2)
    if m.pick(True, False):
        return layers.DepthwiseConv2D(3, depth_multiplier=multiplier, **settings)(m.tensor)
    return layers.SeparableConv2D(
        m.integer(1, 6), m.integer(2, 3), depth_multiplier=multiplier, **settings
    )(m.tensor)


def _transposed_2d(m: _Maker) -> Any:
    return m.keras.layers.Conv2DTranspose(
        m.integer(1, 4), m.integer(1, 3), strides=m.pick(1, 2), padding=m.pick("same", "valid")
    )(m.tensor)


def _pool_2d(m: _Maker) -> Any:
    layers = m.keras.layers
    settings = {"padding": m.pick("same", "valid"), "strides": m.pick(None, 1, 2)}
    made = m.pick(
        layers.MaxPooling2D((2, m.pick(1, 3)), **settings),
        layers.AveragePooling2D((m.pick(1, 3), 2), **settings),
        layers.GlobalAveragePooling2D(keepdims=m.pick(True, False)),
        layers.GlobalMaxPooling2D(keepdims=m.pick(True, False)),
    )
    return made(m.tensor)


def _sized_2d(m: _Maker) -> Any:
    layers = m.keras.layers
    made = m.pick(
        layers.UpSampling2D(2),
        layers.UpSampling2D((1, 2), interpolation="bilinear"),
        layers.ZeroPadding2D(((1, 0), (0, 2))),
        layers.Cropping2D(((1, 0), (0, 1))),
        layers.Resizing(m.integer(2, 7), m.integer(2, 7), m.pick("nearest", "bilinear")),
    )
    return made(m.tensor)


def _blocks_2d(m: _Maker) -> Any:
    import tensorflow as tf

    _, height, width, channels = m.tensor.shape
    if channels % 4 == 0:
        return m.keras.layers.Lambda(lambda x: tf.nn.depth_to_space(x, 2))(m.tensor)
    if height % 2 == 0 and width % 2 == 0:
        return m.keras.layers.Lambda(lambda x: tf.nn.space_to_depth(x, 2))(m.tensor)
    return None


def _parts_2d(m: _Maker) -> Any:
    import tensorflow as tf

    amounts = [[0, 0], [1, 1], [2, 0], [0, 0]]
    mirrored = m.keras.layers.Lambda(lambda x: tf.pad(x, amounts, "REFLECT"))
    swapped = m.keras.layers.Lambda(lambda x: tf.concat(tf.split(x, 2, -1)[::-1], 1))
    return (mirrored if m.tensor.shape[-1] % 2 else swapped)(m.tensor)


_ANY: list[_Layer] = [_activation, _activation, _rectifier, _norm, _reshaped, _joined, _arithmetic]
_ANY += [_dense, _reduced, _softmax, _gate]
_VECTORS: list[_Layer] = [_dense, _dense, _repeat_vector]
_SEQUENCES: list[_Layer] = [
    _conv_1d,
    _conv_1d,
    _separable_1d,
    _pool_1d,
    _sized_1d,
    _recurrent,
    _attention,
]
_IMAGES: list[_Layer] = [_conv_2d, _conv_2d, _conv_2d, _depthwise_2d, _transposed_2d, _pool_2d]
_IMAGES += [_sized_2d, _blocks_2d, _parts_2d]
