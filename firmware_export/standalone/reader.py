"""What a .tflite says, as a graph that can be compiled: every op, tensor and option checked.

    graph = reader.read(tflite_model.read("model_int8.tflite"))

The file is not believed: shapes must be what the ops give, constants must have the sizes the ops
need, every tensor is written once and before it is read. What passes is exactly what TFLite Micro
would run; anything else is an ExportError that names the op and the tensor.
"""

from collections.abc import Callable

from firmware_export.errors import ExportError
from firmware_export.standalone import ir
from firmware_export.standalone.reading import shapes, values, windows
from firmware_export.standalone.reading.context import Op, Tensors, quantization_problem
from tflite_model.info import ModelInfo, OpInfo, TensorInfo

_Reader = Callable[[Op], "ir.Op | list[ir.Op]"]

# By the schema's name: what reads it, and the highest version whose int8 form that does.
_READERS: dict[str, tuple[_Reader, int]] = {
    "ADD": (values.binary, 5),
    "AVERAGE_POOL_2D": (windows.pool, 3),
    "CONCATENATION": (shapes.concatenation, 4),
    "CONV_2D": (windows.convolution, 8),
    "DEPTHWISE_CONV_2D": (windows.depthwise, 7),
    "EXPAND_DIMS": (shapes.reshape, 1),
    "FULLY_CONNECTED": (windows.fully_connected, 13),
    "HARD_SWISH": (values.unary, 1),
    "LEAKY_RELU": (values.unary, 2),
    "LOGISTIC": (values.unary, 3),
    "MAX_POOL_2D": (windows.pool, 3),
    "MEAN": (shapes.mean, 3),
    "MUL": (values.binary, 7),
    "PAD": (shapes.pad, 4),
    "PADV2": (shapes.pad, 4),
    "QUANTIZE": (values.unary, 4),
    "RELU": (values.unary, 3),
    "RELU6": (values.unary, 3),
    "RELU_N1_TO_1": (values.unary, 1),
    "RESHAPE": (shapes.reshape, 2),
    "RESIZE_NEAREST_NEIGHBOR": (shapes.resize_nearest, 4),
    "RSQRT": (values.unary, 2),
    "SLICE": (shapes.slice_, 6),
    "SOFTMAX": (values.softmax, 3),
    "SQUEEZE": (shapes.reshape, 2),
    "STRIDED_SLICE": (shapes.strided_slice, 8),
    "SUB": (values.binary, 5),
    "TANH": (values.unary, 3),
    "TRANSPOSE": (shapes.transpose, 6),
}
SUPPORTED_OPS = tuple(_READERS)

MAX_OPS = 2_000


def read(model: ModelInfo) -> ir.Graph:
    """Makes the graph of a model.

    Raises:
      ExportError: an op, type or version that cannot be exported, or a file that contradicts
        itself; the message names the op and the tensor and says what would help.
    """
    if len(model.ops) > MAX_OPS:
        raise ExportError(f"the model has {len(model.ops)} ops; at most {MAX_OPS} can be exported")
    tensors = Tensors(model)
    inputs = _inputs(model, tensors)
    ops: list[ir.Op] = []
    for info in model.ops:
        ops.extend(_read_op(info, tensors))
    return ir.Graph(ops, inputs, _outputs(model, tensors))


def _read_op(info: OpInfo, tensors: Tensors) -> list[ir.Op]:
    if info.name not in _READERS:
        raise ExportError(
            f"op {info.index} ({info.full_name}) has no kernel in plain C; change the model so "
            "that it is not needed, or export with --flavor=tflm"
        )
    reader, version = _READERS[info.name]
    op = Op(info, tensors)
    if info.version > version:
        op.fail(
            f"has version {info.version}, versions up to {version} are known",
            "convert with an older TensorFlow",
        )
    made = reader(op)
    tensors.mark_written(info.outputs[0])
    return made if isinstance(made, list) else [made]


def _inputs(model: ModelInfo, tensors: Tensors) -> list[ir.Tensor]:
    found = []
    for info in model.inputs:
        _check_end("input", info)
        if tensors.is_written(info.index) or info.is_constant:
            raise ExportError(
                f"the model's input '{info.name[:60]}' is a constant or named twice; "
                "convert the model again"
            )
        tensors.mark_written(info.index)
        found.append(tensors.get(info.index))
    return found


def _outputs(model: ModelInfo, tensors: Tensors) -> list[ir.Tensor]:
    for info in model.outputs:
        _check_end("output", info)
        if not tensors.is_written(info.index):
            raise ExportError(
                f"the model's output '{info.name[:60]}' is written by no op; convert it again"
            )
    return [tensors.get(info.index) for info in model.outputs]


def _check_end(what: str, info: TensorInfo) -> None:
    problem = quantization_problem(info)
    if problem:
        raise ExportError(f"the model's {what} {problem[0]}; {problem[1]}")
