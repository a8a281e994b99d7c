"""What is made once for all processes that run tests: a session of pytest is one worker's."""

import fcntl
import importlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_export.oracle import micro


def folder(config: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this test run see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(config, "workerinput") else base


def need_tflite_micro() -> None:
    """Skips where tflite-micro has no wheel. Where it has one, it must be there."""
    if not micro.has_wheel():
        pytest.skip(micro.remedy())
    importlib.import_module("tflite_micro.python.tflite_micro.runtime")


def once(place: Path, make: Callable[[Path], None]) -> Path:
    """Has a folder made by the first that asks; others wait, and all read it.

    Args:
      place: the folder.
      make: fills it.
    """
    done = place.with_name(f"{place.name}.done")
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)  # of one that failed
            place.mkdir()
            make(place)
            done.touch()
    return place
