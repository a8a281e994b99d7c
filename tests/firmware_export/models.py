"""Small .tflite files for tests, made with the schema's object API: no TensorFlow needed."""

import os
from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

INPUTS = 8
CLASSES = 3

LABELS = ("yes", "no", 'caf\u00e9 "au lait"??=', "_unknown_")


def fully_connected(change: Callable[[Any], None] = lambda model: None) -> bytes:
    """An int8 model of one FULLY_CONNECTED op, [1, 8] -> [1, 3].

    Args:
      change: gets the schema's ModelT and may alter it before it is written.
    """
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (CLASSES, INPUTS), dtype=np.int8)
    bias = rng.integers(-500, 500, CLASSES, dtype=np.int32)

    model = schema.ModelT()
    model.version = 3
    model.description = "made by a test"
    model.buffers = [_buffer(b""), _buffer(weights.tobytes()), _buffer(bias.tobytes())]
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor("features", (1, INPUTS), schema.TensorType.INT8, 0.05, -3, 0),
        _tensor("weights", weights.shape, schema.TensorType.INT8, 0.01, 0, 1),
        _tensor("bias", bias.shape, schema.TensorType.INT32, 0.0005, 0, 2),
        _tensor("logits", (1, CLASSES), schema.TensorType.INT8, 0.1, 4, 0),
    ]
    graph.inputs, graph.outputs = [0], [3]
    op = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = 0, [0, 1, 2], [3]
    op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    op.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [op]
    model.subgraphs = [graph]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 4
    model.operatorCodes = [code]

    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def set_op(model: Any, code: int, custom: str | None = None) -> None:
    """Names another op in the op table, its inputs and outputs unchanged."""
    entry = model.operatorCodes[0]
    entry.builtinCode, entry.deprecatedBuiltinCode = code, min(code, 127)
    entry.customCode = custom


def _buffer(data: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8) if data else None
    return buffer


def _tensor(
    name: str, shape: tuple[int, ...], kind: int, scale: float, zero_point: int, buffer: int
) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = [scale]
    tensor.quantization.zeroPoint = [zero_point]
    return tensor


def converted() -> bytes:
    """A fully-int8 .tflite from TensorFlow's converter: [1, 40, 101, 1] -> [1, 4]."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    features = tf_keras.Input((40, 101, 1), batch_size=1, name="features")
    x = layers.Conv2D(8, 5, strides=2, padding="same", activation="relu")(features)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Add()([x, layers.Activation("sigmoid")(x)])
    x = layers.GlobalAveragePooling2D()(x)
    model = tf_keras.Model(features, layers.Dense(len(LABELS))(x))

    rng = np.random.default_rng(0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.normal(size=(1, 40, 101, 1)).astype(np.float32)] for _ in range(4)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())
