"""Hostile run directories: whatever a file of a run holds, reading it is one line or works.

Most cases call the stages' readers in this process; one in two hundred runs a real command.
"""

import collections
import copy
import io
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_tf import run_dir
from edge_tf.errors import UserError
from edge_tf.models import loading
from firmware_export.errors import ExportError
from fuzzing.campaign import Find
from fuzzing.limits import limits
from tests.edge_tf import hostile_runs
from tflite_model.errors import TFLiteError

_EVERY = 200
_COMMAND_S = 300
_TYPED = (UserError, ExportError, TFLiteError)
_COMMANDS = ("export_firmware", "convert", "evaluate", "compress")
# What runs code or leaves this machine; no reader does.
_EVENTS = frozenset(
    (
        *("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen"),
        *("pickle.find_class", "socket.connect"),
    )
)
_LAYERS: tuple[Any, ...] = (
    {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAA=", None, None]}},
    {"class_name": "system", "module": "os", "config": {"command": "true"}},
    {"class_name": "function", "module": "builtins", "config": "eval", "registered_name": "eval"},
)


class RunFiles:
    """The fuzzer, see campaign.Fuzzer."""

    name = "run_files"
    share = 1.0
    batch = 50

    def __init__(self, seed: int, folder: Path) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self._seed = seed
        self._run = hostile_runs.make(folder / "run")
        self._whole = {name: (self._run / name).read_bytes() for name in hostile_runs.ALL[:-1]}
        self._whole[run_dir.FLOAT_MODEL] = _tiny_model(folder / "tiny.keras")
        self._whole[run_dir.PREDICTIONS] = self._whole[run_dir.GOLDEN]
        self._restore()
        self._events: list[str] = []
        self._listening = False
        sys.addaudithook(self._hear)

    def run(self, cases: range) -> list[Find]:
        return [find for index in cases for find in self._case(index)]

    def close(self) -> None:
        """Has no processes."""

    def _case(self, index: int) -> list[Find]:
        rng = random.Random(f"{self._seed}/{index}")
        name = rng.choice(sorted(self._whole))
        content = damaged(self._whole[name], rng)
        (self._run / name).write_bytes(content)
        self.counts["tried"] += 1
        try:
            if index % _EVERY == 0:
                problem = self._command(rng.choice(_COMMANDS))
            else:
                problem = self._read(name)
        finally:
            self._restore()
        if problem is None:
            return []
        return [Find(f"run_files {self._seed}/{index}", *problem, {Path(name).name: content})]

    def _restore(self) -> None:
        for name, content in self._whole.items():
            (self._run / name).write_bytes(content)

    def _read(self, name: str) -> tuple[str, str] | None:
        """Reads a file as the stages do; a problem, or None."""
        try:
            with limits(), self._listen():
                if name == run_dir.FLOAT_MODEL:
                    loading.load(self._run / name)
                else:
                    hostile_runs.reader(name)(self._run)
            self.counts["accepted"] += 1
        except _TYPED as error:
            self.counts["refused"] += 1
            if "\n" in str(error) or len(str(error)) > 2_000:
                return "untyped error", f"not one short line: {error!s:.200}"
        except TimeoutError:
            return "hang", "has not ended"
        except Exception as error:
            return "untyped error", f"{name}: {type(error).__name__}: {error!s:.200}"
        if self._events:
            return "code ran", f"{name}: {', '.join(self._events)}"
        return None

    def _command(self, stage: str) -> tuple[str, str] | None:
        """Runs a stage on the run directory."""
        self.counts["real commands"] += 1
        command = [sys.executable, "-m", f"pipelines.{stage}", f"--run_dir={self._run.path}"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_COMMAND_S, check=False
            )
        except subprocess.TimeoutExpired:
            return "hang", f"{stage} has not ended after {_COMMAND_S} s"
        if done.returncode not in (0, 2) or "Traceback" in done.stderr:
            said = done.stderr.strip().splitlines()[-1:] or [""]
            return "untyped error", f"{stage}: status {done.returncode}: {said[0]:.200}"
        return None

    @contextmanager
    def _listen(self) -> Iterator[None]:
        self._events = []
        self._listening = True
        try:
            yield
        finally:
            self._listening = False

    def _hear(self, event: str, arguments: Any) -> None:
        if self._listening and event in _EVENTS:
            self._events.append(event)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A file with other values in its JSON or its arrays, or with other bytes."""
    if rng.random() < 0.3:
        return _bytes(content, rng)
    if zipfile.is_zipfile(io.BytesIO(content)):
        return _archive(content, rng)
    try:
        return _json(content, rng)
    except ValueError:
        return _bytes(content, rng)


def _bytes(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed))
        kind = rng.random()
        if kind < 0.5:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            changed[place] = rng.randrange(256)
        elif kind < 0.85:
            changed[place:place] = rng.randbytes(rng.randint(1, 20))
        else:
            del changed[place : place + rng.randint(1, 200)]
            changed = changed or bytearray(b"\0")
    return bytes(changed)


def _json(content: bytes, rng: random.Random) -> bytes:
    value = json.loads(content)
    for _ in range(rng.randint(1, 3)):
        found = hostile_runs.places(value)
        if not found:
            break
        holder, key = rng.choice(found)
        kind = rng.random()
        if kind < 0.6:
            holder[key] = copy.deepcopy(rng.choice((*hostile_runs.ODD, *_LAYERS)))
        elif kind < 0.8:
            other, place = rng.choice(found)
            holder[key] = copy.deepcopy(other[place])
        else:
            del holder[key]
    return json.dumps(value).encode()


def _archive(content: bytes, rng: random.Random) -> bytes:
    """A zip with one entry damaged inside: what its checksums cannot tell."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(entries))
    if name.endswith(".json"):
        entries[name] = _json(entries[name], rng)
    elif name.endswith(".npy") and rng.random() < 0.6:
        entries[name] = _header(entries[name], rng)
    elif rng.random() < 0.1:
        del entries[name]
    else:
        entries[name] = _bytes(entries[name], rng)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as file:
        for entry, data in entries.items():
            file.writestr(entry, data)
    return made.getvalue()


def _header(content: bytes, rng: random.Random) -> bytes:
    """An array with another type or shape in its header."""
    for old, new in rng.sample(
        [
            (b"'<i2'", b"'|O'"),
            (b"'|i1'", b"'<f8'"),
            (b"(2,", b"(2000000000,"),
            (b"(2,", b"(-2,"),
            (b"(2,", b"(" + b"2, " * 40),
            (b"False", b"True"),
            (b"shape", b"sape"),
        ],
        2,
    ):
        content = content.replace(old, new, 1)
    return content


def _tiny_model(path: Path) -> bytes:
    """A float.keras of a few layers, as training saves it."""
    import tf_keras as keras

    inputs = keras.Input((4, 4, 1), name="features")
    x = keras.layers.Conv2D(2, 3, name="conv")(inputs)
    x = keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    keras.Model(inputs, keras.layers.Dense(3, name="dense")(x), name="tiny").save(path)
    return path.read_bytes()
