"""An exported folder that learns words, run on a board with programs/learn_words.c."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firmware_export.boards import emulation
from firmware_export.boards.building import Build
from firmware_export.runtime.takes import Verdict
from firmware_export.runtime.words import Words
from tests.firmware_export import board_programs

MAIN = Path(__file__).parent / "programs" / "learn_words.c"
_SOURCES = ("model", "edge_", "frontend", "embedder", "enroller", "recogniser", "words")


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What a board has learnt and heard.

    Attributes:
      verdicts: of the takes.
      status: 0 if the word was learnt, saved and loaded.
      blob: of the word.
      told: samples heard, squared distance and score of each word that was told.
      costs: by part; empty unless it was asked for.
      build: the program.
    """

    verdicts: list[str]
    status: int
    blob: bytes
    told: list[tuple[int, int, int]]
    costs: dict[str, int]
    build: Build


def run(
    name: str,
    firmware: Path,
    takes: Sequence[np.ndarray],
    sound: np.ndarray,
    folder: Path,
    words: Words | None = None,
) -> Learnt:
    """Compiles the folder and runs it.

    Args:
      name: of the board.
      firmware: exported folder, of the streaming form.
      takes, sound: (n,) int16.
      folder: receives the build and the files.
      words: to measure with; None: nothing is measured.
    """
    built = board_programs.build(name, MAIN, firmware, _SOURCES, folder, {"TAKES": len(takes)})
    for number, take in enumerate(takes):
        take.astype("<i2").tofile(folder / f"take{number}.bin")
    sound.astype("<i2").tofile(folder / "sound.bin")
    if words is not None:
        (folder / "ten.bin").write_bytes(words.to_bytes())
    result = emulation.run(built, folder, count=words is not None)
    assert result.status == 0, (result.status, result.console)
    lines = [line.split() for line in result.console.splitlines()]
    scores = np.fromfile(folder / "scores.bin", "<i8").tolist()
    told = [line for line in lines if line[0] == "word"]
    return Learnt(
        verdicts=[Verdict(int(line[1])).name for line in lines if line[0] == "take"],
        status=next(int(line[1]) for line in lines if line[0] == "status"),
        blob=(folder / "words.bin").read_bytes(),
        told=[
            (int(line[5]), int(line[3]), score) for line, score in zip(told, scores, strict=True)
        ],
        costs={
            key: int(value)
            for line in lines
            if line[0] == "enroller"
            for key, value in zip(line[::2], line[1::2], strict=True)
        },
        build=built,
    )
