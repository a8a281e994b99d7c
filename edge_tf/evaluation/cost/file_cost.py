"""Cost of any int8 .tflite on microcontrollers: `pipelines.benchmark --tflite=FILE --targets`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import tflite_model
from edge_tf import files, progress
from edge_tf.errors import UserError
from firmware_export.boards import measuring, profiling, toolchain
from firmware_export.boards.board import Board
from firmware_export.boards.measuring import Cost
from firmware_export.boards.profiling import OpCost
from firmware_export.errors import ExportError
from firmware_export.oracle import micro

_LARGEST_FILE = 256 << 20


@dataclasses.dataclass(frozen=True)
class BoardProfile:
    """A model on one board.

    Attributes:
      cost: of the whole model.
      ops: in the order they run.
      differing_bytes: of the output, from TFLite Micro's; None if that did not run.
    """

    cost: Cost
    ops: tuple[OpCost, ...]
    differing_bytes: int | None


@dataclasses.dataclass(frozen=True)
class FileCost:
    """A model on boards, beside TFLite Micro.

    Attributes:
      file: its name.
      output_bytes: of one inference.
      tflm_arena_bytes: the smallest arena in which TFLite Micro ran it on this machine, whose
        pointers are twice as long as a microcontroller's; None if it did not.
      tflm: the runtime's name and version, or why it did not run.
      boards: one per board.
    """

    file: str
    output_bytes: int
    tflm_arena_bytes: int | None
    tflm: str
    boards: tuple[BoardProfile, ...]


def measure(path: Path, boards: Sequence[Board]) -> FileCost:
    """Builds and runs a model on emulated boards, on one random input.

    Raises:
      UserError: the file cannot be read, or a board's tools are not installed.
      ExportError: the model cannot be compiled, has several inputs or outputs, or does not fit.
    """
    toolchain_missing = toolchain.missing_packages(boards)
    if toolchain_missing:
        raise UserError(
            "cross-compilers or emulators are missing",
            f"apt-get install {' '.join(toolchain_missing)}",
        )
    content = files.read_bytes(path, _LARGEST_FILE)
    model = tflite_model.parse(content)
    profiling.check_ends(model)
    shape = model.inputs[0].shape[1:]
    features = np.random.default_rng(0).integers(-128, 128, (1, *shape)).astype(np.int8)
    expected, tflm = _tflite_micro(content, features)
    found = []
    for board in progress.bar(boards, desc="boards", unit="board"):
        profile = profiling.profile(model, board, features[0])
        cost = measuring.measure(content, board, features)
        differing = None
        if expected is not None:
            differing = int((profile.output != expected.logits.reshape(-1)).sum())
        found.append(BoardProfile(cost, profile.ops, differing))
    return FileCost(
        file=path.name,
        output_bytes=model.outputs[0].byte_size,
        tflm_arena_bytes=expected.minimum_bytes if expected else None,
        tflm=tflm,
        boards=tuple(found),
    )


def _tflite_micro(model: bytes, features: np.ndarray) -> tuple[micro.Run | None, str]:
    """TFLite Micro's run, and its name or why there is none."""
    try:
        ran = micro.run(model, features)
    except ExportError as error:
        return None, str(error)
    if ran is None:
        return None, micro.unavailable_reason() or "tflite_micro does not load"
    return ran, ran.runtime
