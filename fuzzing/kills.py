"""Stages killed at random moments: started again, they end in the same weights, nothing is left."""

import collections
import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import wave
import zipfile
from pathlib import Path

import h5py
import numpy as np

from edge_tf import run_dir
from fuzzing.campaign import Find

_ROOT = Path(__file__).parents[1]
_STAGES = {
    "train": (
        *("--task=words", "--words=high,low", "--model=ds_cnn", "--epochs=3", "--batch_size=8"),
        "--clip_ms=500",
    ),
    "compress": ("--recipe=prune", "--epochs=2"),
    "convert": ("--representative_clips=10",),
    "evaluate": ("--boards=host", "--max_clips=6", "--error_clips=0", "--max_drop=100"),
}
_LIMIT_S = 900
# After this the processes that a killed stage has started must have noticed.
_PATIENCE_S = 30


class Kills:
    """The fuzzer, see campaign.Fuzzer. One case is one stage, killed once or twice."""

    name = "kills"
    share = 1.0
    batch = 1

    def __init__(self, seed: int, folder: Path) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self._seed = seed
        self._folder = folder
        self._said = folder / "stderr.txt"
        _write_words(folder / "words")
        self._wanted: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        run = folder / "run"
        for stage in _STAGES:
            if run.exists():
                shutil.copytree(run, folder / f"before_{stage}")
            else:
                (folder / f"before_{stage}").mkdir()
            begin = time.monotonic()
            status, said = self._finish(self._start(stage, run))
            if status not in (0, 1):
                raise SystemExit(f"the run without kills fails in {stage}: {said[-500:]}")
            self._seconds[stage] = time.monotonic() - begin
            self._wanted[stage] = _digest(run)

    def run(self, cases: range) -> list[Find]:
        return [find for index in cases for find in self._case(index)]

    def close(self) -> None:
        """Every process has ended."""

    def _case(self, index: int) -> list[Find]:
        rng = random.Random(f"{self._seed}/{index}")
        stage = list(_STAGES)[index % len(_STAGES)]
        run, name = self._folder / f"run_{index}", f"kills {self._seed}/{index}"
        shutil.copytree(self._folder / f"before_{stage}", run)
        moments = []
        for _ in range(rng.randint(1, 2)):
            moments.append(rng.uniform(0, self._seconds[stage]))
            process = self._start(stage, run)
            time.sleep(moments[-1])
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                self.counts[f"kills of {stage}"] += 1
            process.wait()
            if left := _left(process.pid):
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                detail = f"{stage} left {len(left)} processes after {_PATIENCE_S} s"
                return [Find(name, "processes left", detail, {})]
        status, said = self._finish(self._start(stage, run))
        told = f"{stage} killed after {', '.join(f'{moment:.1f} s' for moment in moments)}"
        if status not in (0, 1) or "Traceback" in said:
            return [Find(name, "error", f"{told}: status {status}: {said[-200:]!r}", {})]
        if _digest(run) != self._wanted[stage]:
            return [Find(name, "difference", f"{told}: other weights", {})]
        self.counts["ended in the same weights"] += 1
        shutil.rmtree(run)
        return []

    def _start(self, stage: str, run: Path) -> "subprocess.Popen[bytes]":
        places = [f"--run_dir={run}", f"--cache_dir={self._folder / 'cache'}"]
        if stage == "train":
            places.append(f"--data_dir={self._folder / 'words'}")
        command = [sys.executable, "-m", f"pipelines.{stage}", *places, *_STAGES[stage]]
        # A file: a pipe would be waited for until the last process that has it ends.
        with self._said.open("wb") as said:
            return subprocess.Popen(
                command,
                cwd=_ROOT,
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )

    def _finish(self, process: "subprocess.Popen[bytes]") -> tuple[int, str]:
        try:
            process.wait(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return -1, f"has not ended after {_LIMIT_S} s"
        return process.returncode, self._said.read_text(errors="replace")


def _left(session: int) -> list[int]:
    """Processes of a session that are still there after a while; zombies do not count."""
    end = time.monotonic() + _PATIENCE_S
    while found := _members(session):
        if time.monotonic() > end:
            return found
        time.sleep(0.5)
    return []


def _members(session: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def _digest(run: Path) -> str:
    """Of all weights of a run: the arrays of its Keras files, the bytes of its .tflite."""
    digest = hashlib.sha256()
    for name in (run_dir.FLOAT_MODEL, run_dir.COMPRESSED_MODEL):
        if (run / name).exists():
            with zipfile.ZipFile(run / name) as archive:
                content = archive.read("model.weights.h5")
            with h5py.File(io.BytesIO(content), "r") as file:
                arrays: list[tuple[str, bytes]] = []
                file.visititems(
                    lambda key, value, into=arrays: (
                        into.append((key, value[()].tobytes()))
                        if isinstance(value, h5py.Dataset)
                        else None
                    )
                )
            digest.update(repr(sorted(arrays)).encode())
    if (run / run_dir.INT8_MODEL).exists():
        digest.update((run / run_dir.INT8_MODEL).read_bytes())
    return digest.hexdigest()


def _write_words(folder: Path) -> None:
    """Two words of a few speakers: high and low tones in noise."""
    rng = np.random.default_rng(0)
    for word, hertz in (("high", 1500), ("low", 300)):
        (folder / word).mkdir(parents=True)
        for speaker in range(12):
            tone = np.sin(2 * np.pi * hertz * np.arange(8_000) / 16_000)
            samples = (3_000 * tone + rng.normal(0, 300, 8_000)).astype("<i2")
            path = folder / word / f"{speaker:08x}_nohash_0.wav"
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16_000)
                file.writeframes(samples.tobytes())
