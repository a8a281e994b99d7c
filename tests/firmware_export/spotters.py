"""An exported folder's spotter, run over a sound on a board."""

from pathlib import Path

import numpy as np

from firmware_export.boards import emulation
from tests.firmware_export import board_programs

MAIN = Path(__file__).parent / "programs" / "wake_stream.c"
_SOURCES = ("model", "second", "edge_", "frontend", "detector", "spotter", "labels")


def detections_on(
    name: str, firmware: Path, sound: np.ndarray, folder: Path
) -> list[tuple[int, int]]:
    """Compiles the folder with programs/wake_stream.c and runs it.

    Args:
      name: of the board.
      firmware: exported folder.
      sound: (n,) int16.
      folder: receives the build, and what the program writes: heard.bin.

    Returns:
      Detections: the class, and how many samples had been taken.
    """
    built = board_programs.build(name, MAIN, firmware, _SOURCES, folder)
    sound.astype("<i2").tofile(folder / "sound.bin")
    result = emulation.run(built, folder, count=False)
    assert result.status == 0, result.console
    rows = [line.split() for line in result.console.splitlines()]
    return [(int(label), int(samples)) for label, samples in rows]
