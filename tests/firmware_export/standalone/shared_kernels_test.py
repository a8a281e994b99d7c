"""The component of kernels that several models share."""

import re
import shutil
from pathlib import Path

import pytest

from firmware_export.boards.board import TARGETS
from firmware_export.errors import ExportError
from firmware_export.linkage import Linkage
from firmware_export.standalone import kernel_files, package, shared_kernels
from firmware_export.standalone.target import GENERIC
from tests.firmware_export import models
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.several import NAMES, USER, Made, archive, compiled, default_target, run


class TestKernels:
    def test_an_equal_component_stays(self, firmware: Path, tmp_path: Path):
        kernels = tmp_path / "kernels"
        shutil.copytree(firmware / "shared/kernels", kernels)
        before = folder_content(kernels)
        assert not shared_kernels.write(kernels, default_target(), "another edge_tf")
        assert folder_content(kernels) == before

    def test_another_version_is_replaced_and_nothing_else(self, tmp_path: Path):
        kernels = tmp_path / "kernels"
        assert shared_kernels.write(kernels, GENERIC, "1")
        manifest = kernels / "manifest.json"
        text = shared_kernels.version(GENERIC).text
        manifest.write_text(manifest.read_text().replace(text, "1.0.0+00000000"))
        assert shared_kernels.write(kernels, GENERIC, "1")
        assert text in manifest.read_text()
        (kernels / "mine.c").write_text("int mine;")
        with pytest.raises(ExportError, match=r"mine\.c.*--kernels, or delete"):
            shared_kernels.write(kernels, GENERIC, "1")

    def test_a_model_is_no_component(self, firmware: Path):
        with pytest.raises(ExportError, match="is an export of a model; name another folder"):
            shared_kernels.write(firmware / "lamp", GENERIC, "1")

    def test_another_target(self, tmp_path: Path):
        assert shared_kernels.write(tmp_path / "k", GENERIC, "1")
        before = folder_content(tmp_path / "k")
        with pytest.raises(ExportError, match="has kernels for generic, not cortex-m4"):
            shared_kernels.write(tmp_path / "k", TARGETS["cortex-m4"], "1")
        assert folder_content(tmp_path / "k") == before
        assert shared_kernels.write(tmp_path / "other", TARGETS["cortex-m4"], "1")  # the remedy

    @pytest.mark.parametrize("place", ["out", "out/kernels", "."])
    def test_a_folder_in_the_models(self, tmp_path: Path, place: str):
        with pytest.raises(ExportError, match="are in each other: models share"):
            linkage = Linkage(kernels=tmp_path / place)
            package.export(models.fully_connected(), tmp_path / "out", "1", linkage=linkage)
        assert not list(tmp_path.iterdir())

    def test_equal_content_has_an_equal_version(self, monkeypatch: pytest.MonkeyPatch):
        before = shared_kernels.version(GENERIC)
        assert re.fullmatch(r"\d+\.\d+\.\d+\+[0-9a-f]{8}", before.text)
        changed = {**kernel_files.every(("portable",)), "edge_add.c": "/* */\n"}
        monkeypatch.setattr(kernel_files, "every", lambda sets: changed)
        assert shared_kernels.version.__wrapped__(GENERIC) != before

    def test_the_compiler_tells_another_version(self, firmware: Path, tmp_path: Path):
        shutil.copytree(firmware / "shared/kernels", tmp_path / "kernels")
        header = tmp_path / "kernels/src/edge_kernels_version.h"
        header.write_text(re.sub(r"(VERSION 0x)\w+u", r"\g<1>12345678u", header.read_text()))
        model = firmware / "shared/lamp/src/lamp_model.c"
        done = run("gcc", f"-I{header.parent}", "-c", model, "-o", tmp_path / "x.o")
        assert "not the kernels this model was made for: export all models" in done.stderr

    def test_the_linker_tells_two_versions(self, twins, tmp_path: Path):
        """A model with kernels of its own and one with shared kernels, of different versions."""
        one = Made("c", 3, bands=8).export(tmp_path / "c", Linkage("c", kernels=tmp_path / "k"))
        ours = shared_kernels.version(default_target()).id
        for path in (
            tmp_path / "k/src/edge_kernels_version.h",
            tmp_path / "k/src/edge_kernels_version.c",
            tmp_path / "c/src/c_model.c",
        ):
            path.write_text(path.read_text().replace(ours, "12345678"))
        archive(tmp_path / "k", tmp_path / "libk.a")
        archive(one, tmp_path / "libc_model.a", f"-I{tmp_path / 'k/src'}")
        (tmp_path / "user.c").write_text(
            USER % "a" + '#include "c_spotter.h"\nc_spotter_t c;\n'
            "void use(void) {\n  int detected;\n  uint16_t score;\n  c_spotter_reset(&c);\n"
            "  c_spotter_push(&c, 0, 0, &detected, &score);\n}\n"
        )
        done = run(
            "gcc",
            f"-I{twins[0] / 'src'}",
            f"-I{tmp_path / 'c/src'}",
            tmp_path / "user.c",
            tmp_path / "libc_model.a",
            tmp_path / "libk.a",
            twins[0].parent / "liba.a",
            "-o",
            tmp_path / "user",
        )
        assert "multiple definition of `edge_kernels_version'" in done.stderr

    @pytest.mark.parametrize(
        ("model_for", "kernels_for", "missing"),
        [
            ((), ("-DEDGE_PORTABLE",), "compiled_for_dsp"),
            (("-DEDGE_PORTABLE",), (), "compiled_for_any_core"),
            ((), (), ""),
            (("-DEDGE_PORTABLE",), ("-DEDGE_PORTABLE",), ""),
        ],
    )
    def test_the_linker_tells_kernels_compiled_for_another_core(
        self, firmware: Path, tmp_path: Path, model_for, kernels_for, missing: str
    ):
        """The order of weights goes by it; also where the linker drops what no code refers to."""
        usable("cortex-m4")
        gcc, core = "arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb", "-ffunction-sections")
        kernels = tmp_path / "kernels"
        shutil.copytree(firmware / "shared/kernels", kernels)
        program = tmp_path / "program"
        shutil.copytree(firmware / "shared/rooms", program)
        (program / "src/main.c").write_text(
            '#include "rooms_model.h"\n'
            "static ROOMS_MODEL_ALIGN_16 int8_t buffer[ROOMS_MODEL_ARENA_SIZE];\n"
            "int main(void) { rooms_model_invoke(buffer); return 0; }\n"
        )
        objects = compiled(kernels, *core, *kernels_for, gcc=gcc)
        objects += compiled(program, *core, *model_for, f"-I{kernels / 'src'}", gcc=gcc)
        out = tmp_path / "out.elf"
        link = (*core, "--specs=nosys.specs", "-Wl,--gc-sections")
        done = run(gcc, *link, *objects, "-o", out)
        assert (done.returncode != 0) == bool(missing), done.stderr
        named = re.findall(r"undefined reference to `edge_kernels_[0-9a-f]{8}_(\w+)'", done.stderr)
        assert set(named) == ({missing} if missing else set()), done.stderr

    def test_with_cmake(self, firmware: Path, tmp_path: Path):
        """Three models and their kernels in a project; one alone, built and run."""
        if shutil.which("cmake") is None:
            pytest.skip("needs cmake")
        lamp, kernels = firmware / "shared/lamp", firmware / "shared/kernels"
        done = run("cmake", "-S", lamp, "-B", tmp_path / "missing")
        assert "edge_kernels is not included" in done.stderr
        project = tmp_path / "project"
        project.mkdir()
        (project / "main.c").write_text("int main(void) { return 0; }\n")
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(mine C)\n"
            f"add_subdirectory({kernels} kernels)\n"
            + "".join(f"add_subdirectory({firmware / 'shared' / n} {n})\n" for n in NAMES)
            + "add_executable(mine main.c)\n"
            "target_link_libraries(mine edge_tf_lamp edge_tf_words edge_tf_rooms)\n"
        )
        for command in (
            ["cmake", "-S", project, "-B", tmp_path / "b"],
            ["cmake", "-S", lamp, "-B", tmp_path / "a", f"-DEDGE_KERNELS_DIR={kernels}"],
            ["cmake", "--build", tmp_path / "a"],
            [tmp_path / "a/lamp_self_test"],
        ):
            done = run(*command)
            assert done.returncode == 0, done.stdout + done.stderr
