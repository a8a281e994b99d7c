"""The core that C is exported for, and its kernel set."""

import dataclasses
from typing import Literal, get_args

# Folders of kernels/; a file that "dsp" or "mve" lacks is taken from "portable".
KernelSet = Literal["portable", "dsp", "mve"]
KERNEL_SETS: tuple[KernelSet, ...] = get_args(KernelSet)


@dataclasses.dataclass(frozen=True)
class Target:
    """A core.

    Attributes:
      name: its name for users, and in an export's README.md and manifest.json; except for
        `GENERIC`, also the value of gcc's -mcpu.
      kernels: the kernel set that is exported for it.
    """

    name: str
    kernels: KernelSet


# Any core with a C99 compiler.
GENERIC = Target("generic", "portable")
