"""Compiling a C file, or taking the object that the same text, compiler and flags gave before.

Most of a program is kernels, and most models have the same ones. EDGE_TF_OBJECT_CACHE names a
folder to keep objects in; without it every file is compiled. What decides is the preprocessed
text, so headers and macros count; objects name no folder, so it does not matter where a source
lies. The folder only grows, several processes may use it at once, and deleting it is safe.
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

# The preprocessed text has what they do.
_IN_THE_TEXT = ("-I", "-D", "-fdebug-prefix-map=")


def folder() -> Path | None:
    """The folder that the environment names; None if there is none."""
    name = os.environ.get(VARIABLE)
    return Path(name) if name else None


def compile_object(
    command: Sequence[str], source: Path, target: Path, run: Run, cache: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Compiles a C file to an object with the same bytes wherever the file lies.

    Args:
      command: compiler and flags; folders to search must be absolute.
      source: a C file; the compiler works in its folder, which is searched for headers, too.
      target: the object to write.
      run: runs the compiler.
      cache: a folder of objects, made if need be; None: that of the environment.

    Returns:
      What the compiler said, or silence if the object was there: those with warnings are not kept.
    """
    place, target = source.parent.resolve(), target.resolve()
    # Debug information would name the folder otherwise.
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
    told = "\0".join((*_compiler(command[0], os.environ.get("PATH", "")), *options))
    key = hashlib.sha256(told.encode(errors="surrogateescape") + b"\0\0" + content).hexdigest()
    return cache / key[:2] / f"{key[2:]}.o"


@functools.cache
def _compiler(command: str, path: str) -> tuple[str, str]:
    """Where a compiler lies, and which version it is."""
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
    # All of it or nothing, whoever reads at the same time.
    handle, half = tempfile.mkstemp(dir=kept.parent)
    os.close(handle)
    shutil.copyfile(target, half)
    os.replace(half, kept)
