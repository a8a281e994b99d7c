"""What is exported compiles without a warning wherever it may end up, and analysers find nothing.

One folder has a streaming classifier with front-end, detector and self-test, and every kernel that
there is. Emulated boards run the kernels of each core (standalone/kernel_choice_test.py).
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from edge_tf.audio import fixed_point
from firmware_export.boards import toolchain
from firmware_export.boards.board import Requirement, by_name
from firmware_export.standalone import kernel_files
from firmware_export.standalone.kernel_structs import KERNELS
from firmware_export.standalone.spotting import Sound
from firmware_export.standalone.target import KERNEL_SETS
from tests.firmware_export.c_style_test import CONFIG, Made
from tests.firmware_export.standalone.kernels_glue import WARNINGS
from tests.firmware_export.standalone.passes_test import LIKE

STRICT = [*WARNINGS[1:], "-pedantic-errors"]
# What IAR's and Arm's compilers do by default: enums as small as they can be, unsigned char.
LIKE_OTHERS = ["-std=c99", "-fshort-enums", "-funsigned-char"]
_M4 = ["-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
_M55 = ["-mthumb", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-mfpu=auto"]
_RV32 = ["-march=rv32imac", "-mabi=ilp32"]
_ARM = "arm-none-eabi-gcc"
_PICOLIBC = Requirement("picolibc-arm-none-eabi", _ARM, "picolibc.specs")

COMPILERS = {
    "gcc": ["gcc", *LIKE_OTHERS],
    "gcc, C17": ["gcc", "-std=c17"],
    "clang": ["clang", *LIKE_OTHERS],
    "newlib, Cortex-M4": [_ARM, *_M4, *LIKE_OTHERS],
    "newlib, Cortex-M55": [_ARM, *_M55, *LIKE_OTHERS],
    "picolibc, Cortex-M4": [_ARM, *_M4, "--specs=picolibc.specs", "-std=c99"],
    "picolibc, RV32": ["riscv64-unknown-elf-gcc", *_RV32, "--specs=picolibc.specs", "-std=c99"],
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compilers") / "out"
    made = Made(("yes", "no", "lamp"))
    made.sound = Sound(made.sound.wav, fixed_point.log_mel(made.sound.wav, CONFIG, *LIKE))
    made.export(out, streams=True)
    stems = {path.stem for path in KERNELS.glob("*/*.c")}
    headers = [path.name for path in KERNELS.glob("*.h")]
    for name, text in kernel_files.texts(stems, headers, KERNEL_SETS).items():
        (out / "src" / name).write_text(text)
    return out


def sources(exported: Path) -> list[str]:
    found = sorted(str(path) for path in (exported / "src").glob("*.c"))
    assert len(found) >= 80
    return found


def need(*packages: Requirement) -> None:
    for package in packages:
        if not toolchain.is_there(package, os.environ["PATH"]):
            pytest.skip(f"needs {package.package}")


def run(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=cwd)


@pytest.mark.parametrize("name", COMPILERS)
def test_no_compiler_warns(exported: Path, name: str):
    compiler, *flags = COMPILERS[name]
    need(Requirement(compiler, compiler))
    if compiler == _ARM:
        need(*by_name("cortex-m4").requires[:2])
    if name == "picolibc, Cortex-M4":
        need(_PICOLIBC)
    include = f"-I{exported / 'src'}"
    done = run(compiler, *flags, *STRICT, include, "-fsyntax-only", *sources(exported))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_self_test_passes_with_their_defaults(exported: Path, tmp_path: Path, compiler: str):
    need(Requirement(compiler, compiler))
    main, include = exported / "extras/self_test_main.c", f"-I{exported / 'src'}"
    program = str(tmp_path / "self_test")
    files = [*sources(exported), str(main)]
    done = run(compiler, *LIKE_OTHERS, "-O1", include, *files, "-o", program)
    assert done.returncode == 0, done.stderr
    done = run(program)
    assert done.returncode == 0, done.stdout
    assert "self-test: 0 bytes differ" in done.stdout


@pytest.mark.parametrize("standard", ["c++11", "c++20"])
def test_every_header_in_cpp(exported: Path, tmp_path: Path, standard: str):
    need(Requirement("g++", "g++"))
    names = sorted(path.name for path in (exported / "src").glob("*.h"))
    user = tmp_path / "user.cpp"
    user.write_text("".join(f'#include "{name}"\n' for name in (*names, *names)))
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic-errors"]
    include = f"-I{exported / 'src'}"
    done = run("g++", f"-std={standard}", *flags, include, "-fsyntax-only", str(user))
    assert (done.returncode, done.stderr) == (0, "")


def test_an_int_of_16_bits_is_refused(tmp_path: Path):
    """By clang for MSP430, which brings the headers that it takes."""
    need(Requirement("clang", "clang"))
    header = str(KERNELS / "edge_kernels.h")
    command = ["clang", "--target=msp430", "-ffreestanding", "-fsyntax-only", "-xc", header]
    (line,) = re.findall(r"^.*error: (.*)$", run(*command).stderr, re.MULTILINE)
    assert line == '"int has 16 bits on this core, and these kernels need 32"'


def test_the_alignment_can_be_defined(exported: Path):
    """For a compiler that is not known: it is told what to define, and that is enough."""
    need(Requirement("gcc", "gcc"))
    command = ["gcc", "-std=c99", "-U__GNUC__", f"-I{exported / 'src'}", "-fsyntax-only"]
    command += ["-include", "stdint.h", str(exported / "src/model.c")]
    assert "define MODEL_ALIGN_16 for this compiler" in run(*command).stderr
    done = run(*command, "-DMODEL_ALIGN_16=__attribute__((aligned(16)))")
    assert done.returncode == 0, done.stderr


def test_gcc_analyzer_finds_nothing(exported: Path, tmp_path: Path):
    need(Requirement("gcc", "gcc"))
    files = [name for name in sources(exported) if not name.endswith("golden.c")]
    flags = ["-std=c99", "-O1", "-fanalyzer", "-Werror", f"-I{exported / 'src'}", "-c"]
    done = run("gcc", *flags, *files, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_cppcheck_finds_nothing(exported: Path):
    """In the portable kernels and all else; it cannot read the others' assembly."""
    need(Requirement("cppcheck", "cppcheck"))
    # Tables of numbers take it minutes.
    files = [name for name in sources(exported) if not name.endswith("golden.c")]
    flags = ["--enable=warning,portability,performance", "--std=c99", "--error-exitcode=1", "-q"]
    known = ["-D__GNUC__=12", "-DINT_MAX=0x7FFFFFFF", "-DCHAR_BIT=8", "-DEDGE_PORTABLE"]
    include = f"-I{exported / 'src'}"
    # edge_requantize.h refuses compilers whose >> does not keep the sign.
    shifts = ["--suppress=shiftTooManyBitsSigned", "--suppress=shiftNegativeLHS"]
    done = run("cppcheck", "--platform=unix32", *flags, *shifts, *known, include, *files)
    assert (done.returncode, done.stderr) == (0, "")
