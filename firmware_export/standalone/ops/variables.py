"""CALL_ONCE, VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE: state in resource variables.

As in TFLite Micro, a variable holds the zero point of what is first assigned, byte by byte; before
the first run, CALL_ONCE may assign it constants.
"""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Argument, Lowered, Place, operand
from firmware_export.standalone.ops.shared import constants, copies
from firmware_export.standalone.ops.shared.file_op import MOVED, FileOp, OpRule, Tensors
from firmware_export.standalone.ops.shared.variables import Variable
from firmware_export.standalone.target import KernelSet
from tflite_model.info import OpInfo


@dataclasses.dataclass(eq=False)
class ReadVariable(ir.Op):
    """inputs: one of Graph.states. The output is what it holds now."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        return _copy(self, Place(self.inputs[0]))


@dataclasses.dataclass(eq=False)
class AssignVariable(ir.Op):
    """inputs: x. The output is one of Graph.states, which holds x from now on."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        return _copy(self, operand(self.inputs[0]))


def _copy(op: ir.Op, source: Argument) -> Lowered:
    size, item = (op.output.size,), (op.output.item_bytes,)
    return Lowered(copies.copy(op, source, Place(op.output), size, item, item))


def _read_var_handle(op: FileOp) -> list[ir.Op]:
    _make_handle(op)
    return []


def _make_handle(op: FileOp) -> None:
    op.check_counts(0, 0)
    key = (op.option("container", ""), op.option("shared_name", ""))
    op.tensors.handles[op.info.outputs[0]] = op.tensors.variable(*key)


def _variable(op: FileOp) -> Variable:
    op.require(op.has_input(0), "omits input 0")
    found = op.tensors.handles.get(op.info.inputs[0])
    if found is None:
        op.damaged("reads a variable without VAR_HANDLE before it")
    return found


def _read_read_variable(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    variable, output = _variable(op), op.output(types=MOVED)
    state = _state(op, variable, output)
    variable.is_used = True
    return ReadVariable([state], output, op.source)


def _read_assign_variable(op: FileOp) -> ir.Op:
    op.check_counts(2, 2, outputs=0)
    variable, x = _variable(op), op.value(1, MOVED)
    if not variable.is_assigned:
        variable.default = _low_byte(x)
    variable.is_assigned = variable.is_used = True
    return AssignVariable([x], _state(op, variable, x), op.source)


def _state(op: FileOp, variable: Variable, like: ir.Tensor) -> ir.Tensor:
    if not variable.fits(like) or variable.state is None:
        op.damaged(f"uses the variable '{variable.name}' for tensors of different sizes or types")
    return variable.state


def _low_byte(tensor: ir.Tensor) -> int:
    """The zero point, if there is one, as TFLite Micro casts it to int8."""
    point = tensor.zero_points[0] if tensor.zero_points else 0
    return (point + 128) % 256 - 128


def _read_call_once(op: FileOp) -> list[ir.Op]:
    """Runs the subgraph now: it may assign constants to variables, which nothing has used."""
    op.check_counts(0, 0, outputs=0)
    index = op.option("init_subgraph_index")
    op.require(1 <= index <= len(op.tensors.subgraphs), f"calls subgraph {index}")
    subgraph = op.tensors.subgraphs[index - 1]
    tensors = Tensors(subgraph.tensors, variables=op.tensors.variables)
    for info in subgraph.ops:
        values = constants.evaluate(info, tensors.infos)
        if values is not None and tensors.has_room(sum(value.nbytes for value in values)):
            for number, value in zip(info.outputs, values, strict=True):
                tensors.set_constant(number, value)
        else:
            _initialize(op, FileOp(info, tensors, _OPTIONS.get(info.name, "")))
    return []


def _initialize(caller: FileOp, op: FileOp) -> None:
    if op.info.name == "VAR_HANDLE":
        _make_handle(op)
        return
    if op.info.name != "ASSIGN_VARIABLE":
        _refuse(caller, op.info, "has an op that is computed once")
    op.check_counts(2, 2, outputs=0)
    variable, value = _variable(op), op.value(1, MOVED)
    if value.data is None:
        _refuse(caller, op.info, "assigns what is not constant")
    if variable.is_used:
        _refuse(caller, op.info, f"assigns '{variable.name}', which was used before")
    _state(op, variable, value)
    variable.is_assigned, variable.initial = True, value.data


def _refuse(caller: FileOp, info: OpInfo, what: str) -> None:
    caller.fail(
        f"calls a subgraph whose op {info.index} ({info.full_name}) {what}",
        "let it assign constants to variables, before they are read",
    )


_OPTIONS = {"VAR_HANDLE": "VarHandleOptions"}

OPS = (
    OpRule(
        "CALL_ONCE",
        1,
        _read_call_once,
        "CallOnceOptions",
        limits="may assign constants to variables",
    ),
    OpRule("VAR_HANDLE", 1, _read_var_handle, _OPTIONS["VAR_HANDLE"]),
    OpRule("READ_VARIABLE", 1, _read_read_variable),
    OpRule("ASSIGN_VARIABLE", 1, _read_assign_variable),
)
