"""Runs engines in processes of their own, as many at a time as there are cores."""

import concurrent.futures
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_tf.engines.base import Engine, Outputs, UnavailableError


def run_all(engines: Sequence[Engine], features: np.ndarray) -> list[Outputs | UnavailableError]:
    """Runs each engine on all clips.

    Interpreters hold Python's lock while they work, so threads would take turns.

    Args:
      engines: picklable.
      features: (clips, mel_bands, frames, 1) float32.

    Returns:
      For each engine its outputs, or why it is not available here.
    """
    workers = min(len(engines), os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npy"
        np.save(path, features)
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=spawn) as pool:
            # The last one is usually the slowest interpreter: the others run beside it.
            backwards = list(pool.map(_run, engines[::-1], [path] * len(engines)))
            return backwards[::-1]


def _run(engine: Engine, path: Path) -> Outputs | UnavailableError:
    try:
        return engine.run(np.load(path, mmap_mode="r"))
    except UnavailableError as error:
        return error
