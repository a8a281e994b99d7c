"""A model as a program for a board: compiled to C, linked with the program of clips.py."""

from pathlib import Path

from firmware_export import packing, tflite_file
from firmware_export.boards import building, clips
from firmware_export.boards.board import Board
from firmware_export.boards.building import Build
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone import compiler
from firmware_export.standalone.package import Spotting

# Which kernels a board takes.
TARGETS = {"host": "generic", "rv32": "generic"}
OPTIMIZE = "-O2"


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
) -> Build:
    """Compiles a model for a board, with front-end and detector if it has them.

    Args:
      model: an int8 .tflite file.
      board: where it is to run.
      folder: of sources, objects and the program; is made.
      spotting: labels and front-end; None for the model alone.
      streaming: the model is of the streaming form; see compiler.compile.
      flash_kb, ram_kb: the memory that the linker may fill; not on the host.
      extra_flags: for the compiler.

    Raises:
      ExportError: the model cannot be compiled, the tools are not installed, or it does not fit.
    """
    info = tflite_file.parse(model)
    compiled = compiler.compile(info, TARGETS.get(board.name, board.name), streaming=streaming)
    files = {name: text.encode() for name, text in compiled.files.items()}
    if spotting is not None:
        packing.check_classifier(info, spotting.labels)
        runtime = packing.runtime_files(
            info, spotting.labels, spotting.frontend, spotting.detector or DetectorConfig(), "0"
        )
        files |= {Path(name).name: content for name, content in runtime.items()}
    source = folder / "src"
    source.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (source / name).write_bytes(content)
    return building.build(
        board,
        [clips.MAIN, *(source / name for name in files if name.endswith(".c"))],
        [source],
        folder / "build",
        clips.defines(spotting is not None, spotting is not None, streaming),
        flash_kb=flash_kb,
        ram_kb=ram_kb,
        optimize=OPTIMIZE,
        extra_flags=extra_flags,
    )
