"""Runs the clip program, boards/src/clips_main.c: writes its input, reads its results."""

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from firmware_export.boards import emulation
from firmware_export.boards.board import SOURCES
from firmware_export.boards.building import Build
from firmware_export.boards.emulation import RunResult
from firmware_export.errors import ExportError

# Link it with the exported sources, and compile it with the macros of `defines`.
MAIN = SOURCES / "clips_main.c"

MAX_BLOCK = 512

_MAGIC = 0x31504C43
_FEATURES, _WAVEFORM = 0, 1
_EXTRA = {"": 0, "crc32": 1, "input": 2}


@dataclasses.dataclass(frozen=True)
class ClipsResult:
    """Result of a run.

    Attributes:
      logits: int8 [inferences, classes]; of a model with another type of output, its bytes.
      inputs: int8 [inferences, input size], the model's inputs; None unless requested.
      input_crc32: uint32 [inferences]; None unless requested.
      detections: int16 [inferences], a class or -1; None without detector.
      scores: uint16 [inferences], of the best class; None without detector.
      figures: by name as in the program's last line: "stack" in bytes; instructions per call,
        "invoke_min" and the like, 0 if they were not counted.
      run: console, wall time.
    """

    logits: np.ndarray
    inputs: np.ndarray | None
    input_crc32: np.ndarray | None
    detections: np.ndarray | None
    scores: np.ndarray | None
    figures: dict[str, int]
    run: RunResult


def defines(
    frontend: bool = False, detector: bool = False, streaming: bool = False
) -> dict[str, int]:
    """Macros that tell the program which parts it is linked with."""
    return {
        "CLIPS_FRONTEND": int(frontend),
        "CLIPS_DETECTOR": int(detector),
        "CLIPS_STREAMING": int(streaming),
    }


def run_features(
    build: Build,
    features: np.ndarray,
    folder: Path,
    *,
    every: int = 0,
    timeout_s: float = 600.0,
    count: bool = True,
    log: Callable[[int], None] | None = None,
    dtype: str = "int8",
) -> ClipsResult:
    """Runs the model on features.

    Args:
      build: built from `MAIN` and the exported sources.
      features: [clips, ...], each of the model's input size; for a streaming model
        [clips, frames, bands].
      folder: for the files of clips and results; created if missing.
      every: for a streaming model: frames from one record to the next; 0 is one at the end of
        each clip.
      timeout_s: wall time for all clips.
      count, log: see `emulation.run`.
      dtype: the type of the model's input.

    Raises:
      ExportError: the program rejects the clips, or see `emulation.run`.
    """
    if features.dtype != dtype or features.ndim < 2:
        raise ExportError(
            f"features for {build.board.name} must be {dtype} [clips, ...], not "
            f"{features.dtype} {list(features.shape)}: quantize them as the model's input"
        )
    rows = features.reshape(len(features), int(np.prod(features.shape[1:])))
    size = rows.shape[1] * rows.itemsize
    header = struct.pack("<7I", _MAGIC, _FEATURES, len(rows), size, 0, every, 0)
    return _run(build, header, rows.tobytes(), "", folder, timeout_s, count, log)


def run_waveforms(
    build: Build,
    pcm: np.ndarray,
    folder: Path,
    *,
    block: int = 333,
    every: int = 0,
    extra: str = "",
    timeout_s: float = 600.0,
    count: bool = True,
    log: Callable[[int], None] | None = None,
) -> ClipsResult:
    """Runs front-end, model and detector on sound.

    Args:
      build: built from `MAIN` and the exported sources, including the front-end.
      pcm: int16 [clips, samples].
      folder: for the files of clips and results; created if missing.
      block: samples per push to the front-end; an odd number straddles its frames.
      every: frames from one inference to the next, from the first full window on; 0 is one
        inference at the end of each clip. For a streaming model, from one record to the next.
      extra: "crc32" or "input" to also get the CRC-32 of the model's input, or the input itself.
      timeout_s: wall time for all clips.
      count, log: see `emulation.run`.

    Raises:
      ExportError: the program has no front-end, or see `emulation.run`.
    """
    if pcm.dtype != np.int16 or pcm.ndim != 2:
        raise ExportError(
            f"sound for {build.board.name} must be int16 [clips, samples], not "
            f"{pcm.dtype} {list(pcm.shape)}: give 16-bit clips of equal length"
        )
    if not 1 <= block <= MAX_BLOCK:
        raise ExportError(f"a block of {block} samples cannot be pushed: give 1 to {MAX_BLOCK}")
    sizes = (len(pcm), 2 * pcm.shape[1], block, every, _EXTRA[extra])
    header = struct.pack("<7I", _MAGIC, _WAVEFORM, *sizes)
    return _run(build, header, pcm.astype("<i2").tobytes(), extra, folder, timeout_s, count, log)


def _run(
    build: Build,
    header: bytes,
    clips: bytes,
    extra: str,
    folder: Path,
    timeout_s: float,
    count: bool,
    log: Callable[[int], None] | None,
) -> ClipsResult:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clips.bin").write_bytes(header + clips)
    result = emulation.run(build, folder, timeout_s=timeout_s, count=count, log=log)
    lines = result.console.splitlines()
    if result.status or not lines:
        said = next((line for line in lines if line.startswith("error: ")), "no message")
        raise ExportError(
            f"the clip program on {build.board.name} ended with status {result.status}: "
            f"{said.removeprefix('error: ')}"
        )
    figures = {key: int(value) for key, _, value in (f.partition("=") for f in lines[-1].split())}
    return _read_records((folder / "logits.bin").read_bytes(), figures, extra, result)


def _read_records(
    content: bytes, figures: dict[str, int], extra: str, result: RunResult
) -> ClipsResult:
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    if extra == "crc32":
        fields.append(("crc32", "<u4", ()))
    if extra == "input":
        fields.append(("input", "i1", (figures["inputs"],)))
    fields.append(("logits", "i1", (figures["outputs"],)))
    if figures["detector"]:
        fields += [("detection", "<i2", ()), ("score", "<u2", ())]
    records = np.frombuffer(content, np.dtype(fields))
    if len(records) != figures["records"]:
        raise ExportError(
            f"logits.bin has {len(records)} records, the program wrote {figures['records']}: "
            "run it again in a folder that nothing else writes to"
        )

    def column(name: str) -> np.ndarray | None:
        return records[name].copy() if name in (records.dtype.names or ()) else None

    return ClipsResult(
        logits=records["logits"].copy(),
        inputs=column("input"),
        input_crc32=column("crc32"),
        detections=column("detection"),
        scores=column("score"),
        figures=figures,
        run=result,
    )
