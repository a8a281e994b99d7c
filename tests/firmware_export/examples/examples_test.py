"""The examples that listen: each is C or C++ for its core and calls its framework as declared.

The frameworks are not here: stubs/ declares what the examples use of them. What listens to a serial
line is run on an emulated board, from a WAV file that comes in to the words that come out.
"""

import dataclasses
import re
import shutil
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_export.boards import building, emulation
from tests.firmware_export.boards.conftest import usable

HERE = Path(__file__).parent
STUBS = HERE / "stubs"
PROGRAMS = HERE / "programs"
FLAVORS = ("standalone", "tflm")
C = ("-std=c99", *building.WARNINGS)
CPP = ("-std=gnu++11", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror", "-Wshadow")
CORTEX_M4 = ("arm-none-eabi-", "-mthumb", "-mcpu=cortex-m4")
CORTEX_M0 = ("arm-none-eabi-", "-mthumb", "-mcpu=cortex-m0plus")
RV32 = ("riscv64-unknown-elf-", "-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs")


@dataclasses.dataclass(frozen=True)
class Example:
    """A file, the compiler for its core, and a call or member that its framework does not have."""

    file: str
    stubs: tuple[str, ...]
    core: tuple[str, ...]
    wrong: tuple[str, str]
    flags: tuple[str, ...] = ()


EXAMPLES = {
    "pdm": Example(
        "examples/listen_pdm/listen_pdm.ino",
        ("arduino",),
        CORTEX_M4,
        ("PDM.begin(1, FRONTEND_SAMPLE_RATE)", "PDM.begin(FRONTEND_SAMPLE_RATE)"),
    ),
    "i2s": Example(
        "examples/listen_i2s/listen_i2s.ino",
        ("arduino", "esp_idf"),
        RV32,
        ("i2s.rxChan()", "i2s.channel()"),
        ("-DESP_PLATFORM",),
    ),
    "serial": Example(
        "examples/listen_serial/listen_serial.ino",
        ("arduino",),
        CORTEX_M4,
        ("Serial.read()", "Serial.read(pcm)"),
    ),
    "esp_idf": Example(
        "examples/esp_idf/main/main.c",
        ("esp_idf",),
        RV32,
        (".on_recv_q_ovf", ".on_overflow"),
        ("-DESP_PLATFORM",),
    ),
    "zephyr": Example(
        "samples/listen/src/main.c",
        ("zephyr",),
        CORTEX_M4,
        ("dmic_read(microphone, 0, &block", "dmic_read(microphone, &block"),
    ),
    "sai": Example(
        "examples/stm32_hal/listen.c",
        ("stm32",),
        CORTEX_M4,
        ("HAL_SAI_Receive_DMA(&MICROPHONE", "HAL_SAI_Receive_DMA(MICROPHONE"),
    ),
    "dfsdm": Example(
        "examples/stm32_hal/listen.c",
        ("stm32",),
        CORTEX_M4,
        ("FilterRegularStart_DMA(&MICROPHONE, halves[0]", "FilterRegularStart_DMA(halves[0]"),
        ("-DLISTEN_DFSDM",),
    ),
    "pico": Example(
        "examples/pico/main.c",
        ("pico",),
        CORTEX_M0,
        ("channel_config_set_dreq(&config", "channel_config_set_dreq(config"),
    ),
}


def compile_example(
    name: str, export: Path, source: Path, *flags: str
) -> subprocess.CompletedProcess[str]:
    example = EXAMPLES[name]
    is_sketch = example.file.endswith(".ino")
    prefix, *core = example.core
    compiler = f"{prefix}{'g++' if is_sketch else 'gcc'}"
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    options = [*CPP, "-include", "Arduino.h", "-x", "c++"] if is_sketch else [*C]
    includes = [f"-I{export / 'src'}", *(f"-I{STUBS / stub}" for stub in example.stubs)]
    includes.append(f"-I{(export / example.file).parent}")
    command = [compiler, *core, "-O2", *options, *includes, *example.flags, *flags, "-c", source]
    return run(*command, "-o", source.with_name("x.o"))


def run(*command: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, timeout=300, **options)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_compiles_without_a_warning(
    name: str, flavor: str, exports: dict[str, Path], tmp_path: Path
):
    source = tmp_path / Path(EXAMPLES[name].file).name
    source.write_text((exports[flavor] / EXAMPLES[name].file).read_text())
    for flags in ((), ("-DEDGE_BENCH",)):
        done = compile_example(name, exports[flavor], source, *flags)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_wrong_call_does_not_compile(name: str, exports: dict[str, Path], tmp_path: Path):
    right, wrong = EXAMPLES[name].wrong
    text = (exports["standalone"] / EXAMPLES[name].file).read_text()
    assert right in text
    source = tmp_path / Path(EXAMPLES[name].file).name
    source.write_text(text.replace(right, wrong))
    done = compile_example(name, exports["standalone"], source)
    assert done.returncode != 0
    assert "error" in done.stderr


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of noise as a WAV file; the model takes it for words."""
    pcm = np.random.default_rng(0).integers(-32_768, 32_768, 48_000).astype("<i2")
    path = tmp_path_factory.mktemp("sound") / "noise.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", "not compressed"))
        file.writeframes(pcm.tobytes())
    return path


def test_a_wav_file_over_the_line_of_a_board_gives_the_words_of_this_machine(
    exports: dict[str, Path], sound: Path, tmp_path: Path
):
    """main_example.c as it is; stdin and stdout are the emulator's there, and a pipe here."""
    export = exports["standalone"]
    sources = [export / "examples/main_example.c", *sorted((export / "src").glob("*.c"))]
    program = tmp_path / "main_example"
    done = run("gcc", "-std=c99", "-O2", f"-I{export / 'src'}", *sources, "-o", program)
    assert done.returncode == 0, done.stderr
    with sound.open("rb") as file:
        here = run(program, stdin=file)
    assert here.returncode == 0
    words = here.stdout.splitlines()
    assert words and all(re.fullmatch(r"(yes|no) \(\d+ %\)", line) for line in words)

    shutil.copy(sound, tmp_path / "sound.wav")
    wrapped = ("-Wl,--wrap=getchar", "-Wl,--wrap=board_exit")
    boards: dict[str, tuple[str, tuple[str, ...]]] = {
        "cortex-m4": ("newlib", wrapped),
        "rv32": ("picolibc", ()),
    }
    for board, (library, flags) in boards.items():
        build = building.build(
            usable(board),
            [*sources, PROGRAMS / f"{library}.c"],
            [export / "src"],
            tmp_path / board,
            extra_flags=flags,
        )
        there = emulation.run(build, tmp_path, count=False)
        assert there.status == 0
        lines = there.console.splitlines()
        if flags:
            assert int(lines.pop(), 16) == fnv1a(sound.read_bytes())
        assert lines == words


def fnv1a(data: bytes) -> int:
    checksum = 2_166_136_261
    for byte in data:
        checksum = (checksum ^ byte) * 16_777_619 & 0xFFFFFFFF
    return checksum


def test_other_input_than_the_model_s_is_told(exports: dict[str, Path], tmp_path: Path):
    """A WAV file of another rate, one that ends in its header, nothing, and raw samples."""
    export = exports["standalone"]
    sources = [export / "examples/main_example.c", *sorted((export / "src").glob("*.c"))]
    program = tmp_path / "main_example"
    run("gcc", "-std=c99", "-O1", f"-I{export / 'src'}", *sources, "-o", program, check=True)

    def hear(data: bytes) -> tuple[int, bytes]:
        done = subprocess.run([program], input=data, capture_output=True, timeout=60)
        return done.returncode, done.stdout

    with wave.open(str(tmp_path / "fast.wav"), "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", "not compressed"))
        file.writeframes(bytes(8_000))
    told = (1, b"not a WAV file of 16 bits, mono, 16000 per second\n")
    assert hear((tmp_path / "fast.wav").read_bytes()) == told
    assert hear(b"RIFF\0\0\0\0WAVEfmt ") == told
    assert hear(b"") == hear(bytes(7)) == (0, b"")


