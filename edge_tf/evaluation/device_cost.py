"""What a run's model costs on microcontrollers: the table of `pipelines.benchmark --targets`."""

import dataclasses
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_tf import progress, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.evaluation import operating_point
from firmware_export.boards import board as boards
from firmware_export.boards import measuring, toolchain
from firmware_export.golden import frames_first
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone.package import Spotting

_CLIPS = 2  # an inference takes the same instructions whatever it hears, to some 10


def measure(run: run_dir.RunDirectory, targets: Sequence[str]) -> list[measuring.Cost]:
    """Builds and runs the int8 model, front-end and detector on emulated boards.

    Args:
      run: a run whose conversion has finished.
      targets: names of firmware_export.boards, emulated ones.

    Raises:
      UserError: a target is none, its tools are not installed, or something is missing in the run.
    """
    known = [board.name for board in boards.BOARDS if board.is_emulated]
    for name in targets:
        if name not in known:
            raise UserError(f"--targets={name} is no board", f"choose from {', '.join(known)}")
    missing = toolchain.missing_packages([boards.by_name(name) for name in targets])
    if missing:
        raise UserError(
            "cross-compilers or emulators are missing", f"apt-get install {' '.join(missing)}"
        )
    model = run.require_int8().read_bytes()
    streaming = run.lookahead() is not None
    if streaming:
        model = run.require(run_dir.STREAMING_MODEL).read_bytes()
    frontend = FrontendConfig.load(run.require(run_dir.FRONTEND))
    path = run.require(run_dir.GOLDEN)
    try:
        with np.load(path, allow_pickle=False) as golden:
            features, wav = golden["features"][:_CLIPS], golden["wav"][:_CLIPS]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} holds no golden vectors ({error})",
            f"make it again with: python -m pipelines.convert --run_dir={run.path}",
        ) from None
    if streaming:
        features = frames_first(features)
    spotting = None
    if frontend.is_causal:
        detector = operating_point.of_run(run) if streaming else DetectorConfig()
        spotting = Spotting(run.labels(), frontend.to_dict(), detector)
    return [
        measuring.measure(model, boards.by_name(name), features, spotting, wav, streaming)
        for name in progress.bar(targets, desc="boards", unit="board")
    ]


def to_json(costs: Sequence[measuring.Cost]) -> list[dict[str, Any]]:
    """Values for a JSON file; see docs/benchmark.md for the fields."""
    return [dataclasses.asdict(cost) for cost in costs]


def to_text(costs: Sequence[measuring.Cost]) -> str:
    """A table for the terminal, in Markdown, so that it can be pasted."""
    streams = any(cost.streaming for cost in costs)
    rows = [
        ("", *(cost.board for cost in costs)),
        ("---", *("---:" for _ in costs)),
        (
            "one frame of a stream, instructions" if streams else "one inference, instructions",
            *(_number(c.instructions) for c in costs),
        ),
        ("model and kernels, flash bytes", *(_number(c.flash_bytes) for c in costs)),
        (
            f"activations{', past frames' if streams else ''} and scratch, RAM bytes",
            *(_number(c.arena_bytes) for c in costs),
        ),
        ("front-end, one frame, instructions", *(_number(c.frontend_instructions) for c in costs)),
        ("front-end, flash bytes", *(_number(c.frontend_flash_bytes) for c in costs)),
        ("front-end, RAM bytes", *(_number(c.frontend_ram_bytes) for c in costs)),
        (
            "frames to the model's input, instructions",
            *(_number(c.window_instructions) for c in costs),
        ),
        ("detector, one call, instructions", *(_number(c.detector_instructions) for c in costs)),
        ("stack, bytes", *(_number(c.stack_bytes) for c in costs)),
        ("whole test program, flash bytes", *(_number(c.program_flash_bytes) for c in costs)),
        ("whole test program, RAM bytes", *(_number(c.program_ram_bytes) for c in costs)),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
