"""Runs engines in separate processes, one per core at a time."""

import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import signal
import tempfile
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from edge_tf.engines.base import Engine, Outputs, UnavailableError
from firmware_export import children
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
    spawn = multiprocessing.get_context("spawn")
    ending, lives = spawn.Pipe(duplex=False)
    with children.folder() as folder, lives:
        paths = {start: folder / f"{start}.npy" for start in clips}
        for start, path in paths.items():
            np.save(path, clips[start])
        with concurrent.futures.ProcessPoolExecutor(
            workers, spawn, _begin, (folder, ending)
        ) as pool:
            try:
                # The last engines are usually the slowest, so they start first.
                mine = [paths[engine.start] for engine in engines]
                backwards = list(pool.map(_run, engines[::-1], mine[::-1], chosen[::-1]))
            except BaseException:
                lives.close()  # else the pool waits for the engines that are running
                raise
            return backwards[::-1]


def _begin(folder: Path, ending: Connection) -> None:
    """In a worker: lets emitted C from features and from the waveform share compiled kernels.

    The worker ends when the other end of `ending` closes, as it does if its parent is killed.
    """
    os.environ.setdefault(object_cache.VARIABLE, str(folder / "objects"))
    tempfile.tempdir = str(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent has it too
    threading.Thread(target=_end_with, args=(ending,), daemon=True).start()


def _end_with(ending: Connection) -> None:
    multiprocessing.connection.wait([ending])
    os._exit(1)


def _run(engine: Engine, path: Path, rows: np.ndarray | None) -> Outputs | UnavailableError:
    clips = np.load(path, mmap_mode="r")
    try:
        return engine.run(clips if rows is None else clips[rows])
    except UnavailableError as error:
        return error
