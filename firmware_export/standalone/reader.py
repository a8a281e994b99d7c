"""Reads a .tflite as a graph that can be compiled, and checks every op, tensor and option.

    graph = reader.read(tflite_model.read("model_int8.tflite"))

The file is not trusted: shapes must be what the ops produce, constants must have the sizes the ops
need, every tensor must be written once and before it is read. What is accepted is exactly what
TFLite Micro would run; anything else is an ExportError that names the op and the tensor.
"""

import dataclasses

import numpy as np

from firmware_export import compiled_files
from firmware_export.errors import FIX_SHAPE, ExportError
from firmware_export.standalone import registry
from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared import constants, float_only
from firmware_export.standalone.ops.shared.file_op import FileOp, Tensors, type_problem
from firmware_export.standalone.ops.table import Table
from firmware_export.tflm import resolver
from tflite_model.info import ModelInfo, OpInfo, TensorInfo
from tflite_model.names import printable

MAX_OPS = 2_000


def read(model: ModelInfo) -> ir.Graph:
    """Makes the graph of a model.

    Raises:
      ExportError: an op, type or version that cannot be exported, or a file that contradicts
        itself; the message names the op and the tensor and says how to fix it.
    """
    if len(model.ops) > MAX_OPS:
        raise ExportError(f"the model has {len(model.ops)} ops; at most {MAX_OPS} can be exported")
    compiled_files.check(model)
    tensors = Tensors(model.tensors, model.subgraphs)
    inputs = _inputs(model, tensors)
    ops: list[ir.Op] = []
    for info in model.ops:
        if not _becomes_constants(info, tensors):
            ops.extend(_read_op(info, tensors))
    outputs = _outputs(model, tensors)
    for position, tensor in enumerate(outputs):
        if tensor.is_constant:
            outputs[position] = _copied(tensor, position, ops)
    return ir.Graph(ops, inputs, outputs, _states(tensors))


def _states(tensors: Tensors) -> list[ir.Tensor]:
    used = [variable for variable in tensors.variables.values() if variable.is_used]
    for variable in used:
        if not variable.is_assigned:
            raise ExportError(
                f"the variable '{variable.name}' is read, but nothing assigns it; "
                "convert the model again"
            )
    return [*(variable.begin() for variable in used), *tensors.kept.values()]


def _becomes_constants(info: OpInfo, tensors: Tensors) -> bool:
    """Evaluates an op whose results are known."""
    if any(tensors.is_written(index) for index in info.outputs):
        return False
    if not all(tensors.is_defined(index) for index in info.inputs if index >= 0):
        return False
    values = constants.evaluate(info, tensors.infos)
    if values is None or not tensors.has_room(sum(value.nbytes for value in values)):
        return False
    for index, value in zip(info.outputs, values, strict=True):
        tensors.set_constant(index, value)
    return True


def _read_op(info: OpInfo, tensors: Tensors) -> list[ir.Op]:
    rule = registry.rules().get(info.name)
    if rule is None:
        if info.name in float_only.REMEDIES:
            raise ExportError(
                f"op {info.index} ({info.name}) has no int8 kernel in TFLite Micro either; "
                f"{float_only.REMEDIES[info.name]}"
            )
        remedy = "change the model to avoid it"
        if info.is_custom:
            remedy = "convert the model with builtin ops only"
        elif resolver.has(info.name):
            remedy += ", or export with --flavor=tflm"
        raise ExportError(f"op {info.index} ({info.full_name}) has no kernel in plain C; {remedy}")
    op = FileOp(info, tensors, rule.options)
    if info.version > rule.version:
        op.fail(
            f"has version {info.version}, versions up to {rule.version} are supported",
            "convert with an older TensorFlow",
        )
    made = rule.read(op)
    ops = made if isinstance(made, list) else [made]
    if op.is_known:
        tensors.set_constant(info.outputs[0], _value(op, ops))
        return []
    for index in info.outputs:
        tensors.mark_written(index)
    return ops


def _value(op: FileOp, ops: list[ir.Op]) -> np.ndarray:
    """The output of an op of quantized constants."""
    (made,) = ops if len(ops) == 1 else (None,)
    try:
        if isinstance(made, ir.Pairwise):
            return made.evaluate(made.inputs[0].constant, made.inputs[1].constant)
        if isinstance(made, Table):
            return made.table[made.inputs[0].constant.astype(np.int64) + 128]
    except ValueError as error:
        raise ExportError(f"{op.source}: {error}") from None
    op.fail("reads only constants", "fold constants before the conversion")


def _inputs(model: ModelInfo, tensors: Tensors) -> list[ir.Tensor]:
    found = []
    for info in model.inputs:
        # All other shapes follow from the inputs': the ops check them.
        if not info.has_known_shape:
            raise ExportError(
                f"the model's input '{printable(info.name)}' has the unknown shape "
                f"{info.shape_signature}; {FIX_SHAPE}"
            )
        _check_end("input", info)
        if tensors.is_written(info.index) or info.is_constant:
            raise ExportError(
                f"the model's input '{printable(info.name)}' is a constant or listed twice; "
                "convert the model again"
            )
        tensors.mark_written(info.index)
        found.append(tensors.get(info.index))
    return found


def _outputs(model: ModelInfo, tensors: Tensors) -> list[ir.Tensor]:
    for info in model.outputs:
        _check_end("output", info)
        if not tensors.is_defined(info.index):
            raise ExportError(
                f"no op writes the model's output '{printable(info.name)}'; convert it again"
            )
    return [tensors.get(info.index) for info in model.outputs]


def _copied(constant: ir.Tensor, position: int, ops: list[ir.Op]) -> ir.Tensor:
    """An output that does not depend on the input, such as the boxes of an object detector."""
    name = f"{constant.name}/output {position}"
    output = dataclasses.replace(constant, name=name, data=None)
    ops.append(Reshape([constant], output, f"output {position}"))
    return output


def _check_end(what: str, info: TensorInfo) -> None:
    problem = type_problem(info)
    if problem:
        raise ExportError(f"the model's {what} {problem[0]}; {problem[1]}")
