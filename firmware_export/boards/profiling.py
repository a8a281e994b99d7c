"""What each op of a model costs on an emulated board."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from firmware_export.boards import emulation, object_cache, programs, trace
from firmware_export.boards.board import Board
from firmware_export.boards.building import Build
from firmware_export.boards.m4_timing import Cycles
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from tflite_model.info import ModelInfo


@dataclasses.dataclass(frozen=True)
class OpCost:
    """One op as it runs; passes join some of the file's ops.

    Attributes:
      source: by the file's ops: "op 3 CONV_2D, op 4 LOGISTIC".
      instructions: of one inference.
      cycles: estimate for one inference, without wait states; None for a core without timing.
      multiply_adds: products of a value and a weight, those with padding included; 0 for ops
        without weights.
      flash_bytes: its constants; what ops share counts for the first. Kernels are not included.
      ram_bytes: the part of the arena that is in use while it runs.
      scratch_bytes: of these, for this op alone.
      stack_bytes: high-water mark of the stack while it runs.
    """

    source: str
    instructions: int
    cycles: Cycles | None
    multiply_adds: int
    flash_bytes: int
    ram_bytes: int
    scratch_bytes: int
    stack_bytes: int


@dataclasses.dataclass(frozen=True)
class Profile:
    """Costs of a model's ops on a board, in the order they run.

    Attributes:
      board: its name.
      ops: one or more.
      output: int8, what it computed.
    """

    board: str
    ops: tuple[OpCost, ...]
    output: np.ndarray

    @property
    def instructions(self) -> int:
        return sum(op.instructions for op in self.ops)


def check_ends(model: ModelInfo) -> None:
    """Raises ExportError unless the model has one input and one output, both int8."""
    types = [tensor.type for tensor in (*model.inputs, *model.outputs)]
    if len(model.inputs) != 1 or len(model.outputs) != 1 or set(types) != {"INT8"}:
        raise ExportError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs of type "
            f"{', '.join(dict.fromkeys(types))}, and only models with one int8 input and one int8 "
            "output are measured: export it with pipelines.export_firmware and measure it in "
            "your program"
        )


def profile(model: ModelInfo, board: Board, features: np.ndarray) -> Profile:
    """Builds a model for an emulated board and runs one inference.

    Args:
      model: with one input and one output.
      board: an emulated board.
      features: int8, of the model's input size.

    Raises:
      ExportError: the board is the host, the model cannot be compiled or has several inputs or
        outputs, the tools are not installed, or it does not fit.
    """
    if not board.is_emulated:
        raise ExportError(f"instructions are not counted on {board.name}: name an emulated board")
    check_ends(model)
    compiled = compiler.compile(model, "auto", profile=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        objects = object_cache.folder() or folder / "objects"
        build = programs.build_profile(compiled, board, folder, objects)
        (folder / "input.bin").write_bytes(features.astype(np.int8).tobytes())
        done = emulation.run(build, folder, timeout_s=600.0)
        if done.status:
            raise ExportError(f"the profile on {board.name} failed: {done.console.strip()}")
        cycles = _cycles(build, folder, len(compiled.graph.ops))
        output = np.frombuffer((folder / "output.bin").read_bytes(), np.int8)
    measured = [tuple(map(int, line.split())) for line in done.console.splitlines()]
    rows = zip(measured, cycles, compiled.graph.ops, compiled.scratch, strict=True)
    return Profile(
        board.name,
        tuple(
            OpCost(
                source=op.source,
                instructions=instructions,
                cycles=estimate,
                multiply_adds=op.multiply_adds(),
                flash_bytes=compiled.op_constant_bytes[position],
                ram_bytes=compiled.plan.used(position),
                scratch_bytes=scratch_bytes,
                stack_bytes=stack,
            )
            for position, ((instructions, stack), estimate, op, scratch_bytes) in enumerate(rows)
        ),
        output,
    )


def _cycles(build: Build, folder: Path, ops: int) -> list[Cycles | None]:
    """Estimated cycles per op, from a second run."""
    if not build.board.has_timing:
        return [None] * ops
    recorder = trace.Recorder(build)
    emulation.run(build, folder, timeout_s=600.0, count=False, log=recorder.read)
    own, _, *spans = recorder.spans
    # profile_main.c reads the counter before and after each op. What is between two ops is its own,
    # and so is what a reading takes.
    return [span.cycles.minus(own.cycles) for span in spans[: 2 * ops : 2]]
