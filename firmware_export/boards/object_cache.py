"""Compiling a C file, or reusing the object that the same text, compiler and flags produced before.

Most of a program is kernels, and most models use the same ones. EDGE_TF_OBJECT_CACHE names a
folder to keep objects in; without it every file is compiled. The key includes the preprocessed
text, so headers and macros count; objects contain no paths, so the location of a source does not
matter. The folder only grows, several processes may use it at once, and deleting it is safe.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

VARIABLE = "EDGE_TF_OBJECT_CACHE"

# Runs a command in a folder.
Run = Callable[[list[str], Path | None], subprocess.CompletedProcess[str]]

# Their effect is in the preprocessed text.
_IN_THE_TEXT = ("-I", "-D", "-fdebug-prefix-map=")


def folder() -> Path | None:
    """The folder that the environment names; None if there is none."""
    name = os.environ.get(VARIABLE)
    return Path(name) if name else None


def compile_object(
    command: Sequence[str], source: Path, target: Path, run: Run, cache: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Compiles a C file to an object with the same bytes wherever the file is.

    Args:
      command: compiler and flags; include paths must be absolute.
      source: a C file; the compiler runs in its folder, which is searched for headers, too.
      target: the object to write.
      run: runs the compiler.
      cache: a folder of objects, created if missing; None: the environment's.

    Returns:
      The compiler's messages; none for a cached object, as objects with warnings are not cached.
    """
    place, target = source.parent.resolve(), target.resolve()
    # Otherwise debug information would contain the folder.
    whole = [*command, f"-fdebug-prefix-map={place}=."]
    cwd = place if place.is_dir() else None  # else the compiler says that the source is missing
    cache = cache or folder()
    kept = None if cache is None else _kept(cache, whole, source.name, run, cwd)
    if kept is not None and _copied(kept, target):
        return subprocess.CompletedProcess(whole, 0, "", "")
    done = run([*whole, "-c", source.name, "-o", str(target)], cwd)
    if kept is not None and done.returncode == 0 and not done.stderr:
        _keep(target, kept)
    return done


def _kept(cache: Path, command: list[str], source: str, run: Run, cwd: Path | None) -> Path | None:
    """Where the object is kept; None if the source cannot be preprocessed."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        text = Path(scratch) / "text.i"
        flags = ["-E", "-fno-working-directory", source, "-o", str(text)]
        done = run([*command, *flags], cwd)
        if done.returncode or done.stderr:
            return None
        content = text.read_bytes()
    options = [option for option in command[1:] if not option.startswith(_IN_THE_TEXT)]
    record = "\0".join((*_compiler(command[0], os.environ.get("PATH", "")), *options))
    key = hashlib.sha256(record.encode(errors="surrogateescape") + b"\0\0" + content).hexdigest()
    return cache / key[:2] / f"{key[2:]}.o"


@functools.cache
def _compiler(command: str, path: str) -> tuple[str, str]:
    """Path and version of a compiler."""
    found = shutil.which(command, path=path) or command
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return os.path.realpath(found), done.stdout


def _copied(kept: Path, target: Path) -> bool:
    try:
        shutil.copyfile(kept, target)
    except FileNotFoundError:
        return False
    return True


def _keep(target: Path, kept: Path) -> None:
    kept.parent.mkdir(exist_ok=True)
    # Atomic, as others may read at the same time.
    handle, half = tempfile.mkstemp(dir=kept.parent)
    os.close(handle)
    shutil.copyfile(target, half)
    os.replace(half, kept)
