"""What the members of the kernels' parameter structs can hold, as the headers declare them.

Sizes that a struct cannot hold must not reach a C compiler, which may cut them off.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firmware_export.errors import ExportError
from firmware_export.standalone.graph.calls import Call

KERNELS = Path(__file__).with_name("kernels")

_STRUCT = re.compile(r"typedef struct \{(.*?)\} (\w+);", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_INTEGER = re.compile(r"(u?)int(\d+)_t")


@functools.cache
def members(kernels: Path) -> Mapping[str, Mapping[str, str]]:
    """Types of the members that are no pointers, by struct and member, in a folder's headers."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(kernels.rglob("*.h")))
    found = {}
    for body, struct in _STRUCT.findall(_COMMENT.sub("", text)):
        if "(*" in body:
            continue  # Functions: of kernels among themselves, not filled by the exporter.
        members = {}
        if "(*" in body:  # functions that kernels give to each other
            continue
        for declaration in filter(None, (part.strip() for part in body.split(";"))):
            kind, names = declaration.removeprefix("const ").split(None, 1)
            for name in names.split(","):
                if not name.strip().startswith("*"):
                    members[name.strip().partition("[")[0]] = kind
        found[struct] = members
    return found


def check(call: Call, kernels: Path) -> None:
    """Checks that the kernel's struct can hold all numbers of a call.

    Args:
      call: of a kernel.
      kernels: the folder whose headers declare it.

    Raises:
      ExportError: names the op, the member and its limit.
    """
    _check(call, members(kernels), call.struct, call.fields)


def _check(
    call: Call,
    structs: Mapping[str, Mapping[str, str]],
    struct: str,
    fields: Mapping[str, Any],
) -> None:
    kinds = structs[struct]
    for name, value in fields.items():
        if isinstance(value, Mapping):
            _check(call, structs, kinds[name], value)
            continue
        integer = _INTEGER.fullmatch(kinds.get(name, ""))
        if integer is None:
            continue
        bits = int(integer[2])
        low, high = (0, (1 << bits) - 1) if integer[1] else (-(1 << bits - 1), (1 << bits - 1) - 1)
        for number in value if isinstance(value, Sequence) else (value,):
            if not low <= int(number) <= high:
                raise ExportError(
                    f"{call.source}: {name.replace('_', ' ')} of {int(number):,} is too large, "
                    f"the kernel's limit is {high:,}; make the layer smaller, or export with "
                    "--flavor=tflm"
                )
