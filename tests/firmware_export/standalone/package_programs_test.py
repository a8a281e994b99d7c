"""The programs of an export: built as its README.md says, they prove themselves."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.firmware_export.standalone.exports import build_with_cmake, check_cpp, run


@pytest.fixture(scope="module")
def built(exported: Path, tmp_path_factory: Any) -> Path:
    """The programs for this machine, built as the README says, with all warnings as errors."""
    return build_with_cmake(exported, tmp_path_factory.mktemp("build"))


class TestPrograms:
    def test_self_test(self, built: Path):
        done = run(built / "self_test")
        assert done.returncode == 0, done.stdout
        assert "self-test: 0 bytes differ" in done.stdout
        assert done.stdout.count("0 of 4040 features differ") == 2

    def test_self_test_finds_a_wrong_byte(self, exported: Path, tmp_path: Path):
        shutil.copytree(exported / "src", tmp_path / "src")
        golden = tmp_path / "src" / "golden.c"
        head, tail = golden.read_text().split(
            "golden_logits[GOLDEN_CLIPS][MODEL_OUTPUT_SIZE] = {\n"
        )
        first = tail.split("{\n", 1)[1].split(",", 1)[0].strip()
        tail = tail.replace(first, str(int(first) + (1 if int(first) < 127 else -1)), 1)
        golden.write_text(f"{head}golden_logits[GOLDEN_CLIPS][MODEL_OUTPUT_SIZE] = {{\n{tail}")
        files = [*(tmp_path / "src").glob("*.c"), exported / "extras" / "self_test_main.c"]
        program = tmp_path / "self_test"
        done = run("gcc", "-std=c99", f"-I{tmp_path / 'src'}", *files, "-o", program)
        assert done.returncode == 0, done.stderr
        done = run(program)
        assert done.returncode == 1
        assert "self-test: 1 bytes differ" in done.stdout

    def test_self_test_cuts_long_labels_between_characters(self, exported: Path, tmp_path: Path):
        """A line has room for 40 bytes of a label: "x" and 19 letters of two bytes."""
        shutil.copytree(exported / "src", tmp_path / "src")
        labels = tmp_path / "src/labels.c"
        text = re.sub(r'"[^"\n]*",', f'"x{"é" * 30}",', labels.read_text("utf-8"))
        labels.write_text(text, encoding="utf-8")
        files = [*(tmp_path / "src").glob("*.c"), exported / "extras" / "self_test_main.c"]
        program = tmp_path / "self_test"
        done = run("gcc", f"-I{tmp_path / 'src'}", *files, "-o", program)
        assert done.returncode == 0, done.stderr
        shown = subprocess.run([program], capture_output=True, check=True).stdout.decode("utf-8")
        assert f"label 'x{'é' * 19}', predicted" in shown

    def test_example_spots_words_in_a_stream(self, built: Path):
        """Two seconds of noise: the program reads them to the end."""
        pcm = np.random.default_rng(0).integers(-3000, 3000, 32_000).astype("<i2").tobytes()
        done = subprocess.run([built / "main_example"], input=pcm, capture_output=True, timeout=60)
        assert done.returncode == 0
        for line in done.stdout.decode().splitlines():
            assert line.endswith("%)")

    def test_part_of_another_project(self, exported: Path, tmp_path: Path):
        if shutil.which("cmake") is None:
            pytest.skip("needs cmake")
        (tmp_path / "main.c").write_text(
            '#include "spotter.h"\nstatic spotter_t s;\n'
            "int main(void) { spotter_reset(&s); return 0; }\n"
        )
        (tmp_path / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(mine C)\n"
            f"add_subdirectory({exported} model)\n"
            "add_executable(mine main.c)\ntarget_link_libraries(mine edge_tf_model)\n"
        )
        for command in (
            ["cmake", "-S", tmp_path, "-B", tmp_path / "b"],
            ["cmake", "--build", tmp_path / "b"],
            [tmp_path / "b" / "mine"],
        ):
            done = run(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        assert not list((tmp_path / "b").rglob("self_test"))

    @pytest.mark.parametrize("standard", ["c++11", "c++17"])
    def test_headers_and_sketches_in_cpp(self, exported: Path, tmp_path: Path, standard: str):
        check_cpp(exported, tmp_path, standard)
