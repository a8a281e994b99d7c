"""Common microcontrollers, by their vendors' datasheets and memory maps.

RAM is what the static variables of a program can use in one or more banks; of parts without flash
of their own, flash is that of the usual module. What a framework or a radio takes of both is not
subtracted.
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

# The sizes were compared with files that vendors and frameworks publish, in November 2026:
# - ST and Nordic: the device trees of Zephyr 3.4 (stm32f401Xe, stm32l476Xg, stm32u575Xi,
#   nrf52840_qiaa). STM32L476: 96 + 32 KiB; STM32U575: 768 + 16 KiB, and 2 KiB of backup memory that
#   ST's 786 KB include.
# - RP2040: the Pico SDK's linker script (256 + 4 + 4 KiB) and its header of the board Pico (flash).
# - ESP32-S3 and C3: memory.ld.in of ESP-IDF 6.2. Of 512 and 400 KiB, caches and the bootloader take
#   what static variables cannot use; part of it becomes heap.
# - Apollo4: the linker scripts of Ambiq's SDK: 384 (TCM) + 1,024 + 384 KiB; 96 of 2,048 KiB of MRAM
#   are the bootloader's. No datasheet was at hand; 192 MHz is Zephyr's for an Apollo4 Plus.
PARTS = (
    Part("STM32F401xE", M4, 84, 512, 96, "ST DS10086: STM32F401xD STM32F401xE"),
    Part("STM32L476xG", M4, 80, 1024, 128, "ST DS10198: STM32L476xx"),
    Part("nRF52840", M4, 64, 1024, 256, "Nordic nRF52840 Product Specification"),
    Part("RP2040", M0PLUS, 133, 2048, 264, "Raspberry Pi RP2040 and Pico datasheets"),
    Part("ESP32-S3", LX7, 240, 8192, 333, "Espressif ESP32-S3-WROOM-1 datasheet, ESP-IDF 6.2"),
    Part("ESP32-C3", RV32, 160, 4096, 313, "Espressif ESP32-C3-MINI-1 datasheet, ESP-IDF 6.2"),
    Part("STM32U575xI", M33, 160, 2048, 784, "ST DS13737: STM32U575xx"),
    Part("Apollo4", M4, 192, 1952, 1792, "Ambiq's SDK: linker scripts for Apollo4"),
)
