"""The model for phones: audio in, scores out, in one .tflite file of builtin ops.

    waveform -> the front-end's float graph -> QUANTIZE -> the int8 network -> DEQUANTIZE -> SOFTMAX

The front-end is the one used in training, converted; the network is that of model_int8.tflite, op
for op and byte for byte, not converted again. So a phone differs from a microcontroller only in the
rounding of the features.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

import tflite_model
from edge_tf.audio import frontend
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import int8
from edge_tf.conversion.tflite import tflite_edit
from edge_tf.errors import UserError
from firmware_export import packing
from tflite_model.names import printable

INPUT, OUTPUT = "waveform", "scores"
SIGNATURE = b"serving_default"


def convert(network: bytes, config: FrontendConfig, labels: Sequence[str]) -> bytes:
    """Puts the front-end before an int8 model, and a softmax after it.

    Args:
      network: an int8 .tflite file that accepts the features of `config`.
      config: the front-end.
      labels: in the order of the logits.

    Returns:
      A .tflite file: float32 [1, samples] in [-1, 1] in, float32 [1, classes] probabilities out.

    Raises:
      UserError: TFLite cannot compute this front-end.
      ExportError: the model is not an int8 classifier of these features.
    """
    info = tflite_model.parse(network, "the int8 model")
    packing.check_classifier(info, labels)
    if info.inputs[0].shape != (1, *config.feature_shape):
        raise UserError(
            f"the int8 model expects {info.inputs[0].shape}, the front-end produces "
            f"{(1, *config.feature_shape)}",
            "use the model and frontend.json of the same run",
        )
    joined = _join(tflite_edit.unpack(_frontend(config)), tflite_edit.unpack(network))
    data = tflite_edit.pack(joined, alignment=16)
    check(data)
    return data


def check(data: bytes) -> None:
    """Enforces what Android's libraries accept: builtin ops, static shapes, float in and out.

    Raises:
      UserError: names the first op or tensor that breaks a rule.
    """
    info = tflite_model.parse(data, "the model for Android")
    for op in info.ops:
        if op.is_custom:
            raise UserError(
                f"op {op.index} ({op.full_name}) is not a TFLite builtin",
                "use a front-end and layers that TFLite supports",
            )
    dynamic = next((tensor for tensor in info.tensors if not tensor.is_static), None)
    if dynamic is not None:
        raise UserError(f"the tensor '{printable(dynamic.name)}' has no fixed shape")
    for tensor in (info.inputs[0], info.outputs[0]):
        if tensor.type != "FLOAT32" or len(tensor.shape) != 2 or tensor.shape[0] != 1:
            name = printable(tensor.name)
            raise UserError(f"'{name}' is {tensor.type} {tensor.shape}, not float32 [1, n]")


def _frontend(config: FrontendConfig) -> bytes:
    """The front-end alone, as a float .tflite file."""
    if config.fft_size & (config.fft_size - 1):
        raise UserError(
            f"fft_size={config.fft_size} is not a power of two, which TFLite's RFFT2D needs",
            "train with a different --window_ms",
        )
    spec = tf.TensorSpec((1, config.clip_samples), tf.float32, name=INPUT)
    traced = tf.function(lambda sound: frontend.log_mel(sound, config), autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [traced.get_concrete_function(spec)], tf.Module()
    )
    with int8.quiet():
        return bytes(converter.convert())


def _join(model: schema.ModelT, network: schema.ModelT) -> schema.ModelT:
    """`model`, which computes features, followed by the network."""
    (graph,), (inner,) = model.subgraphs, network.subgraphs
    tensor = len(graph.tensors)
    _append(model, network)

    features, (logits,) = int(graph.outputs[0]), inner.outputs
    values = _like(graph, "logits", int(logits) + tensor)
    scores = _like(graph, OUTPUT, values)
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    quantize, dequantize = schema.QuantizeOptionsT(), schema.DequantizeOptionsT()
    given = int(inner.inputs[0]) + tensor
    graph.operators = [
        *graph.operators,
        tflite_edit.operator(model, "QUANTIZE", [features], [given], quantize),
        *inner.operators,
        # Version 2 is the one that reads int8.
        tflite_edit.operator(model, "DEQUANTIZE", [int(logits) + tensor], [values], dequantize, 2),
        tflite_edit.operator(model, "SOFTMAX", [values], [scores], softmax),
    ]
    graph.outputs = [scores]
    _name(model)
    model.metadata = None  # the converter wrote it for the front-end only
    _drop_unused_buffers(model)
    return model


def _append(model: schema.ModelT, network: schema.ModelT) -> None:
    """Appends buffers and tensors of the network to the model's and re-indexes its ops."""
    (graph,), (inner,) = model.subgraphs, network.subgraphs
    buffer, tensor, code = len(model.buffers), len(graph.tensors), len(model.operatorCodes)
    model.buffers = [*model.buffers, *network.buffers]
    # One kind of op may come in two versions, so both tables are kept whole.
    model.operatorCodes = [*model.operatorCodes, *network.operatorCodes]
    for added in inner.tensors:
        added.buffer += buffer
    graph.tensors = [*graph.tensors, *inner.tensors]
    for op in inner.operators:
        op.opcodeIndex += code
        op.inputs = [index if index < 0 else int(index) + tensor for index in op.inputs]
        op.outputs = [int(index) + tensor for index in op.outputs]


def _like(graph: schema.SubGraphT, name: str, index: int) -> int:
    """A new float tensor with the shape of another."""
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name.encode(), schema.TensorType.FLOAT32, 0
    tensor.shape = np.array(graph.tensors[index].shape, np.int32)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _drop_unused_buffers(model: schema.ModelT) -> None:
    """Keeps only buffer 0, which means no content, and the buffers of tensors."""
    (graph,) = model.subgraphs
    used = sorted({0, *(tensor.buffer for tensor in graph.tensors)})
    place = {old: new for new, old in enumerate(used)}
    model.buffers = [model.buffers[old] for old in used]
    for tensor in graph.tensors:
        tensor.buffer = place[tensor.buffer]


def _name(model: schema.ModelT) -> None:
    """Shortens the names of inner tensors; names input and output, and adds a signature."""
    (graph,) = model.subgraphs
    for index, tensor in enumerate(graph.tensors):
        tensor.name = f"t{index}".encode()
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    ends = ((INPUT, graph.inputs), (OUTPUT, graph.outputs))
    named = []
    for name, (index,) in ends:
        graph.tensors[index].name = name.encode()
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), int(index)
        named.append([entry])
    signature.inputs, signature.outputs = named
    model.signatureDefs = [signature]
