"""How an exported folder fits into a firmware with others."""

import dataclasses
from pathlib import Path

from firmware_export import naming
from firmware_export.errors import ExportError

ARENAS = ("static", "external")


@dataclasses.dataclass(frozen=True)
class Linkage:
    """How a folder is called, and what it shares.

    Attributes:
      prefix: what its names begin with; "" for the default names, which one folder in a firmware
        may have.
      arena: "static": the model has a buffer of its own; "external": the caller gives it. Of plain
        C.
      kernels: folder of the component edge_kernels, which is written if it is not there; None for
        kernels of its own. Of plain C.
    """

    prefix: str = ""
    arena: str = "static"
    kernels: Path | None = None

    def __post_init__(self) -> None:
        if self.prefix:
            naming.check(self.prefix)
        if self.arena not in ARENAS:
            raise ExportError(f"--arena={self.arena} is not one of {', '.join(ARENAS)}")

    @property
    def external(self) -> bool:
        """Whether the caller gives the buffer."""
        return self.arena == "external"

    def check_tflm(self) -> None:
        """Checks what is asked of code for TensorFlow Lite Micro.

        Raises:
          ExportError: the library has kernels and an arena of its own.
        """
        for flag, is_given in (("--arena", self.external), ("--kernels", self.kernels)):
            if is_given:
                raise ExportError(
                    f"{flag} is for plain C: add --flavor=standalone, or leave it out"
                )
