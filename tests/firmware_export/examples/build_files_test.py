"""The build files of frameworks, run by CMake with stand-ins for the frameworks' functions.

A stand-in does what the framework documents of its function: it makes targets, with the framework's
own options on them. What is checked is what our files ask for, and which -O the compiler sees last.
"""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware_export.tflm.generated_source_test import STUB

pytestmark = pytest.mark.optional

IDF = """
cmake_minimum_required(VERSION 3.16)
project(stand_in C CXX)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_compile_options(-Og)
macro(idf_component_register)
  cmake_parse_arguments(ARG "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
  set(COMPONENT_LIB component)
  add_library(component STATIC ${ARG_SRCS})
  message(STATUS "includes ${ARG_INCLUDE_DIRS}, requires ${ARG_REQUIRES}.")
endmacro()
set(ESP_PLATFORM 1)
"""
ZEPHYR = """
cmake_minimum_required(VERSION 3.16)
project(stand_in C CXX)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_library(zephyr_interface INTERFACE)
target_compile_options(zephyr_interface INTERFACE -Os)
function(zephyr_interface_library_named name)
  add_library(${name} INTERFACE)
endfunction()
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC "")
  target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_link_libraries)
  target_link_libraries(${ZEPHYR_CURRENT_LIBRARY} PUBLIC ${ARGN})
endfunction()
function(zephyr_library_compile_options)
  add_library(options INTERFACE)
  target_compile_options(options INTERFACE ${ARGN})
  target_link_libraries(${ZEPHYR_CURRENT_LIBRARY} PRIVATE options)
endfunction()
set(CONFIG_EDGE_TF_MODEL y)
"""


def configure(folder: Path, text: str, **environment: str) -> tuple[str, dict[str, list[str]]]:
    """What CMake says, and the compiler's arguments by file name."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    (folder / "CMakeLists.txt").write_text(text)
    done = subprocess.run(
        ["cmake", "-S", folder, "-B", folder / "b"],
        capture_output=True,
        text=True,
        timeout=300,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    assert done.returncode == 0, done.stderr
    commands = json.loads((folder / "b" / "compile_commands.json").read_text())
    return done.stdout, {Path(c["file"]).name: shlex.split(c["command"]) for c in commands}


def check_optimization(commands: dict[str, list[str]], export: Path) -> None:
    sources = {path.name for path in (export / "src").iterdir() if path.suffix in (".c", ".cpp")}
    assert set(commands) == sources
    for name, arguments in commands.items():
        levels = [argument for argument in arguments if re.fullmatch(r"-O\w?", argument)]
        assert len(levels) == 2 and levels[-1] == "-O2", (name, levels)


@pytest.mark.parametrize(
    ("flavor", "manager", "requires"),
    [("standalone", "1", ""), ("tflm", "1", ""), ("tflm", "0", "esp-tflite-micro")],
)
def test_esp_idf(
    exports: dict[str, Path], tmp_path: Path, flavor: str, manager: str, requires: str
):
    """Without the component manager, nothing but REQUIRES finds TFLite Micro."""
    text = f"{IDF}add_subdirectory({exports[flavor]} model)\n"
    said, commands = configure(tmp_path, text, IDF_COMPONENT_MANAGER=manager)
    assert f"includes src, requires {requires}.\n" in said
    check_optimization(commands, exports[flavor])


@pytest.mark.parametrize(("flavor", "arena"), [("standalone", 0), ("tflm", 0), ("tflm", 4096)])
def test_zephyr(exports: dict[str, Path], tmp_path: Path, flavor: str, arena: int):
    """Headers are for those who ask for them; an arena is the same for the library and for them."""
    (tmp_path / "other.c").write_text("int other;\n")
    (tmp_path / "app.c").write_text("int app;\n")
    text = (
        f"{ZEPHYR}set(CONFIG_EDGE_TF_MODEL_ARENA_BYTES {arena})\n"
        f"add_subdirectory({exports[flavor] / 'zephyr'} model)\n"
        "add_library(other STATIC other.c)\nadd_library(app STATIC app.c)\n"
        "target_link_libraries(other PRIVATE zephyr_interface)\n"
        "target_link_libraries(app PRIVATE edge_tf_model_headers)\n"
    )
    _, commands = configure(tmp_path, text)
    app, other = commands.pop("app.c"), commands.pop("other.c")
    assert any(argument.endswith("/src") for argument in app)
    assert not any(argument.endswith("/src") for argument in other)
    check_optimization(commands, exports[flavor])
    for arguments in (app, *commands.values()):
        assert (f"-DMODEL_ARENA_BYTES={arena}" in arguments) == (arena > 0)


@pytest.mark.parametrize("strips", [False, True])
def test_a_library_without_texts_of_errors(exports: dict[str, Path], tmp_path: Path, strips: bool):
    """It lacks MicroPrintf; then the headers must not call it, which a second definition says."""
    source, library = tmp_path / "library.cc", tmp_path / "libtflm.a"
    name = "Nothing" if strips else "MicroPrintf"
    source.write_text(f"void {name}(const char *, ...) {{}}\n")
    subprocess.run(["g++", "-c", source, "-o", tmp_path / "library.o"], check=True)
    subprocess.run(["ar", "rcs", library, tmp_path / "library.o"], check=True)
    text = (
        "cmake_minimum_required(VERSION 3.16)\nproject(mine C CXX)\n"
        "set(CMAKE_EXPORT_COMPILE_COMMANDS ON)\nadd_compile_options(-Og)\n"
        f"set(TFLM_PATH {STUB})\nset(TFLM_LIBRARY {library})\n"
        f"add_subdirectory({exports['tflm']} model)\n"
    )
    _, commands = configure(tmp_path, text)
    check_optimization(commands, exports["tflm"])
    for arguments in commands.values():
        assert "-DTF_LITE_STATIC_MEMORY" in arguments
        assert ("-DTF_LITE_STRIP_ERROR_STRINGS" in arguments) == strips


def test_platformio_and_licenses(exports: dict[str, Path]):
    """library.json builds with -O2; every file that can hold a comment names its license."""
    for export in exports.values():
        library = json.loads((export / "library.json").read_text())
        assert library["build"]["flags"] == ["-O2"] and "-Os" in library["build"]["unflags"]
        assert library["headers"] == (
            "spotter.h" if export.name == "standalone" else "model_runner.h"
        )
        for path in export.rglob("*"):
            if path.is_file() and path.name not in (
                *("LICENSE", "library.json", "manifest.json", "plan.svg"),
            ):
                assert "SPDX-License-Identifier: Apache-2.0" in path.read_text(), path
        module = (export / "zephyr" / "module.yml").read_text()
        assert "\nsamples:\n  - samples\n" in module and (export / "samples/listen").is_dir()
    wanted = (exports["tflm"] / "idf_component.yml").read_text()
    assert 'espressif/esp-tflite-micro: ">=1.3.0,<2.0.0"' in wanted
