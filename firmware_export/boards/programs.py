"""A model as a program for a board: compiled to C, linked with the program of clips.py."""

from collections.abc import Mapping
from pathlib import Path

import tflite_model
from firmware_export import packing
from firmware_export.boards import building, clips
from firmware_export.boards.board import HOST, SOURCES, Board
from firmware_export.boards.building import Build
from firmware_export.standalone import cascade, compiler, kernel_files
from firmware_export.standalone.compiler import Compiled
from firmware_export.standalone.spotting import Spotting

OPTIMIZE = "-O2"
# Runs a stream of sound; link it with the exported sources.
STREAM_MAIN = SOURCES / "stream_main.c"
# Measures each op; link it with a model that was compiled with `profile`.
PROFILE_MAIN = SOURCES / "profile_main.c"


def build(
    model: bytes,
    board: Board,
    folder: Path,
    spotting: Spotting | None = None,
    *,
    streaming: bool = False,
    flash_kb: int = 256,
    ram_kb: int = 64,
    extra_flags: tuple[str, ...] = (),
    objects: Path | None = None,
) -> Build:
    """Compiles a model for a board, with front-end and detector if it has them.

    Args:
      model: an int8 .tflite file.
      board: where it will run.
      folder: for sources, objects and the program; created if missing.
      spotting: labels and front-end; None for the model alone.
      streaming: the model has the streaming form; see compiler.compile.
      flash_kb, ram_kb: the memory that the linker may fill, in KiB; not used on the host.
      extra_flags: for the compiler.
      objects: see `building.build`.

    Raises:
      ExportError: the model cannot be compiled, the tools are not installed, or it does not fit.
    """
    sources, include = _write_sources(model, board, folder, spotting, streaming)
    return building.build(
        board,
        [clips.MAIN, *sources],
        [include],
        folder / "build",
        clips.defines(spotting is not None, spotting is not None, streaming),
        flash_kb=flash_kb,
        ram_kb=ram_kb,
        optimize=OPTIMIZE,
        extra_flags=extra_flags,
        objects=objects,
    )


def build_profile(
    compiled: Compiled, board: Board, folder: Path, objects: Path | None = None
) -> Build:
    """Links a model that was compiled with `profile` with a program that measures its ops.

    Args:
      compiled: a model with one input and one output.
      board: where it will run, with all of its memory.
      folder: for sources, objects and the program; created if missing.
      objects: see `building.build`.

    Raises:
      ExportError: the tools are not installed, or it does not fit.
    """
    sources, include = _write(compiled.files, folder, board)
    flash_kb, ram_kb = board.memory_kb
    return building.build(
        board,
        [PROFILE_MAIN, *sources],
        [include],
        folder / "build",
        flash_kb=flash_kb,
        ram_kb=ram_kb,
        optimize=OPTIMIZE,
        objects=objects,
    )


def build_stream(model: bytes, folder: Path, spotting: Spotting) -> Build:
    """Compiles a streaming model with front-end and detector for this machine, to run on a pipe.

    Args:
      model: an int8 .tflite file of the streaming form.
      folder: for sources, objects and the program; created if missing.
      spotting: labels, front-end and detector.

    Raises:
      ExportError: the model cannot be compiled, or the tools are not installed.
    """
    sources, include = _write_sources(model, HOST, folder, spotting, streaming=True)
    # This machine's instructions: the program runs nowhere else.
    flags = ("-march=native",)
    return building.build(
        HOST,
        [STREAM_MAIN, *sources],
        [include],
        folder / "build",
        {"STREAM_SECOND": int(spotting.second is not None)},
        optimize="-O3",
        extra_flags=flags,
    )


def _write_sources(
    model: bytes, board: Board, folder: Path, spotting: Spotting | None, streaming: bool
) -> tuple[list[Path], Path]:
    """Writes the C files of a model; returns their paths and their folder."""
    info = tflite_model.parse(model)
    # What users get by default: all kernels, of which the compiler takes this board's.
    compiled = compiler.compile(info, "auto", streaming=streaming)
    files = dict(compiled.files)
    if spotting is not None:
        labels, frontend = spotting.labels, spotting.frontend
        packing.check_classifier(info, labels, streaming)
        second = cascade.compile(info, spotting) if streaming else None
        runtime = packing.runtime_files(
            info,
            labels,
            frontend,
            spotting.detector,
            "0",
            streaming=streaming,
            resumes=second is not None,
        )
        files |= {Path(name).name: content.decode() for name, content in runtime.items()}
        files |= second.files if second else {}
    return _write(files, folder, board)


def _write(files: Mapping[str, str], folder: Path, board: Board) -> tuple[list[Path], Path]:
    """Writes all files; returns what there is to compile, and the folder."""
    source = folder / "src"
    source.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (source / name).write_text(content, encoding="utf-8", newline="")
    # The other sets' files are empty on this board, and each would take a compiler's start.
    names = [name for name in files if name.endswith(".c")]
    empty = kernel_files.of_others(names, board.target.kernels)
    return [source / name for name in names if name not in empty], source
