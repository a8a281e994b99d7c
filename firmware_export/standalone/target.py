"""The core that C is exported for, and its kernel sets."""

import dataclasses
from typing import Literal, get_args

# Folders of kernels/; a file that "dsp" or "mve" lacks is taken from "portable".
KernelSet = Literal["portable", "dsp", "mve"]
KERNEL_SETS: tuple[KernelSet, ...] = get_args(KernelSet)
# One of them, or all: then the C compiler chooses, see kernels/edge_target.h.
Kernels = Literal["auto", "portable", "dsp", "mve"]


@dataclasses.dataclass(frozen=True)
class Target:
    """A core.

    Attributes:
      name: its name for users, and in an export's README.md and manifest.json; except for
        `AUTO` and `GENERIC`, also the value of gcc's -mcpu.
      kernels: what is exported for it.
    """

    name: str
    kernels: Kernels


# Any core with a C99 compiler, with the kernels that suit it best.
AUTO = Target("auto", "auto")
# The same, in plain C on all of them.
GENERIC = Target("generic", "portable")


def sets(kernels: Kernels) -> tuple[KernelSet, ...]:
    """The kernel sets that are exported.

    Raises:
      ValueError: there is no such kernel set.
    """
    if kernels == "auto":
        return KERNEL_SETS
    if kernels not in KERNEL_SETS:
        raise ValueError(f"kernel set {kernels!r} is not one of auto, {', '.join(KERNEL_SETS)}")
    return (kernels,)
