"""The generated C and C++, judged by real compilers, linkers and by running it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firmware_export.boards import building
from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.tflm import package
from tests.firmware_export.conftest import FRONTEND
from tests.firmware_export.models import LABELS

STUB = Path(__file__).parent / "stub"
WARNINGS = [*building.WARNINGS, "-pedantic"]
C99 = ["-std=c99", *WARNINGS]
C_FILES = ("model_data.c", "golden.c", "self_test.c", "model_id.c")


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(
    *command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=300,
        env=env,
        cwd=cwd,
    )


def build(*command: str | Path) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def arm_gcc(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The cross compiler, if it has a C library's headers."""
    compiler = tool("arm-none-eabi-gcc")
    source = tmp_path_factory.mktemp("arm") / "x.c"
    source.write_text("#include <stdio.h>\n")
    if run(compiler, "-fsyntax-only", source).returncode:
        pytest.skip("arm-none-eabi-gcc has no C library (Debian: libnewlib-arm-none-eabi)")
    return compiler


@pytest.fixture(scope="module")
def exported(
    converted_model: bytes, converted_golden: Golden, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("export") / "firmware"
    package.export(
        converted_model, out, "1.2.3", labels=LABELS, frontend=FRONTEND, golden=converted_golden
    )
    return out


@pytest.fixture(scope="module")
def program(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The self-test program, linked with the stub interpreter."""
    return link(exported, tmp_path_factory.mktemp("program"))


def link(exported: Path, folder: Path, *flags: str) -> Path:
    source = exported / "src"
    objects = []
    for name in (*C_FILES, "../extras/self_test_main.c"):
        objects.append(folder / f"{Path(name).stem}.o")
        command = [tool("gcc"), *C99, "-O2", "-g", "-fsanitize=undefined", f"-I{source}"]
        command += flags
        build(*command, "-c", source / name, "-o", objects[-1])
    for path in (source / "model_runner.cpp", STUB / "stub_interpreter.cc"):
        objects.append(folder / f"{path.stem}.o")
        command = [tool("g++"), "-std=c++11", *WARNINGS, "-O2", "-g", f"-I{source}", f"-I{STUB}"]
        command += flags
        build(*command, "-c", path, "-o", objects[-1])
    build(tool("g++"), "-fsanitize=undefined", *objects, "-o", folder / "self_test")
    return folder / "self_test"


class TestC:
    @pytest.mark.parametrize("optimize", ["-O0", "-Os", "-O3"])
    @pytest.mark.parametrize("name", [*C_FILES, "../extras/self_test_main.c"])
    def test_c99_without_a_warning(
        self, exported: Path, tmp_path: Path, name: str, optimize: str
    ) -> None:
        source = exported / "src" / name
        include = f"-I{exported / 'src'}"
        build(tool("gcc"), *C99, optimize, include, "-c", source, "-o", tmp_path / "x.o")

    @pytest.mark.parametrize("name", [*C_FILES, "../extras/self_test_main.c"])
    def test_cortex_m(self, arm_gcc: str, exported: Path, tmp_path: Path, name: str) -> None:
        core = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-Os"]
        source = exported / "src" / name
        include = f"-I{exported / 'src'}"
        build(arm_gcc, *C99, *core, include, "-c", source, "-o", tmp_path / "x.o")

    def test_constants_go_to_flash_on_cortex_m(
        self, arm_gcc: str, exported: Path, tmp_path: Path
    ) -> None:
        size = tool("arm-none-eabi-size")
        for name in ("model_data.c", "golden.c"):
            source = exported / "src" / name
            build(arm_gcc, "-std=c99", "-mcpu=cortex-m4", "-c", source, "-o", tmp_path / "x.o")
            _, sizes = run(size, tmp_path / "x.o").stdout.splitlines()
            text, data, bss = map(int, sizes.split()[:3])
            assert text > 3000
            assert data == bss == 0

    @pytest.mark.parametrize("standard", ["c++11", "c++20"])
    def test_headers_in_cpp(self, exported: Path, tmp_path: Path, standard: str) -> None:
        headers = sorted(path.name for path in (exported / "src").glob("*.h"))
        assert len(headers) == 5
        for name in headers:
            user = tmp_path / "user.cpp"
            user.write_text(f'#include "{name}"\n#include "{name}"\nint main() {{ return 0; }}\n')
            options = [f"-std={standard}", *WARNINGS, f"-I{exported / 'src'}"]
            build(tool("g++"), *options, "-c", user, "-o", tmp_path / "x.o")

    def test_the_model_comes_back_byte_for_byte(
        self, exported: Path, tmp_path: Path, converted_model: bytes, converted_golden: Golden
    ) -> None:
        (tmp_path / "dump.c").write_text(
            """
            #include <stdio.h>
            #include "golden.h"
            int main(void) {
              if ((uintptr_t)model_data % 16 != 0) return 1;
              fwrite(model_data, 1, sizeof model_data, stdout);
              fwrite(golden_features, 1, sizeof golden_features, stdout);
              fwrite(golden_logits, 1, sizeof golden_logits, stdout);
              for (int i = 0; i < GOLDEN_CLIPS; ++i) putchar(golden_label_index[i]);
              for (int i = 0; i < MODEL_INPUT_RANK; ++i) printf("%d,", (int)model_input_shape[i]);
              for (int i = 0; i < MODEL_OUTPUT_RANK; ++i) printf("%d,", (int)model_output_shape[i]);
              for (int i = 0; i < MODEL_NUM_LABELS; ++i) puts(model_labels[i]);
              return 0;
            }
            """
        )
        source = exported / "src"
        files = [
            tmp_path / "dump.c",
            source / "model_data.c",
            source / "golden.c",
            source / "model_id.c",
        ]
        build(tool("gcc"), *C99, f"-I{source}", *files, "-o", tmp_path / "dump")
        dumped = subprocess.run([tmp_path / "dump"], capture_output=True, timeout=60)
        assert dumped.returncode == 0
        assert dumped.stdout == (
            converted_model
            + converted_golden.features.tobytes()
            + converted_golden.logits.tobytes()
            + bytes(converted_golden.label_index.tolist())
            + b"1,40,101,1,1,4,"
            + "".join(f"{label}\n" for label in LABELS).encode()
        )


class TestSelfTest:
    def test_a_model_alone(self, tmp_path: Path, converted_model: bytes) -> None:
        """Without labels and front-end, with random inputs and TFLite Micro's outputs."""
        package.export(converted_model, tmp_path / "out", "1.2.3")
        done = run(link(tmp_path / "out", tmp_path), env={})
        assert done.returncode == 0, done.stdout
        *inputs, last = done.stdout.splitlines()
        assert inputs == [f"input {number}: 0 of 4 bytes differ" for number in range(4)]
        assert last.startswith("self-test: 0 bytes differ in 4 clips, arena 4044 of ")
        assert "random; the outputs are from" in (tmp_path / "out/src/golden.h").read_text()
        readme = (tmp_path / "out/README.md").read_text()
        assert "4 random inputs" in readme and "labels" not in readme

    @pytest.mark.usefixtures("no_tflite_micro")
    def test_a_model_alone_without_tflite_micro(self, tmp_path: Path, small_model: bytes) -> None:
        with pytest.raises(ExportError, match=r"^a \.tflite file alone needs TFLite Micro .*RUN$"):
            package.export(small_model, tmp_path / "out", "1.2.3")
        assert not (tmp_path / "out").exists()

    def test_all_is_well(self, program: Path, exported: Path) -> None:
        done = run(program, env={})
        assert done.returncode == 0, done.stdout
        *clips, last = done.stdout.splitlines()
        assert len(clips) == 4
        assert clips[2].startswith(f"clip 2: label '{LABELS[2]}', predicted '")
        assert last.startswith("self-test: 0 bytes differ in 4 clips, arena 4044 of ")

    @pytest.mark.parametrize("flips", [1, 3])
    def test_differing_bytes_are_counted(self, program: Path, flips: int) -> None:
        done = run(program, env={"STUB_FLIP": str(flips)})
        assert done.returncode == 1
        assert f"{flips} of 4 bytes differ" in done.stdout.splitlines()[0]
        assert f"self-test: {flips} bytes differ" in done.stdout

    @pytest.mark.parametrize(
        ("variable", "value", "status"),
        [
            ("STUB_SCHEMA", "4", -1),
            ("STUB_NEEDS_ARENA", "100000000", -3),
            ("STUB_INPUT_BYTES", "16", -4),
            ("STUB_INVOKE", "fail", -5),
        ],
    )
    def test_failures_are_told(self, program: Path, variable: str, value: str, status: int) -> None:
        done = run(program, env={variable: value})
        assert done.returncode == 1
        assert done.stdout == f"self-test stopped: status {status}, see model_runner.h\n"

    def test_resolver_holds_the_model_s_ops_and_no_more(self, program: Path) -> None:
        first = run(program, env={"STUB_TRACE": "1"}).stdout.splitlines()[0]
        assert first == (
            "resolver 6: AddAdd AddConv2D AddDepthwiseConv2D AddFullyConnected AddLogistic AddMean"
        )

    def test_a_larger_arena_is_the_remedy(self, exported: Path, tmp_path: Path) -> None:
        """Status -3 with the default; none with the figure of a kernel library that needs more."""
        header = (exported / "src" / "model_runner.h").read_text()
        sizes = dict(re.findall(r"#define MODEL_ARENA_(\w+) (\d+)\n", header))
        needed = {"STUB_NEEDS_ARENA": str(int(sizes["OTHER"]) + 1)}
        assert run(link(exported, tmp_path), env=needed).returncode == 1
        define = f"-DMODEL_ARENA_BYTES={int(sizes['OTHER']) + 16}"
        assert run(link(exported, tmp_path, define), env=needed).returncode == 0
        assert int(sizes["CMSIS_NN_MVE"]) >= int(sizes["CMSIS_NN"]) >= int(sizes["REFERENCE"]) > 0

    def test_uses_before_init_and_twice(self, exported: Path, tmp_path: Path) -> None:
        """C calls the runner; MODEL_ARENA_BYTES comes from the command line."""
        (tmp_path / "user.c").write_text(
            """
            #include "golden.h"
            #include "model_runner.h"
            int main(void) {
              int8_t logits[MODEL_OUTPUT_BYTES];
              const int8_t *clip = golden_features[0];
              if (model_runner_invoke(clip, logits) != MODEL_ERROR_NOT_READY) return 1;
              if (model_runner_arena_used() != 0) return 2;
              if (model_runner_init() != MODEL_OK || model_runner_init() != MODEL_OK) return 3;
              for (int i = 0; i < 3; ++i) {
                if (model_runner_invoke(clip, logits) != MODEL_OK) return 4;
                if (logits[0] != golden_logits[0][0]) return 5;
              }
              return MODEL_ARENA_BYTES == 5000 ? 0 : 6;
            }
            """
        )
        source = exported / "src"
        objects = []
        for path in (
            tmp_path / "user.c",
            source / "model_data.c",
            source / "golden.c",
            source / "model_id.c",
        ):
            objects.append(tmp_path / f"{path.stem}.o")
            options = [*C99, f"-I{source}", "-DMODEL_ARENA_BYTES=5000"]
            build(tool("gcc"), *options, "-c", path, "-o", objects[-1])
        options = ["-std=c++11", f"-I{source}", f"-I{STUB}", "-DMODEL_ARENA_BYTES=5000"]
        files = [source / "model_runner.cpp", STUB / "stub_interpreter.cc", *objects]
        build(tool("g++"), *options, *files, "-o", tmp_path / "user")
        assert run(tmp_path / "user").returncode == 0


@pytest.mark.optional
class TestCMake:
    def test_plain(self, exported: Path, tmp_path: Path) -> None:
        """Configures, builds and runs, with the stub in the place of the user's library."""
        cmake = tool("cmake")
        stub_object, library = tmp_path / "stub.o", tmp_path / "libtflm.a"
        options = ["-std=c++11", f"-I{STUB}", f"-I{exported / 'src'}"]
        build(tool("g++"), *options, "-c", STUB / "stub_interpreter.cc", "-o", stub_object)
        build(tool("ar"), "rcs", library, stub_object)
        folder = tmp_path / "build"
        tree = [f"-DTFLM_PATH={STUB}", f"-DTFLM_LIBRARY={library}"]
        build(cmake, "-S", exported, "-B", folder, *tree)
        build(cmake, "--build", folder)
        done = run(folder / "self_test")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_without_tflm_says_what_is_missing(self, exported: Path, tmp_path: Path) -> None:
        done = run(tool("cmake"), "-S", exported, "-B", tmp_path / "build")
        assert done.returncode != 0
        assert "-DTFLM_PATH=DIR" in " ".join(done.stderr.split())