def test_the_measured_line_is_a_row_of_the_table(exports: dict[str, Path], tmp_path: Path):
    """Cycles of a core that counts them, the stack, bytes that differ, blocks that were lost."""
    export = exports["standalone"]
    sources = [PROGRAMS / "bench.c", *sorted((export / "src").glob("*.c"))]
    board = usable("rv32")
    build = building.build(board, sources, [export / "src"], tmp_path / "b", ram_kb=128)
    lines = emulation.run(build, count=True).console.splitlines()
    assert "3 blocks dropped, 3 in all" in lines
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 1
    cells = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert cells[0] == "a board" and cells[1].startswith("gcc ")
    assert re.fullmatch(r"standalone for \S+, [0-9a-f]{8}, edge_tf 1\.2\.3", cells[2])
    second, (most, samples) = int(cells[3]), map(int, cells[4].split(", "))
    assert samples == 400 and second / 40 < most < second
    assert 128 < int(cells[5]) < 2_048 + 128
    differing = run_self_test(export, tmp_path)
    assert (int(cells[6]), cells[7]) == (differing, "3")
    header = (HERE.parents[2] / "benchmarks" / "boards.md").read_text()
    titles = next(line for line in header.splitlines() if line.startswith("| board |"))
    assert len(titles.strip("|").split("|")) == len(cells)


def run_self_test(export: Path, folder: Path) -> int:
    """Bytes that differ on this machine; the clips' sound here does not go with their features."""
    files = [*(export / "src").glob("*.c"), export / "extras/self_test_main.c"]
    run("gcc", "-O1", f"-I{export / 'src'}", *files, "-o", folder / "self_test", check=True)
    last = run(folder / "self_test").stdout.splitlines()[-1]
    found = re.fullmatch(r"self-test: (\d+) bytes differ", last)
    assert found
    return int(found[1])


