"""The generated sources, judged by compilers and by what a person would see."""

import re
import subprocess
from pathlib import Path

import pytest

from firmware_export.errors import ExportError
from firmware_export.runtime import render
from firmware_export.runtime.detector import DetectorConfig
from tests.firmware_export.runtime import compiled
from tests.firmware_export.runtime.compiled import C99, FRONTEND, LABELS, WARNINGS

M4 = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16".split()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = {**compiled.frontend_sources(), **compiled.detector_sources()}
    assert sorted(sources) == ["detector.c", "detector.h", "frontend.c", "frontend.h"]
    return compiled.write(tmp_path_factory.mktemp("render") / "src", sources)


@pytest.mark.parametrize("optimize", ["-O0", "-Os", "-O2", "-O3"])
@pytest.mark.parametrize("name", ["frontend.c", "detector.c"])
@pytest.mark.parametrize("compiler", ["gcc", "arm-none-eabi-gcc"])
def test_c99_without_a_warning(
    source: Path, tmp_path: Path, compiler: str, name: str, optimize: str
) -> None:
    core = M4 if compiler.startswith("arm") else []
    found = compiled.tool(compiler)
    compiled.build(found, *C99, *core, optimize, "-c", source / name, "-o", tmp_path / "x.o")


@pytest.mark.parametrize("standard", ["c++11", "c++20"])
@pytest.mark.parametrize("name", ["frontend.h", "detector.h"])
def test_headers_in_cpp(source: Path, tmp_path: Path, name: str, standard: str) -> None:
    user = tmp_path / "user.cpp"
    user.write_text(f'#include "{name}"\n#include "{name}"\nint main() {{ return 0; }}\n')
    options = [f"-std={standard}", *WARNINGS, f"-I{source}"]
    compiled.build(compiled.tool("g++"), *options, "-c", user, "-o", tmp_path / "x.o")


def test_cpp_can_call_it(source: Path, tmp_path: Path) -> None:
    (tmp_path / "user.cpp").write_text(
        """
        #include "detector.h"
        #include "frontend.h"
        int main() {
          static frontend_t frontend;
          static detector_t detector;
          int8_t frame[FRONTEND_BANDS];
          int8_t logits[DETECTOR_CLASSES] = {};
          uint16_t score;
          bool ready = false;
          frontend_reset(&frontend);
          detector_reset(&detector);
          if (frontend_push(&frontend, nullptr, 0, frame, &ready) != 0 || !ready) return 1;
          return detector_push(&detector, logits, &score) == -1 ? 0 : 1;
        }
        """
    )
    objects = []
    for name in ("frontend", "detector"):
        objects.append(tmp_path / f"{name}.o")
        compiled.build(compiled.tool("gcc"), *C99, "-c", source / f"{name}.c", "-o", objects[-1])
    program = tmp_path / "program"
    command = [compiled.tool("g++"), "-std=c++11", f"-I{source}", tmp_path / "user.cpp"]
    compiled.build(*command, *objects, "-o", program)
    compiled.build(program)


def test_all_data_is_constant_and_small(source: Path, tmp_path: Path) -> None:
    """Tables go to flash; without a library but memcpy, memmove and memset, without floats."""
    for name, flash in (("frontend", 4_500), ("detector", 700)):
        built = tmp_path / f"{name}.o"
        gcc = compiled.tool("arm-none-eabi-gcc")
        compiled.build(gcc, *C99, *M4, "-Os", "-c", source / f"{name}.c", "-o", built)
        _, sizes = run("arm-none-eabi-size", built).splitlines()
        text, data, bss = map(int, sizes.split()[:3])
        assert text <= flash
        assert data == bss == 0
        undefined = set(run("arm-none-eabi-nm", "--undefined-only", built).split()) - {"U"}
        assert undefined <= {"memcpy", "memmove", "memset"}


def run(name: str, *arguments: str | Path) -> str:
    command = [compiled.tool(name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_looks_like_written_by_hand(source: Path) -> None:
    for path in sorted(source.iterdir()):
        text = path.read_text(encoding="ascii")
        assert "{{" not in text and "{%" not in text
        assert text.endswith("\n") and "\n\n\n" not in text and "\t" not in text
        assert not re.search(r" $", text, flags=re.MULTILINE)
        assert max(map(len, text.splitlines())) <= 100
        assert "Made by edge_tf 1.2.3; do not edit, export again." in text


def test_labels_cannot_end_a_comment() -> None:
    config = DetectorConfig(background=(LABELS[-1],))
    header = render.detector_sources(config, LABELS, 0.1, "1.2.3")["detector.h"]
    assert ' *   "caf\\303\\251 \\"au lait\\"\\?\\?=*\\057"\n' in header
    assert "#define DETECTOR_BACKGROUND {0, 0, 0, 0, 1}\n" in header


def test_without_background_classes(tmp_path: Path) -> None:
    sources = compiled.detector_sources(DetectorConfig(background=()))
    assert "none here" in sources["detector.h"]
    source = compiled.write(tmp_path, sources) / "detector.c"
    compiled.build(compiled.tool("gcc"), *C99, "-c", source, "-o", tmp_path / "x.o")


def test_errors_reach_the_caller() -> None:
    with pytest.raises(ExportError, match="padding=reflect"):
        render.frontend_sources({**FRONTEND, "padding": "reflect"}, 0.08, 0, "1.2.3")
    with pytest.raises(ExportError, match=r"output scale is 0\.0"):
        render.detector_sources(DetectorConfig(), LABELS, 0.0, "1.2.3")
