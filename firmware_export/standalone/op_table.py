"""The table of ops that plain C has, made from the code that reads them.

    python -m firmware_export.standalone.op_table > docs/ops.md

Types are those that an op's reader asks for when it reads an op.
"""

import contextlib
import dataclasses
from collections.abc import Collection
from typing import Any

from firmware_export.standalone import registry
from firmware_export.standalone.graph import ir
from firmware_export.standalone.kernel_structs import KERNELS
from firmware_export.standalone.ops.shared import constants, float_only
from firmware_export.standalone.ops.shared.file_op import INT8, MOVED, FileOp, OpRule, Tensors
from firmware_export.standalone.ops.shared.variables import Variable
from tflite_model.info import OpInfo

_HEAD = """\
# Ops in plain C

What `pipelines.export_firmware --flavor=standalone` compiles; `--list_ops` prints the same. Every
op gives the bytes of TensorFlow Lite Micro's reference kernels. Made by
`python -m firmware_export.standalone.op_table > docs/ops.md`; a test compares.

- types: of activations; "a -> b" where the output has another type. Weights are int8 or int4,
  biases int32, or int64 with int16 activations; shapes, axes and indices are constants.
- version: the highest one of the schema.
- Cortex-M4 (also M7 and M33) and Cortex-M55: kernels with the core's own instructions; everything
  else is portable C. Copies, views and tables of one int8 value are fast on any core.
- Float is for the ends of a model, and for ops that only move values.
- A dimension that a kernel cannot hold (most take 65,535 rows, columns and channels) is refused.
"""

# Kernels that some core has instructions for, and the ops that call them.
FAST = {
    "add": ("ADD", "SUB"),
    "convolution": ("CONV_2D",),
    "convolution_any": ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
    "dense": ("FULLY_CONNECTED", "CONV_2D"),
    "depthwise": ("DEPTHWISE_CONV_2D", "CONV_2D"),
    "depthwise_dense": ("DEPTHWISE_CONV_2D",),
    "pointwise": ("CONV_2D", "FULLY_CONNECTED"),
    "row_sum": ("DEPTHWISE_CONV_2D",),
    "table": (
        *("ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE"),
        *("RELU", "RELU6", "RELU_N1_TO_1", "RSQRT", "TANH"),
    ),
    "window_sum": ("DEPTHWISE_CONV_2D",),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """An op.

    Attributes:
      name: in the schema.
      version: highest version.
      types: of its activations.
      limits: what of it cannot be exported; "" for nothing.
      dsp, mve: kernels with these instructions that it may call.
    """

    name: str
    version: int
    types: str
    limits: str
    dsp: tuple[str, ...]
    mve: tuple[str, ...]


def rows() -> list[Row]:
    return [
        Row(
            rule.name,
            rule.version,
            _types(rule),
            rule.limits,
            _fast(rule.name, "dsp"),
            _fast(rule.name, "mve"),
        )
        for rule in registry.rules().values()
    ]


def text() -> str:
    """For a terminal: a line for each op, then what is evaluated or refused."""
    lines = []
    for row in rows():
        notes = [row.types, row.limits]
        if row.dsp or row.mve:
            fast = sorted({*row.dsp, *row.mve})
            notes.append(f"fast kernels: {', '.join(fast)}")
        lines.append(f"{row.name:<24} v{row.version:<3} {'; '.join(filter(None, notes))}")
    return "\n".join([*lines, "", _evaluated(), _refused()])


def markdown() -> str:
    """docs/ops.md."""
    table = [
        "| op | version | types | limits | Cortex-M4 | Cortex-M55 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows():
        kernels = [", ".join(row.dsp), ", ".join(row.mve)]
        cells = [row.name, str(row.version), row.types, row.limits, *kernels]
        table.append(f"| {' | '.join(cells)} |")
    return "\n".join([_HEAD, *table, "", _evaluated(), "", _refused(), ""])


def _evaluated() -> str:
    names = ", ".join(sorted(set(constants.NAMES) - set(registry.rules())))
    return f"Evaluated at export, on shapes and constants: {names}, and most of the others."


def _refused() -> str:
    names = ", ".join(sorted(float_only.REMEDIES))
    return (
        f"Refused, as TensorFlow Lite Micro has no int8 kernel either: {names}; "
        "and DIV, whose result there is not defined where a quotient is small or a divisor is 0."
    )


def _fast(op: str, folder: str) -> tuple[str, ...]:
    return tuple(
        stem
        for stem, ops in FAST.items()
        if op in ops and (KERNELS / folder / f"{stem}.c").is_file()
    )


class _Asked(FileOp):
    """An op that notes which types its reader asks for; everything else is as it should be.

    Args:
      rule: of the op.
      kind: the type that its tensors have, if the reader accepts it.
    """

    def __init__(self, rule: OpRule, kind: str) -> None:
        self._kind = kind
        self._options_type = rule.options
        self.info = OpInfo(0, rule.name, rule.version, (0, 0), (0,))
        self.source = f"op 0 {rule.name}"
        self.is_known = False
        self.tensors = Tensors(())
        self.tensors.handles[0] = Variable("v")
        self.has_inputs = False
        self.accepts = False
        self.made: dict[str, None] = {}

    def check_counts(self, least: int, most: int, outputs: int = 1) -> None:
        pass

    def require(self, condition: Any, what: str) -> None:
        pass

    def is_constant(self, position: int) -> bool:
        return True

    def input_type(self, position: int) -> str:
        return self._kind.upper()

    def value(self, position: int, types: Collection[str] = INT8) -> ir.Tensor:
        # What selects between tensors is none of them.
        is_choice = tuple(types) == ("bool",) and not self.made
        self.accepts |= self._kind in types and not is_choice
        self.has_inputs |= not is_choice
        return self._tensor(types)

    def activation(self, position: int, types: Collection[str] = INT8) -> ir.Tensor:
        return self.value(position, types)

    def output(self, position: int = 0, types: Collection[str] = INT8) -> ir.Tensor:
        # A reader that asks for the output first wants inputs of its type.
        if not self.has_inputs:
            types = [kind for kind in types if kind == self._kind]
        self.made |= dict.fromkeys(types)
        return self._tensor(types)

    def _tensor(self, types: Collection[str]) -> ir.Tensor:
        dtype = self._kind if self._kind in types else next(iter(types))
        return ir.Tensor("x", (1, 1, 1, 1), dtype, (0.1,), (0,))


def _types(rule: OpRule) -> str:
    same: list[str] = []
    others: list[str] = []
    for kind in sorted(MOVED, key=("int8", *MOVED).index):
        asked = _Asked(rule, kind)
        # It wants more than types, and fails; by then it has asked for them.
        with contextlib.suppress(Exception):
            rule.read(asked)
        if not asked.has_inputs:
            same += asked.made
        elif asked.accepts and set(asked.made) <= {kind}:
            same.append(kind)
        elif asked.accepts:
            others.append(f"{kind} -> {', '.join(asked.made)}")
    return "; ".join([*filter(None, [", ".join(same)]), *others])


if __name__ == "__main__":
    print(markdown(), end="")