def test_counters_of_other_cores_compile(exports: dict[str, Path], tmp_path: Path):
    """edge_bench.h alone, where the compiler has no C library."""
    user = tmp_path / "user.c"
    user.write_text(
        '#include "edge_bench.h"\n'
        "uint32_t measure(void);\n"
        "uint32_t measure(void) {\n"
        "  edge_cycles_start();\n"
        "  const edge_stack_t stack = edge_stack_paint();\n"
        "  return edge_cycles() + (uint32_t)edge_stack_used(&stack);\n"
        "}\n"
    )
    made = 0
    for compiler, expected in (
        ("xtensa-lx106-elf-gcc", "ccount"),
        ("arm-none-eabi-gcc -mcpu=cortex-m33 -mthumb", "str"),
        ("riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32", "mcycle"),
    ):
        if shutil.which(compiler.split()[0]) is None:
            continue
        options = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-S"]
        include = f"-I{exports['standalone'] / 'src'}"
        done = run(*compiler.split(), *options, include, user, "-o", tmp_path / "x.s")
        assert done.returncode == 0, done.stderr
        assert expected in (tmp_path / "x.s").read_text()
        made += 1
    if made == 0:
        pytest.skip("no cross compiler is installed")


# What pioasm of the Pico SDK 2 does not take as a name, in any case of letters.
PIO_WORDS = frozenset(
    "jmp wait in out push pull mov irq set nop public optional opt side sideset side_set pin gpio "
    "osre pins null pindirs x y pc exec isr osr status block noblock iffull ifempty rel clear "
    "nowait jmppin next prev txrx tx rx txput txget putget one zero rp2040 rp2350 rxfifo txfifo "
    "left right auto manual".split()
)


class Pio:
    """The instructions of a PIO program that i2s_microphone.pio uses, a cycle at a time."""

    def __init__(self, text: str) -> None:
        self.labels: dict[str, int] = {}
        self.program: list[tuple[list[str], int]] = []
        self.wrap_target = 0
        for line in (line.partition(";")[0].strip() for line in text.splitlines()):
            if line == ".wrap_target":
                self.wrap_target = len(self.program)
            elif line.endswith(":"):
                assert line[:-1].lower() not in PIO_WORDS, f"pioasm refuses the label {line}"
                self.labels[line[:-1]] = len(self.program)
            elif line and not line.startswith("."):
                words, side = line.split(" side ")
                self.program.append((words.replace(",", "").split(), int(side.strip(), 2)))
        self.x = self.at = 0

    def step(self) -> tuple[int, bool]:
        """The pins that it sets, and whether it reads its input pin after that."""
        words, side = self.program[self.at]
        self.at = self.at + 1 if self.at + 1 < len(self.program) else self.wrap_target
        if words[:2] == ["set", "x"]:
            self.x = int(words[2])
        elif words[:2] == ["jmp", "x--"]:
            self.at = self.labels[words[2]] if self.x > 0 else self.at
            self.x = self.x - 1 if self.x > 0 else 0xFFFFFFFF
        else:
            assert words in (["nop"], ["in", "pins", "1"]), words
        return side, words[0] == "in"


class Microphone:
    """An I2S transmitter: a bit per falling clock, the first a clock after word select changed."""

    def __init__(self, samples: list[int]) -> None:
        self.words = iter(samples)
        self.clock = self.select = self.seen = 0
        self.begins = False
        self.word, self.data = 0, 0

    def pins(self, side: int) -> None:
        clock, select = side & 1, side >> 1
        if clock and not self.clock:
            self.begins, self.seen = select != self.seen, select
        if self.clock and not clock:
            if self.begins:
                self.word = next(self.words) if self.seen == 0 else 0xFFFFFFFF
                self.begins = False
            self.data, self.word = self.word >> 31 & 1, self.word << 1 & 0xFFFFFFFF
        self.clock = clock


def test_the_pico_s_program_receives_the_left_channel(exports: dict[str, Path]):
    """64 clocks a sample, of which 32 are read: what the microphone sends, bit by bit."""
    pio = Pio((exports["standalone"] / "examples/pico/i2s_microphone.pio").read_text())
    sent = [int(v) for v in np.random.default_rng(0).integers(0, 1 << 32, 40)]
    microphone = Microphone(sent)
    received, bits = [], []
    for _ in range(128 * 12):
        side, reads = pio.step()
        microphone.pins(side)
        if reads:
            bits.append(microphone.data)
        if len(bits) == 32:
            received.append(int("".join(map(str, bits)), 2))
            bits.clear()
    assert len(received) == 12
    # The microphone sends its first word when word select has changed for the first time.
    assert received[1:] == sent[:11]
