"""Building for the boards: what comes out, what it takes, and what is said when it fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_export.boards import board, building
from firmware_export.boards.building import Build
from firmware_export.errors import ExportError
from tests.firmware_export.boards.conftest import EMULATED, PROGRAMS, usable

pytestmark = pytest.mark.firmware

# Where the compiler cannot know it, any of the bytes may be needed.
SIZED = """
#include "board.h"
extern const uint8_t weights[FLASH];
const uint8_t weights[FLASH] = {1};
static volatile uint32_t anywhere;
static volatile uint8_t scratch[RAM];
static volatile uint32_t tuned[10] = {1, 2, 3};
int unused_function(void);
int unused_function(void) { return 12345; }
int main(void) {
  board_init();
  scratch[RAM - 1] = weights[anywhere];
  tuned[0]++;
  return scratch[RAM - 1];
}
"""


def sized(folder: Path, name: str, flash: int = 1, ram: int = 1, **options: object) -> Build:
    source = folder / "sized.c"
    source.write_text(SIZED)
    macros = {"FLASH": flash, "RAM": ram}
    return building.build(usable(name), [source], [], folder / "out", macros, **options)


@pytest.mark.parametrize("name", [b.name for b in board.BOARDS])
def test_nothing_is_warned_of(checks: Callable[[str], Build], name: str) -> None:
    assert checks(name).warnings == ""


@pytest.mark.parametrize("name", EMULATED)
def test_sizes(tmp_path: Path, name: str) -> None:
    build = sized(tmp_path, name, flash=10_000, ram=5_000, stack_kb=4)
    source = str(tmp_path / "sized.c")
    part = build.parts()[source]
    assert (part.constants, part.data, part.bss) == (10_000, 40, 5_004)
    assert 10 < part.text - part.constants < 200
    whole = build.sizes
    # Besides the program's stack there is a small one for exceptions.
    assert 4096 < whole.stack <= 4096 + 1024
    assert whole.flash == whole.text + whole.data
    assert whole.ram == whole.data + whole.bss + whole.stack
    # The board itself must not matter beside a model.
    assert whole.flash - part.text < 3000
    assert whole.ram - part.data - part.bss - whole.stack < 100
    # What the parts do not account for is alignment.
    assert 0 <= whole.text - sum(p.text for p in build.parts().values()) < 64
    assert 0 <= whole.bss - sum(p.bss for p in build.parts().values()) < 64
    assert building.BOARD_PART in build.parts()
    names = [section.name for section in build.sections if section.file == source]
    assert not any("unused_function" in name for name in names)
    assert any(name.endswith("rodata.weights") for name in names)


def test_sources_of_one_name(tmp_path: Path) -> None:
    for folder, text in (("a", "int a(void);\nint a(void) { return 3; }\n"), ("b", "")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.c").write_text(text)
    (tmp_path / "b" / "same.c").write_text("int a(void);\nint main(void) { return a(); }\n")
    sources = [tmp_path / "a" / "same.c", tmp_path / "b" / "same.c"]
    build = building.build(usable("cortex-m4"), sources, [], tmp_path / "out")
    assert {str(source) for source in sources} <= set(build.parts())


def test_macros_and_include_directories(tmp_path: Path) -> None:
    (tmp_path / "headers").mkdir()
    (tmp_path / "headers" / "answer.h").write_text("#define ANSWER GIVEN\n")
    source = tmp_path / "main.c"
    source.write_text('#include "answer.h"\nint main(void) { return ANSWER - 42; }\n')
    out = tmp_path / "out"
    build = building.build(usable("host"), [source], [tmp_path / "headers"], out, {"GIVEN": 42})
    assert build.elf.is_file()
    assert build.sizes.stack == 0
    assert build.parts()[str(source)].text > 0


@pytest.mark.parametrize("name", ["cortex-m4", "rv32"])
class TestBudget:
    def test_flash(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ExportError) as error:
            sized(tmp_path, name, flash=300 * 1024)
        message = str(error.value)
        assert message.startswith(f"the program for {name} needs 30")
        assert " bytes of flash, " in message
        assert message.endswith(" more than 256 KiB: make the model smaller or the budget larger")

    def test_ram(self, tmp_path: Path, name: str) -> None:
        # With the stack it is all: what the board itself needs is too much.
        with pytest.raises(ExportError, match=r"needs 66,\d{3} bytes of RAM, 5\d\d more than 64"):
            sized(tmp_path, name, ram=64 * 1024 - 8 * 1024)

    def test_both(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(
            ExportError, match=r"needs 1[678],\d{3} .* of flash, .* and .* bytes of RAM"
        ):
            sized(tmp_path, name, flash=16_000, ram=15_000, flash_kb=16, ram_kb=16)

    def test_a_larger_one(self, tmp_path: Path, name: str) -> None:
        build = sized(tmp_path, name, flash=300_000, ram=300_000, flash_kb=512, ram_kb=512)
        assert build.sizes.flash > 300_000

    def test_more_than_the_machine_has(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(
            ExportError, match=rf"^{name} cannot have 99999 KiB of flash: its machine"
        ):
            sized(tmp_path, name, flash_kb=99999)
        with pytest.raises(ExportError, match=rf"^{name} cannot have 0 KiB of RAM"):
            sized(tmp_path, name, ram_kb=0)


class TestErrors:
    def build(self, folder: Path, text: str, name: str = "cortex-m4", **options: object) -> Build:
        source = folder / "main.c"
        source.write_text(text)
        return building.build(usable(name), [source], [], folder / "out", **options)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("int main(void) { return 1 }", "expected"),
            ("int main(int a) { return 0; }", "main"),
            ("int main(void) { int a = 1; { int a = 2; (void)a; } return a; }", "shadow"),
            ("signed char c; int main(void) { int a = 1000; c = a; return 0; }", "conversion"),
            ('#include "absent.h"', "absent.h"),
        ],
    )
    def test_a_source_that_does_not_compile(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(ExportError) as error:
            self.build(tmp_path, text)
        message = str(error.value)
        assert message.startswith("arm-none-eabi-gcc for cortex-m4 does not compile main.c: ")
        assert said in message
        assert "\n" not in message

    def test_a_source_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ExportError, match=r"does not compile absent\.c: .*No such file"):
            building.build(usable("cortex-m4"), [tmp_path / "absent.c"], [], tmp_path)

    @pytest.mark.parametrize("name", ["cortex-m4", "rv32", "host"])
    def test_a_function_that_is_missing(self, tmp_path: Path, name: str) -> None:
        text = "int absent(void);\nint main(void) { return absent(); }\n"
        with pytest.raises(ExportError, match=rf"^the program for {name} lacks absent: add"):
            self.build(tmp_path, text, name)

    @pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "rv32"])
    def test_no_heap(self, tmp_path: Path, name: str) -> None:
        text = "#include <stdlib.h>\nint main(int n, char **a) { (void)a; "
        text += "char *volatile kept = malloc(9u); (void)kept; return n; }\n"
        with pytest.raises(
            ExportError, match=rf"the program for {name} lacks .*boards have no heap"
        ):
            self.build(tmp_path, text, name)

    def test_an_older_program_is_not_left(self, tmp_path: Path) -> None:
        built = self.build(tmp_path, "int main(void) { return 0; }\n")
        with pytest.raises(ExportError):
            self.build(tmp_path, "int main(void) { return }\n")
        assert not built.elf.exists()


def test_clip_program_is_as_strict_as_the_rest(tmp_path: Path) -> None:
    """Also under the warnings that generated code is held to elsewhere."""
    fake = PROGRAMS / "fake"
    from firmware_export.boards import clips

    macros = clips.defines(frontend=True, detector=True)
    sources = [clips.MAIN, *sorted(fake.glob("*.c"))]
    flags = ["-Wpedantic", "-Wcast-align", "-Wstrict-prototypes", "-Wmissing-prototypes"]
    build = building.build(
        usable("host"), sources, [fake], tmp_path, macros, extra_flags=flags, optimize="-O3"
    )
    assert build.warnings == ""
