"""Common microcontrollers, by their vendors' datasheets.

RAM is what a program can use in one or more banks; of parts without flash of their own, flash is
that of the usual module. What a framework or a radio takes of both is not subtracted.
"""

import dataclasses

from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(frozen=True)
class Core:
    """A processor core.

    Attributes:
      name: for readers.
      figures: the core whose instruction counts stand for it; see standalone/costs.py.
      kernels: its kernel sets, the fastest first.
      note: how `figures` differs from it; "" if it is the same.
    """

    name: str
    figures: str
    kernels: tuple[KernelSet, ...]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Part:
    """A microcontroller.

    Attributes:
      name: for readers.
      core: its core; of several equal ones, one.
      mhz: its highest clock.
      flash_kb, ram_kb: in KiB.
      source: the datasheet.
    """

    name: str
    core: Core
    mhz: int
    flash_kb: int
    ram_kb: int
    source: str


M4 = Core("Cortex-M4", "cortex-m4", ("dsp", "portable"))
M33 = Core(
    "Cortex-M33", "cortex-m4", ("dsp", "portable"), "within 1 % of the Cortex-M4's instructions"
)
M0PLUS = Core("Cortex-M0+", "cortex-m0plus", ("portable",))
RV32 = Core("RV32", "rv32", ("portable",))
LX7 = Core("Xtensa LX7", "rv32", ("portable",), "counted on RV32")

PARTS = (
    Part("STM32F401xE", M4, 84, 512, 96, "ST DS10086: STM32F401xD STM32F401xE"),
    Part("STM32L476xG", M4, 80, 1024, 128, "ST DS10198: STM32L476xx"),
    Part("nRF52840", M4, 64, 1024, 256, "Nordic nRF52840 Product Specification"),
    Part("RP2040", M0PLUS, 133, 2048, 264, "Raspberry Pi RP2040 and Pico datasheets"),
    Part("ESP32-S3", LX7, 240, 8192, 512, "Espressif ESP32-S3 and ESP32-S3-WROOM-1 datasheets"),
    Part("ESP32-C3", RV32, 160, 4096, 400, "Espressif ESP32-C3 and ESP32-C3-MINI-1 datasheets"),
    Part("STM32U575xI", M33, 160, 2048, 786, "ST DS13737: STM32U575xx"),
    Part("Apollo4", M4, 192, 2048, 1843, "Ambiq Apollo4 SoC datasheet"),
)
