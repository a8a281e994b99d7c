"""The cost of a model on a board: instructions, cycles, flash and RAM, by part."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from firmware_export import children
from firmware_export.boards import building, clips, object_cache, programs, trace
from firmware_export.boards.board import Board
from firmware_export.boards.building import Build
from firmware_export.boards.clips import ClipsResult
from firmware_export.boards.m4_timing import Cycles
from firmware_export.errors import ExportError
from firmware_export.standalone.spotting import Spotting

_RUNTIME = ("frontend.c", "detector.c")
# Stages that clips_main.c measures, and the function that each calls.
_STAGES = {
    "invoke": "model_invoke",
    "frontend": "frontend_push",
    "window": "feature_window_read",
    "detector": "detector_push",
}


@dataclasses.dataclass(frozen=True)
class SecondCost:
    """Figures of the second stage of a detector.

    Attributes:
      instructions: of its network per frame, mean.
      cycles: the same.
      flash_bytes: code and constants of the network and its kernels, as if it were alone.
      arena_bytes: RAM for activations, past frames and scratch.
      per_hit: instructions from a hit to its rejection.
      hits_per_hour: as measured when it was chosen.
      per_second: instructions of front-end and both stages at so many hits an hour.
    """

    instructions: int
    cycles: Cycles | None
    flash_bytes: int
    arena_bytes: int
    per_hit: int
    hits_per_hour: float
    per_second: int


@dataclasses.dataclass(frozen=True)
class Cost:
    """Figures of one model on one board; the emulator counts instructions.

    Cycles are an estimate without wait states, of one clip; None for a core without timing.

    Attributes:
      board: its name.
      streaming: an inference is a frame.
      instructions: per inference, mean over the clips.
      most_instructions: maximum per inference.
      cycles: per inference, mean.
      flash_bytes: code and constants of the model and its kernels, including the C library.
      arena_bytes: RAM for activations and scratch.
      stack_bytes: high-water mark of the whole program, all parts.
      frontend_instructions: per frame, mean; None without front-end.
      frontend_most: maximum per frame.
      frontend_cycles: per frame, mean.
      frontend_flash_bytes, frontend_ram_bytes: code and tables; state.
      window_instructions, window_cycles: for copying the window of frames to the model, once per
        inference.
      detector_instructions, detector_cycles: per call.
      program_flash_bytes, program_ram_bytes: of the whole linked program with its start-up code,
        without a second stage.
      second: stage of the detector; None: it has none.
    """

    board: str
    streaming: bool
    instructions: int
    most_instructions: int
    cycles: Cycles | None
    flash_bytes: int
    arena_bytes: int
    stack_bytes: int
    frontend_instructions: int | None
    frontend_most: int | None
    frontend_cycles: Cycles | None
    frontend_flash_bytes: int | None
    frontend_ram_bytes: int | None
    window_instructions: int | None
    window_cycles: Cycles | None
    detector_instructions: int | None
    detector_cycles: Cycles | None
    program_flash_bytes: int
    program_ram_bytes: int
    second: SecondCost | None = None


def measure(
    model: bytes,
    board: Board,
    features: np.ndarray,
    spotting: Spotting | None = None,
    pcm: np.ndarray | None = None,
    streaming: bool = False,
) -> Cost:
    """Builds and runs a model on an emulated board, with all of the board's memory.

    Args:
      model: an int8 .tflite file.
      board: an emulated board.
      features: int8 [clips, ...] inputs; for a streaming model [clips, frames, bands].
      spotting: labels and front-end, to measure those too.
      pcm: int16 [clips, samples]; required with `spotting`.
      streaming: the model has the streaming form; an inference is a frame.

    Raises:
      ExportError: see `programs.build`; or the board is the host, which does not count.
    """
    if not board.is_emulated:
        raise ExportError(f"instructions are not counted on {board.name}: name an emulated board")
    with children.folder() as scratch:
        flash_kb, ram_kb = board.memory_kb
        build = functools.partial(
            programs.build,
            model,
            board,
            streaming=streaming,
            flash_kb=flash_kb,
            ram_kb=ram_kb,
            # Both programs use the same kernels.
            objects=object_cache.folder() or scratch / "objects",
        )
        alone = build(scratch / "model")
        ran = clips.run_features(alone, features, scratch / "features").figures
        cycles = _cycles(alone, clips.run_features, features, scratch / "features")
        whole, result = alone, ran
        if spotting is not None and pcm is not None:
            whole = build(scratch / "whole", spotting)
            result = clips.run_waveforms(whole, pcm, scratch / "sound").figures
            cycles = _cycles(whole, clips.run_waveforms, pcm, scratch / "sound") | cycles
    with_frontend = whole is not alone

    def of(key: str) -> int | None:
        return result[key] if with_frontend else None

    return Cost(
        board=board.name,
        streaming=streaming,
        instructions=ran["invoke_mean"],
        most_instructions=ran["invoke_max"],
        cycles=cycles.get("invoke"),
        flash_bytes=sum(s.flash for part, s in alone.parts().items() if _is_model(part)),
        arena_bytes=_variable(alone, "arena"),
        stack_bytes=result["stack"],
        frontend_instructions=of("frontend_mean"),
        frontend_most=of("frontend_max"),
        frontend_cycles=cycles.get("frontend"),
        frontend_flash_bytes=_flash_of(whole, "frontend.c") if with_frontend else None,
        frontend_ram_bytes=_variable(whole, "frontend") if with_frontend else None,
        window_instructions=None if streaming else of("window_mean"),
        window_cycles=cycles.get("window"),
        detector_instructions=of("detector_mean"),
        detector_cycles=cycles.get("detector"),
        program_flash_bytes=whole.sizes.flash,
        program_ram_bytes=whole.sizes.ram,
    )


def _cycles(
    build: Build, run: Callable[..., ClipsResult], clip: np.ndarray, folder: Path
) -> dict[str, Cycles]:
    """Estimated cycles per call of each stage, by its name in the program's figures."""
    if not build.board.has_timing:
        return {}
    recorder = trace.Recorder(build)
    figures = run(build, clip[:1], folder, count=False, log=recorder.read).figures
    own, *spans = recorder.spans  # clips_main.c first measures what a reading takes
    cycles = {}
    for stage, function in _STAGES.items():
        calls = figures.get(f"{stage}_calls", 0)
        if calls:
            each = [s.cycles.minus(own.cycles) for s in spans if function in s.functions]
            cycles[stage] = functools.reduce(Cycles.plus, each).divided(calls)
    return cycles


def _is_model(part: str) -> bool:
    """Whether a part belongs to the model, its kernels or the C library, not the test program."""
    return part != building.BOARD_PART and Path(part).name not in (clips.MAIN.name, *_RUNTIME)


def _flash_of(build: Build, name: str) -> int:
    return sum(sizes.flash for part, sizes in build.parts().items() if Path(part).name == name)


def _variable(build: Build, name: str) -> int:
    """Bytes of a variable of the program."""
    return sum(section.size for section in build.sections if section.name == f".bss.{name}")
