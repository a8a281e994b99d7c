"""Two exports of one name: compiler and linker tell."""

import shutil
from pathlib import Path

import pytest

from firmware_export.linkage import Linkage
from tests.firmware_export.several import USER, Made, archive, run


class TestTwoOfOneName:
    def link(self, twins: tuple[Path, Path], tmp_path: Path, order: str, *options: str):
        """A program with a's headers."""
        (tmp_path / "user.c").write_text(USER % "a")
        libraries = [f"{twins[0].parent}/lib{name}.a" for name in order]
        user, program = tmp_path / "user.c", tmp_path / "user"
        return run("gcc", *options, f"-I{twins[0] / 'src'}", user, *libraries, "-o", program)

    def test_one_that_nothing_needs_does_not_matter(self, twins, tmp_path: Path):
        done = self.link(twins, tmp_path, "ab")
        assert done.returncode == 0, done.stderr
        assert run(tmp_path / "user").returncode == 0

    @pytest.mark.parametrize("options", [[], ["-O2", "-ffunction-sections", "-Wl,--gc-sections"]])
    def test_the_linker_finds_the_other_first(self, twins, tmp_path: Path, options: list[str]):
        """Headers of one, code of the other: it was linked, and ran the wrong model."""
        done = self.link(twins, tmp_path, "ba", *options)
        assert done.returncode != 0
        assert "multiple definition of `model_id'" in done.stderr

    def test_all_of_both(self, twins, tmp_path: Path):
        """As Zephyr links its libraries."""
        done = self.link(twins, tmp_path, "ab", "-Wl,--whole-archive")
        assert "multiple definition of `model_id'" in done.stderr

    def test_headers_of_both(self, twins, tmp_path: Path):
        (tmp_path / "user.c").write_text(
            f'#include "{twins[0]}/src/spotter.h"\n#include "{twins[1]}/src/labels.h"\n'
        )
        done = run("gcc", "-c", tmp_path / "user.c", "-o", tmp_path / "user.o")
        assert "two exports have the same names: export one of them with --prefix" in done.stderr

    def test_files_of_both(self, twins, tmp_path: Path):
        shutil.copytree(twins[0] / "src", tmp_path / "src")
        shutil.copy(twins[1] / "src/detector.c", tmp_path / "src")
        done = run("gcc", "-c", tmp_path / "src/detector.c", "-o", tmp_path / "x.o")
        assert "this file and model_id.h are of two exports: copy all of one" in done.stderr

    def test_the_remedy(self, twins, tmp_path: Path):
        """--prefix: both run, whatever the order."""
        Made("b", 4, bands=8).export(tmp_path / "b", Linkage("door"))
        archive(tmp_path / "b", tmp_path / "libdoor.a")
        (tmp_path / "user.c").write_text(
            USER % "a" + '#include "door_labels.h"\n#include "door_spotter.h"\n'
            "door_spotter_t door;\nvoid use(void) { door_spotter_reset(&door); }\n"
        )
        for libraries in (["door", "a"], ["a", "door"]):
            done = run(
                "gcc",
                f"-I{twins[0] / 'src'}",
                f"-I{tmp_path / 'b/src'}",
                tmp_path / "user.c",
                f"-L{tmp_path}",
                f"-L{twins[0].parent}",
                *(f"-l{name}" for name in libraries),
                "-o",
                tmp_path / "user",
            )
            assert done.returncode == 0, done.stderr
            assert run(tmp_path / "user").returncode == 0
