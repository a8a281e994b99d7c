"""The core that C is exported for, and which kernels it gets."""

import dataclasses
from typing import Literal, get_args

# Folders of kernels/; a file that "dsp" or "mve" lacks is taken from "portable".
KernelSet = Literal["portable", "dsp", "mve"]
KERNEL_SETS: tuple[KernelSet, ...] = get_args(KernelSet)


@dataclasses.dataclass(frozen=True)
class Target:
    """A core.

    Attributes:
      name: what users, README.md and manifest.json of an export call it; what gcc's -mcpu takes,
        except for `GENERIC`.
      kernels: the set that is exported for it.
    """

    name: str
    kernels: KernelSet


# Any core with a C99 compiler.
GENERIC = Target("generic", "portable")
