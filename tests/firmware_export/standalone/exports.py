"""What an export of plain C has, and how tests build it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.standalone.kernel_structs import KERNELS
from tests.firmware_export.examples import examples_test
from tests.firmware_export.standalone.host import WARNINGS

CONFIG = FrontendConfig()
EXAMPLES = {
    *(f"examples/{name}/{name}.ino" for name in ("listen_i2s", "listen_pdm", "listen_serial")),
    *(f"examples/esp_idf/{name}" for name in ("CMakeLists.txt", "sdkconfig.defaults")),
    *(f"examples/esp_idf/main/{name}" for name in ("CMakeLists.txt", "main.c")),
    "examples/main_example.c",
    *(f"examples/pico/{name}" for name in ("CMakeLists.txt", "i2s_microphone.pio", "main.c")),
    *(f"examples/stm32_hal/{name}" for name in ("README.md", "listen.c", "listen.h")),
    *(f"samples/listen/{name}" for name in ("CMakeLists.txt", "prj.conf", "sample.yaml")),
    "samples/listen/boards/nrf52840dk_nrf52840.overlay",
    "samples/listen/src/main.c",
}
MODEL_ONLY = {
    "CMakeLists.txt",
    "LICENSE",
    "README.md",
    "idf_component.yml",
    "library.json",
    "library.properties",
    "plan.svg",
    "src/edge_kernels.h",
    "src/edge_kernels_version.c",
    "src/edge_kernels_version.h",
    "src/edge_requantize.h",
    "src/edge_target.h",
    "src/model.c",
    "src/model.h",
    "src/model_id.c",
    "src/model_id.h",
    "zephyr/CMakeLists.txt",
    "zephyr/Kconfig",
    "zephyr/module.yml",
}
SELF_TEST = {
    "examples/self_test/self_test.ino",
    "extras/self_test_main.c",
    "src/golden.c",
    "src/golden.h",
    "src/self_test.c",
    "src/self_test.h",
}
SPOTTER = {
    *EXAMPLES,
    "src/edge_bench.h",
    "src/listener.h",
    *(f"src/{n}.{e}" for n in ("detector", "frontend", "labels", "spotter") for e in "ch"),
}


def run(*command: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, timeout=300, **options)


def build_with_cmake(exported: Path, build: Path) -> Path:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    flags = " ".join([*WARNINGS[1:], "-fsanitize=undefined", "-fno-sanitize-recover=all"])
    for command in (
        ["cmake", "-S", exported, "-B", build, f"-DCMAKE_C_FLAGS={flags}"],
        ["cmake", "--build", build],
    ):
        done = run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return build


def check_cpp(exported: Path, folder: Path, standard: str) -> None:
    """Headers, twice each, and sketches compile as C++."""
    headers = sorted(path.name for path in (exported / "src").glob("*.h"))
    includes = "".join(f'#include "{name}"\n' for name in (*headers, *headers))
    for name in ("listen_serial", "self_test"):
        sketch = (exported / "examples" / name / f"{name}.ino").read_text()
        user = folder / f"{name}.cpp"
        user.write_text(f"#include <Arduino.h>\n{includes}{sketch}")
        options = [f"-std={standard}", "-Wall", "-Wextra", "-Werror"]
        options += [f"-I{exported / 'src'}", f"-I{examples_test.STUBS / 'arduino'}"]
        done = run("g++", *options, "-fsyntax-only", user)
        assert done.returncode == 0, done.stderr


def kernels_of(manifest: dict, content: dict[str, bytes]) -> set[str]:
    """The kernels' files, and headers that are included."""
    included = re.findall(rb'#include "(edge_\w+\.h)"', b"".join(content.values()))
    folders = {kernel_set: KERNELS / kernel_set for kernel_set in manifest["kernel_sets"]}
    sources = {
        f"src/edge_{name}{'' if kernel_set == 'portable' else f'_{kernel_set}'}.c"
        for name in manifest["kernels"]
        for kernel_set, folder in folders.items()
        if (folder / f"{name}.c").is_file()
    }
    return sources | {f"src/{name.decode()}" for name in included}


def self_test(exported: Path, folder: Path) -> tuple[int, str]:
    """Exit status, and the end of the line of the first input."""
    files = [*(exported / "src").glob("*.c"), exported / "extras/self_test_main.c"]
    done = run("gcc", *WARNINGS, f"-I{exported / 'src'}", *files, "-o", folder / "self_test")
    assert done.returncode == 0, done.stderr
    ran = run(folder / "self_test")
    return ran.returncode, ran.stdout.splitlines()[0].partition(": ")[2]
