"""Exported C, build files and README.md keep 100 columns, also with the longest prefix."""

import re
import subprocess
from pathlib import Path

import pytest

from firmware_export import naming
from firmware_export.line_width import WIDTH, c_code, folder
from firmware_export.linkage import Linkage
from firmware_export.standalone.kernel_structs import KERNELS
from firmware_export.tflm import package as tflm
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.examples import examples_test
from tests.firmware_export.several import Made

LONGEST = "kitchen_lamp_upstairs_no"
C = (".c", ".h", ".cpp", ".ino")


def test_it_is_the_longest():
    naming.check(LONGEST)
    assert len(LONGEST) == 24


def tokens(text: str) -> list[str]:
    """Words and signs, without those that begin a comment's lines."""
    return re.findall(r"\w+|[^\w\s*/#]", text)


def too_long(path: Path) -> list[str]:
    """Lines; without rows of tables, which Markdown does not break."""
    lines = path.read_text("utf-8").splitlines()
    return [n for n in lines if len(n) > WIDTH and not (path.suffix == ".md" and n[0] == "|")]


@pytest.fixture(scope="module")
def long_names(made: tuple[Made, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of all kinds: a stream, whole windows, buffer and kernels shared, and tflm."""
    base = tmp_path_factory.mktemp("long")
    made[0].export(base / "stream", Linkage(LONGEST))
    made[1].export(base / "window", Linkage(LONGEST))
    made[2].export(base / "shared", Linkage(LONGEST, "external", base / "kernels"))
    return base


def check(exported: Path) -> None:
    checked = 0
    for path in sorted(exported.rglob("*")):
        if path.suffix in (*C, ".md", ".pio", ".overlay") or path.name == "CMakeLists.txt":
            assert too_long(path) == [], path
            checked += 1
    assert checked > 10


class TestExports:
    @pytest.mark.parametrize("name", ["stream", "window", "shared", "kernels"])
    def test_lines(self, long_names: Path, name: str):
        check(long_names / name)

    def test_without_a_prefix(self, made: tuple[Made, ...], tmp_path: Path):
        made[0].export(tmp_path / "out", Linkage())
        check(tmp_path / "out")

    @pytest.mark.usefixtures("no_tflite_micro")
    @pytest.mark.parametrize("number", [0, 1])
    def test_tflm(self, made: tuple[Made, ...], number: int, tmp_path: Path):
        one = made[number]
        tflm.export(
            one.model,
            tmp_path / "out",
            "1.2.3",
            labels=one.words.labels,
            frontend={"frontend": one.words.frontend},
            golden=one.golden,
            streaming=one.form,
            linkage=Linkage(LONGEST),
        )
        check(tmp_path / "out")

    @pytest.mark.parametrize("name", ["stream", "window", "shared"])
    def test_it_is_the_same_program(self, long_names: Path, name: str):
        """The words of what was made with a short prefix, and it compiles."""
        exported = long_names / name
        includes = [f"-I{exported / 'src'}", f"-I{long_names / 'kernels/src'}"]
        sources = sorted((exported / "src").glob("*.c"))
        sources += [exported / "examples/main_example.c", exported / "extras/self_test_main.c"]
        sources = [path for path in sources if path.is_file()]
        done = subprocess.run(
            ["gcc", "-std=c99", "-Wall", "-Werror", "-fsyntax-only", *includes, *map(str, sources)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def test_sketches_compile(self, long_names: Path, tmp_path: Path):
        src, arduino = long_names / "stream/src", examples_test.STUBS / "arduino"
        sketch = long_names / "stream/examples/listen_serial/listen_serial.ino"
        (tmp_path / "user.cpp").write_text(f"#include <Arduino.h>\n{sketch.read_text()}")
        command = ["g++", "-std=c++11", "-fsyntax-only", f"-I{src}", f"-I{arduino}"]
        subprocess.run([*command, str(tmp_path / "user.cpp")], check=True, timeout=300)


class TestWrapped:
    def test_what_fits_is_not_touched(self, firmware: Path):
        """Also not what clang-format has laid out in its own way."""
        paths = [p for p in sorted(KERNELS.rglob("*")) if p.suffix in C]
        paths += [p for p in sorted(Path(__file__).parents[2].rglob("*.c"))]
        assert len(paths) > 80
        for path in paths:
            text = path.read_text("utf-8")
            assert c_code.wrapped(text) == text, path

    def test_nothing_but_breaks(self, made: tuple[Made, ...], tmp_path: Path, monkeypatch):
        laid_out: dict[str, tuple[bytes, bytes]] = {}
        wrap = folder.wrapped

        def watched(files: dict[str, bytes], prefix: str = "") -> dict[str, bytes]:
            result = wrap(files, prefix)
            laid_out.update({name: (files[name], result[name]) for name in files})
            return result

        monkeypatch.setattr(folder, "wrapped", watched)
        made[0].export(tmp_path / "out", Linkage(LONGEST))
        changed = 0
        for name, (before, after) in laid_out.items():
            changed += before != after
            # A comment may have moved before the code it follows.
            assert sorted(tokens(after.decode())) == sorted(tokens(before.decode())), name
        assert changed > 10
        assert {*laid_out} | {"manifest.json"} == {*folder_content(tmp_path / "out")}

    @pytest.mark.parametrize(
        ("code", "wanted"),
        [
            (
                f"int f(const {'a' * 35} *x, const {'b' * 35} *y, int z);",
                [f"int f(const {'a' * 35} *x, const {'b' * 35} *y,", "      int z);"],
            ),
            (
                f"  if (a && {'b' * 50} < {'C' * 30}) return {'x' * 20};",
                [f"  if (a && {'b' * 50} < {'C' * 30})", f"    return {'x' * 20};"],
            ),
            (
                f"  const int {'x' * 40} = {'y' * 40} + {'z' * 20};",
                [f"  const int {'x' * 40} =", f"      {'y' * 40} + {'z' * 20};"],
            ),
            (
                f"  int8_t {'x' * 70}[10]; /* what it is for, in words */",
                ["  /* what it is for, in words */", f"  int8_t {'x' * 70}[10];"],
            ),
            (
                f"/* {'word ' * 18}longer words at its end. */",
                [f"/* {'word ' * 18}longer", " * words at its end. */"],
            ),
            (f'x = "{"text, " * 20}";', [f'x = "{"text, " * 20}";']),
        ],
    )
    def test_where_lines_break(self, code: str, wanted: list[str]):
        assert c_code.wrapped(code).split("\n") == wanted
