"""Where a firmware puts a model, and what it does without."""

import re
from pathlib import Path

import pytest

from firmware_export.boards import building, emulation
from firmware_export.boards.board import SOURCES as BOARD_SOURCES
from firmware_export.standalone.kernel_structs import KERNELS
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.several import MAIN, NAMES, compiled, run, sources, symbols


class TestPlacement:
    """Weights, buffer and kernels where the build puts them, on a core with such memories."""

    @pytest.fixture(scope="class")
    def placed(self, firmware: Path, tmp_path_factory: pytest.TempPathFactory) -> building.Build:
        board, folder = usable("cortex-m7"), tmp_path_factory.mktemp("placed")
        script = folder / "memory.ld"
        script.write_text(with_tcm((BOARD_SOURCES / "board.ld").read_text()))
        flash_kb, ram_kb = board.memory_kb
        section = '__attribute__((section("%s")))'
        return building.build(
            board,
            [MAIN, *sources(*(firmware / name for name in NAMES))],
            [firmware / name / "src" for name in NAMES],
            folder,
            {
                "EDGE_WEIGHTS_ATTR": section % ".dtcm_weights",
                "EDGE_ARENA_ATTR": section % ".dtcm_arena",
                "EDGE_KERNELS_ATTR": section % ".itcm",
            },
            flash_kb=flash_kb,
            ram_kb=ram_kb // 2,
            linker_script=script,
        )

    def test_the_map_has_them_there(self, placed: building.Build):
        done = run("arm-none-eabi-nm", placed.elf)
        at = {
            name: int(place, 16)
            for place, name in re.findall(r"^(\w+) \w (\S+)$", done.stdout, re.MULTILINE)
        }
        assert at["itcm_start"] <= at["lamp_edge_pointwise"] < at["itcm_end"]
        arenas = [int(p, 16) for p in re.findall(r"^(\w+) \w arena$", done.stdout, re.MULTILINE)]
        weights = [
            int(p, 16) for p in re.findall(r"^(\w+) \w weights_\w+$", done.stdout, re.MULTILINE)
        ]
        assert len(arenas) == 3 and len(weights) > 5
        assert all(at["dtcm_start"] <= place < at["dtcm_end"] for place in arenas + weights)
        kernels = [p for name, p in at.items() if re.fullmatch(r"lamp_edge_(?!kernels_)\w+", name)]
        assert kernels and all(at["itcm_start"] <= p < at["itcm_end"] for p in kernels)

    def test_it_runs_there(self, placed: building.Build, tmp_path: Path):
        console = emulation.run(placed, tmp_path).console
        assert [int(n) for n in re.findall(r"^\w+ (\d+)$", console, re.MULTILINE)] == [0] * 7 + [18]

    def test_every_kernel_can_be_placed(self):
        headers = [path.read_text() for path in sorted(KERNELS.rglob("*.h"))]
        declared = [
            line for text in headers for line in re.findall(r"^.*\bedge_\w+\(.*", text, re.M)
        ]
        prototypes = [line for line in declared if re.match(r"(?!static|#| |/)\w", line)]
        assert len(prototypes) > 50
        assert [line for line in prototypes if not line.startswith("EDGE_KERNELS_ATTR ")] == []


def with_tcm(script: str) -> str:
    """board.ld with two memories more, in the upper half of what the emulated board has."""
    middle = "board_ram_origin + board_ram_size"
    script = script.replace(
        "\n}\n",
        f"\n  ITCM (rwx) : ORIGIN = {middle}, LENGTH = 256K"
        f"\n  DTCM (rw) : ORIGIN = {middle} + 256K, LENGTH = 1M\n}}\n",
        1,
    )
    script = script.replace(
        "  zero PT_LOAD", "  itcm PT_LOAD FLAGS(5);\n  dtcm PT_LOAD FLAGS(6);\n  zero PT_LOAD"
    )
    sections = (
        "  .itcm : { itcm_start = .; *(.itcm*) itcm_end = .; } >ITCM :itcm\n"
        "  .dtcm : { dtcm_start = .; *(.dtcm_weights*) *(.dtcm_arena*) dtcm_end = .; }"
        " >DTCM :dtcm\n"
    )
    head, bss, tail = script.partition("  .bss (NOLOAD)")
    return f"{head}{sections}\n{bss}{tail}"


class TestFirmwareHasNeither:
    """No heap and no floating point: nothing that could use them is called."""

    def test_no_malloc_and_no_float(self, firmware: Path):
        """For a core whose floating point is a library, so that it has names."""
        board = usable("cortex-m4")
        flags = ["-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=soft"]
        for folder in (firmware / "lamp", firmware / "rooms"):
            objects = compiled(folder, *flags, gcc=board.compiler)
            found = symbols(objects, f"{board.prefix}nm")
            wanted = {name for name, kind in found.items() if kind == "U"}
            allowed = {
                "memcpy",
                "memmove",
                "memset",
                "snprintf",
                "__aeabi_ldivmod",
                "__aeabi_uldivmod",
                "__aeabi_lmul",
                "__aeabi_llsr",
                "__aeabi_lasr",
                "__aeabi_llsl",
            }
            assert wanted <= allowed, wanted - allowed
