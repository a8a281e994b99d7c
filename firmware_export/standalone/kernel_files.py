"""The files of kernels that an export needs, from kernels/.

Each kernel set's file has its own name, edge_pointwise.c, edge_pointwise_dsp.c, and is inside an
#if of edge_target.h if there are several of a kernel; so one folder suits every core.
"""

import functools
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from firmware_export.standalone.kernel_structs import KERNELS
from firmware_export.standalone.target import KERNEL_SETS, Kernels, KernelSet

# Includes that every export has, whatever kernels it calls.
_ARITHMETIC = "edge_requantize.h"
_TARGET = "edge_target.h"
_LICENSE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
_INCLUDE = re.compile(r'^#include "(\w+\.h)"', flags=re.MULTILINE)


def texts(
    stems: Iterable[str], headers: Iterable[str], sets: Sequence[KernelSet]
) -> dict[str, str]:
    """The text of kernels and of all headers that they include, by the name of the file.

    Args:
      stems: of files in kernels/SET: "pointwise".
      headers: that the caller includes.
      sets: the kernel sets to export.
    """
    files: dict[str, str] = {}
    for stem in sorted(stems):
        homes = (_home(stem, wanted) for wanted in sets)
        for kernel_set in dict.fromkeys(home for home in homes if home is not None):
            suffix = "" if kernel_set == "portable" else f"_{kernel_set}"
            files[f"edge_{stem}{suffix}.c"] = _guarded(stem, kernel_set)
    missing = {_ARITHMETIC, *headers}
    while missing:
        files.update({name: _header(name, sets) for name in sorted(missing)})
        included = {name for text in files.values() for name in _INCLUDE.findall(text)}
        missing = included - set(files)
    return files


def every(sets: Sequence[KernelSet]) -> dict[str, str]:
    """The text of all kernels that models for these sets may call, and of all shared headers."""
    stems = {path.stem for name in {"portable", *sets} for path in (KERNELS / name).glob("*.c")}
    return texts(stems, sorted(path.name for path in KERNELS.glob("*.h")), sets)


def of_others(names: Collection[str], kernels: Kernels) -> set[str]:
    """Files of kernels, among these, that are empty where a kernel set is chosen."""
    if kernels == "auto":
        return set()
    kernel = re.compile(rf"edge_(\w+?)(?:_({'|'.join(KERNEL_SETS[1:])}))?\.c")
    found = ((name, kernel.fullmatch(name)) for name in names)
    return {name for name, m in found if m and _home(m[1], kernels) != (m[2] or "portable")}


def _home(stem: str, kernel_set: KernelSet) -> KernelSet | None:
    """The set whose file a set uses; None if it has no such kernel."""
    return next((s for s in (kernel_set, "portable") if _path(stem, s).is_file()), None)


def _path(stem: str, kernel_set: KernelSet) -> Path:
    return KERNELS / kernel_set / f"{stem}.c"


@functools.cache
def _guarded(stem: str, kernel_set: KernelSet) -> str:
    """A file, inside an #if if another set has its own."""
    text = _text(_path(stem, kernel_set))
    others = [s for s in KERNEL_SETS if s != kernel_set and _path(stem, s).is_file()]
    if kernel_set != "portable" or set(KERNEL_SETS) - {"portable"} == set(others):
        condition = f"EDGE_KERNELS_{kernel_set.upper()}"
    else:
        condition = " && ".join(f"!EDGE_KERNELS_{other.upper()}" for other in others)
    return _inside(condition, text) if condition else text


def _inside(condition: str, text: str) -> str:
    body = text.removeprefix(_LICENSE).rstrip()
    return f'{_LICENSE}#include "{_TARGET}"\n\n#if {condition}\n{body}\n\n#endif\n'


def _header(name: str, sets: Sequence[KernelSet]) -> str:
    for kernel_set in KERNEL_SETS:
        if (KERNELS / kernel_set / name).is_file():
            text = _text(KERNELS / kernel_set / name)
            return _inside(f"EDGE_KERNELS_{kernel_set.upper()}", text)
    text = _text(KERNELS / name)
    if name == _TARGET:
        for kernel_set in set(KERNEL_SETS) - set(sets):
            has = f"#define EDGE_HAS_{kernel_set.upper()} "
            assert has in text
            text = text.replace(f"{has}1", f"{has}0")
    return text


@functools.cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
