"""Runs engines in separate processes, one per core at a time."""

import concurrent.futures
import multiprocessing
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edge_tf.engines.base import Engine, Outputs, UnavailableError
from firmware_export.boards import object_cache


def run_all(
    engines: Sequence[Engine],
    clips: Mapping[str, np.ndarray],
    rows: Sequence[np.ndarray | None] | None = None,
) -> list[Outputs | UnavailableError]:
    """Runs each engine on its clips.

    Interpreters hold Python's GIL while they run, so threads would run one after another.

    Args:
      engines: picklable.
      clips: by an engine's `start`: features (clips, mel_bands, frames, 1) float32, samples
        (clips, samples) int16.
      rows: for each engine the clips it runs; None: all.

    Returns:
      For each engine its outputs, or the reason why it is not available here.
    """
    chosen = list(rows) if rows is not None else [None] * len(engines)
    workers = min(len(engines), os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        paths = {start: Path(folder) / f"{start}.npy" for start in clips}
        for start, path in paths.items():
            np.save(path, clips[start])
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(
            workers, spawn, _share_objects, (folder,)
        ) as pool:
            # The last engines are usually the slowest, so they start first.
            mine = [paths[engine.start] for engine in engines]
            backwards = list(pool.map(_run, engines[::-1], mine[::-1], chosen[::-1]))
            return backwards[::-1]


def _share_objects(folder: str) -> None:
    """Lets emitted C from features and from the waveform share compiled kernels."""
    os.environ.setdefault(object_cache.VARIABLE, str(Path(folder) / "objects"))


def _run(engine: Engine, path: Path, rows: np.ndarray | None) -> Outputs | UnavailableError:
    clips = np.load(path, mmap_mode="r")
    try:
        return engine.run(clips if rows is None else clips[rows])
    except UnavailableError as error:
        return error
