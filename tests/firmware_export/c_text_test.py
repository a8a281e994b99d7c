import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_export import c_text
from firmware_export.errors import ExportError

TEXTS = [
    "yes",
    "",
    'say "hi"',
    "back\\slash",
    "??=??/??'",
    "\u00e9\u4e16\U0001f600",
    "tab\tline\nreturn\r",
    "%s %d",
    "\u00e91234",
    "*/ // /*",
    "\x7f\x01",
]


def test_byte_rows() -> None:
    assert c_text.byte_rows(b"\x00\x7f\xff", per_row=2) == ["0x00, 0x7f,", "0xff,"]
    assert c_text.byte_rows(b"") == []


def test_int_rows() -> None:
    values = np.array([[-128, 0], [127, 5]], np.int8)
    assert c_text.int_rows(values, per_row=3) == ["-128, 0, 127,", "5,"]
    assert c_text.int_list((1, 40, 101, 1)) == "1, 40, 101, 1"


@pytest.mark.parametrize(
    ("value", "literal"),
    [(1.0, "1.0f"), (0.05, "0.05f"), (1e-10, "1e-10f"), (3e20, "3e+20f"), (-2.5, "-2.5f")],
)
def test_float_literal(value: float, literal: str) -> None:
    assert c_text.float_literal(value) == literal


def test_nul_is_refused() -> None:
    with pytest.raises(ExportError, match="contains a NUL"):
        c_text.string_literal("a\0b")


@pytest.mark.parametrize("compiler", ["gcc", "g++"])
def test_a_compiler_reads_back_what_went_in(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    rng = np.random.default_rng(0)
    floats = rng.integers(0, 0x7F800000, 500, dtype=np.uint32).view(np.float32)
    floats = np.concatenate([floats, np.float32([1e-45, 3.4028235e38, 1.0, 0.1])])
    literals = ",\n".join(c_text.float_literal(float(value)) for value in floats)
    strings = ",\n".join(c_text.string_literal(text) for text in TEXTS)
    source = tmp_path / ("x.c" if compiler == "gcc" else "x.cpp")
    source.write_text(
        "#include <stdio.h>\n#include <string.h>\n"
        f"static const float floats[] = {{\n{literals}\n}};\n"
        f"static const char *const texts[] = {{\n{strings}\n}};\n"
        "int main(void) {\n"
        "  fwrite(floats, 1, sizeof floats, stdout);\n"
        "  for (unsigned i = 0; i < sizeof texts / sizeof *texts; ++i)\n"
        "    fwrite(texts[i], 1, strlen(texts[i]) + 1, stdout);\n"
        "  return 0;\n"
        "}\n"
    )
    standard = "-std=c99" if compiler == "gcc" else "-std=c++11"
    options = [standard, "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run([compiler, *options, source, "-o", tmp_path / "x"], check=True, timeout=60)
    printed = subprocess.run([tmp_path / "x"], capture_output=True, check=True, timeout=60).stdout
    assert printed == floats.tobytes() + b"".join(text.encode() + b"\0" for text in TEXTS)


def test_numbers_of_any_type():
    assert c_text.number_rows(np.array([-1, 7], np.int16), 8) == ["-1, 7,"]
    assert c_text.number_rows(np.array([0.5, 3, 1e-9], np.float32), 2) == ["0.5f, 3.0f,", "1e-09f,"]
    with pytest.raises(ExportError, match="is not finite"):
        c_text.number_rows(np.array([np.nan], np.float32), 8)
