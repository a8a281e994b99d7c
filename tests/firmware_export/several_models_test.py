"""Several models in one firmware: names of their own, shared kernels, buffers of the caller."""

import inspect
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion.tflite import streaming
from firmware_export import naming
from firmware_export.boards import building, emulation
from firmware_export.boards.board import SOURCES as BOARD_SOURCES
from firmware_export.boards.board import TARGETS
from firmware_export.errors import ExportError
from firmware_export.linkage import Linkage
from firmware_export.oracle import micro
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone import kernel_files, package, shared_kernels
from firmware_export.standalone.kernel_structs import KERNELS
from firmware_export.standalone.target import GENERIC, Target
from firmware_export.tflm import package as tflm
from tests import shared
from tests.firmware_export import models
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.conftest import folder_content, golden_of
from tests.firmware_export.standalone.states_test import WindowModel

MAIN = Path(__file__).parent / "programs" / "several_models.c"
NAMES = ("lamp", "words", "rooms")
# Every score is above it, so that there are detections.
DETECTOR = DetectorConfig(threshold=0.01, refractory_hops=3, background=())


class Made:
    """A small classifier with random weights, its golden vectors and its front-end."""

    def __init__(self, name: str, classes: int, bands: int = 40, streams: bool = False) -> None:
        config = FrontendConfig(mel_bands=bands)
        model = WindowModel((1, *config.feature_shape))
        model.rng = np.random.default_rng(len(name) + classes)
        x = model.pointwise(model.input, 2)
        x = model.over_time(x, 3, rows=bands)
        self.model = model.end(model.mean(model.pointwise(x, 5), 1), classes)
        self.form = streaming.rewrite(self.model).data if streams else None
        self.golden = golden_of(self.model, clips=2)
        labels = tuple(f"{name} {index}" for index in range(classes))
        self.words = package.Spotting(labels, config.to_dict(), DETECTOR)
        self.name = name

    def export(self, out: Path, linkage: Linkage) -> Path:
        """Without TFLite Micro's check, which package_test.py tests: LiteRT made the vectors."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(micro, "run", lambda *_: None)
            package.export(
                self.model,
                out,
                "1.2.3",
                spotting=self.words,
                golden=self.golden,
                streaming=self.form,
                linkage=linkage,
            )
        return out


@pytest.fixture(scope="module")
def made() -> tuple[Made, ...]:
    return (Made("lamp", 3, streams=True), Made("words", 6), Made("rooms", 4, bands=24))


@pytest.fixture(scope="module")
def firmware(made: tuple[Made, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders NAME of self-contained models, and shared/NAME with shared/kernels."""
    base = tmp_path_factory.mktemp("firmware")
    for one in made:
        one.export(base / one.name, Linkage(one.name))
        kernels = base / "shared" / "kernels"
        one.export(base / "shared" / one.name, Linkage(one.name, "external", kernels))
    return base


def sources(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted((folder / "src").glob("*.c"))]


def run(*command: object) -> subprocess.CompletedProcess[str]:
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, timeout=300, check=False)


def compiled(folder: Path, *options: object, gcc: str = "gcc") -> list[Path]:
    """The objects of a folder's C files."""
    objects, out = [], folder.with_name(f"{folder.name} objects")
    out.mkdir(exist_ok=True)
    for source in sources(folder):
        objects.append(out / f"{source.stem}.o")
        done = run(gcc, "-std=c99", "-O1", *options, "-c", source, "-o", objects[-1])
        assert done.returncode == 0, done.stderr
    return objects


def symbols(objects: Sequence[Path], nm: str = "nm") -> dict[str, str]:
    """Kinds of all symbols, as nm calls them, by name; "U" for what none of the objects defines."""
    found = re.findall(r" (\w) (\S+)$", run(nm, *objects).stdout, re.MULTILINE)
    missing = {name: kind for kind, name in found if kind == "U"}
    return missing | {name: kind for kind, name in found if kind != "U"}


class TestThreeModels:
    @pytest.mark.parametrize("board", ["host", "cortex-m4"])
    @pytest.mark.parametrize("external", [False, True], ids=["own kernels", "shared kernels"])
    def test_each_has_its_bytes(self, firmware: Path, board: str, external: bool, tmp_path: Path):
        """With shared kernels, two take turns on one buffer, and one runs two streams at once."""
        base = firmware / "shared" if external else firmware
        folders = [base / name for name in (*NAMES, *(("kernels",) if external else ()))]
        flash_kb, ram_kb = usable(board).memory_kb
        built = building.build(
            usable(board),
            [MAIN, *sources(*folders)],
            [folder / "src" for folder in folders],
            tmp_path,
            {"EXTERNAL": 1} if external else {},
            flash_kb=flash_kb,
            ram_kb=ram_kb,
            extra_flags=building.SANITIZE if board == "host" else (),
        )
        console = emulation.run(built, tmp_path).console
        found = [int(number) for number in re.findall(r"^\w+ (\d+)$", console, re.MULTILINE)]
        # Three models twice, streams; each of two clips and the sum have a line.
        assert found == [0] * 7 + [2 * 3 * 3], console


class TestNames:
    @pytest.fixture(scope="class")
    def plain(self, made: tuple[Made, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
        return made[0].export(tmp_path_factory.mktemp("plain") / "out", Linkage())

    def test_every_external_symbol(self, firmware: Path):
        """Also of kernels, where they are the model's own: another model may have other ones."""
        found = symbols(compiled(firmware / "lamp"))
        defined = {name for name, kind in found.items() if kind in "TRDBCV"}
        assert {"lamp_model_invoke", "lamp_spotter_push", "lamp_edge_pointwise"} <= defined
        assert [name for name in defined if not name.startswith("lamp_")] == []
        kernels = f"-I{firmware / 'shared/kernels/src'}"
        assert "edge_pointwise" in symbols(compiled(firmware / "shared/lamp", kernels))

    def test_every_macro_and_guard(self, firmware: Path, tmp_path: Path):
        def macros(text: str) -> set[str]:
            (tmp_path / "user.c").write_text(text)
            done = run("gcc", "-E", "-dM", f"-I{firmware / 'lamp/src'}", tmp_path / "user.c")
            assert done.returncode == 0, done.stderr
            return set(re.findall(r"#define (\w+)", done.stdout))

        headers = [p.name for p in (firmware / "lamp/src").glob("lamp_*.h")]
        assert len(headers) > 7
        used = ("stdbool", "stddef", "stdint", "stdio", "string")
        system = "".join(f"#include <{name}.h>\n" for name in used)
        own = macros(system + "".join(f'#include "{name}"\n' for name in headers)) - macros(system)
        assert {"LAMP_MODEL_ARENA_SIZE", "LAMP_SPOTTER_H_", "LAMP_DETECTOR_ONE"} <= own
        assert [name for name in own if not name.startswith("LAMP_")] == []

    def test_all_headers_together_in_cpp(self, firmware: Path, tmp_path: Path):
        folders = [firmware / name for name in NAMES]
        headers = [
            p.name for f in folders for p in (f / "src").glob("*.h") if "edge_" not in p.name
        ]
        user = tmp_path / "user.cpp"
        user.write_text("".join(f'#include "{name}"\n' for name in headers) + "int main() {}\n")
        includes = [f"-I{folder / 'src'}" for folder in folders]
        done = run(
            "g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", *includes, "-c", user, "-o/dev/null"
        )
        assert done.returncode == 0, done.stderr

    def test_files_and_libraries(self, firmware: Path, plain: Path):
        content = folder_content(firmware / "lamp")
        renamed = {name.replace("lamp_", "") for name in content}
        assert renamed == set(folder_content(plain))
        free = {"edge_kernels_version.c", "edge_kernels_version.h"}
        for name in (n.removeprefix("src/") for n in content if n.startswith("src/")):
            assert name.startswith(("lamp_", "edge_")), free
        text = b"\n".join(content[name] for name in content if name != "manifest.json").decode()
        assert not re.search(r"edge[-_]tf[-_]model|EDGE_TF_MODEL", text)
        assert re.search(r"^name=edge_tf_lamp$", text, re.MULTILINE)
        assert "CONFIG_EDGE_TF_LAMP" in text and "add_library(edge_tf_lamp STATIC" in text

    def test_nothing_but_names_differs(self, firmware: Path, plain: Path):
        """Without the prefix, and without the names of the kernels, the text is the same."""
        ours, theirs = folder_content(firmware / "lamp"), folder_content(plain)
        for name, data in ours.items():
            if name in ("manifest.json", "README.md", "zephyr/Kconfig"):
                continue
            text = data.decode().replace("edge_tf_lamp", "edge_tf_model")
            text = text.replace("EDGE_TF_LAMP", "EDGE_TF_MODEL")
            text = text.replace("lamp_", "").replace("LAMP_", "")
            assert text == theirs[name.replace("lamp_", "")].decode(), name

    def test_versions_tell_models_apart(self, firmware: Path):
        pattern = re.compile(r"^version=(1\.2\.3\+[0-9a-f]{8})$", re.MULTILINE)
        texts = [(firmware / name / "library.properties").read_text() for name in NAMES]
        versions = {version for text in texts for version in pattern.findall(text)}
        assert len(versions) == 3

    @pytest.mark.parametrize(
        ("prefix", "what"),
        [
            ("Lamp", "begin names"),
            ("9a", "begin names"),
            ("a__b", "begin names"),
            ("int", "keyword"),
            ("edge_x", "for kernels"),
            ("model", "the name of exports without"),
            ("a" * 25, "up to 24"),
        ],
    )
    def test_a_prefix_that_does_not_do(self, prefix: str, what: str):
        with pytest.raises(ExportError, match=rf"^--prefix={prefix} .*{what}[^\n]*$"):
            Linkage(prefix)

    def test_what_headers_declare(self):
        header = (
            "#define SIZE 4\ntypedef struct tag { int a, b; } pair_t;\n"
            "enum { ONE, TWO = 2 };\ntypedef enum { RED = -1 } color_t;\n"
            "typedef int (*call_t)(void *context, const char *line);\n"
            'extern "C" {\nextern const char *const texts[SIZE];\n'
            "static inline int hidden(int x) { if (x) { return 1; } return x; }\n"
            "void run(int *x, call_t y); /* not_me() */\nATTRIBUTE int *next(void);\n"
            "union either { int x; };\n}\n"
        )
        types = {"tag", "pair_t", "ONE", "TWO", "RED", "color_t", "call_t", "either", "hidden"}
        external = {"texts", "run", "next"}
        assert {*naming.declared(header)} == types | external
        assert {*naming.declared(header, only_for_linker=True)} == external


class TestTflm:
    def test_names(self, made: tuple[Made, ...], tmp_path: Path):
        shared.need_tflite_micro()
        for name, linkage in (("plain", Linkage()), ("lamp", Linkage("lamp"))):
            tflm.export(
                made[0].model,
                tmp_path / name,
                "1.2.3",
                labels=made[0].words.labels,
                frontend={"frontend": made[0].words.frontend},
                golden=made[0].golden,
                streaming=made[0].form,
                linkage=linkage,
            )
        content = folder_content(tmp_path / "lamp")
        assert {name.replace("lamp_", "") for name in content} == set(
            folder_content(tmp_path / "plain")
        )
        header = content["src/lamp_model_runner.h"].decode()
        assert "lamp_model_runner_push_frame(" in header and "LAMP_MODEL_ERROR_ARENA" in header
        words = set(
            re.findall(
                r"\b(?:model|MODEL|self_test|golden|detector)_\w+",
                b"\n".join(
                    data for name, data in content.items() if name.startswith("src/")
                ).decode(),
            )
        )
        assert words == {"model_input"}  # an argument

    @pytest.mark.parametrize(
        "linkage", [Linkage(arena="external"), Linkage(kernels=Path("k"))], ids=["arena", "kernels"]
    )
    def test_the_library_has_arena_and_kernels(self, linkage: Linkage, tmp_path: Path):
        with pytest.raises(ExportError, match="for plain C: add --flavor=standalone"):
            tflm.export(models.fully_connected(), tmp_path / "out", "1", linkage=linkage)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models with the default names, each as a static library libNAME.a."""
    base = tmp_path_factory.mktemp("twins")
    for name, classes in (("a", 3), ("b", 4)):
        Made(name, classes, bands=8).export(base / name, Linkage())
        archive(base / name, base / f"lib{name}.a")
    return base / "a", base / "b"


def archive(folder: Path, library: Path, *options: object) -> None:
    library.unlink(missing_ok=True)
    done = run("ar", "rcs", library, *compiled(folder, *options))
    assert done.returncode == 0, done.stderr


USER = """
#include "labels.h"
#include "spotter.h"
int main(void) {
  static spotter_t spotter;
  spotter_reset(&spotter);
  return model_labels[0][0] == '%s' ? 0 : 1;
}
"""


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
        assert "detector.c and model_id.h are of two exports: copy all of one" in done.stderr

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


def default_target() -> Target:
    """What the folders here are exported for."""
    target: Target = inspect.signature(package.export).parameters["target"].default
    return target


class TestPlacement:
    """Weights, buffer and kernels where the build puts them, on a core with such memories."""

    @pytest.fixture(scope="class")
    def placed(self, firmware: Path, tmp_path_factory: pytest.TempPathFactory) -> building.Build:
        board, folder = usable("cortex-m7"), tmp_path_factory.mktemp("placed")
        script = folder / "memory.ld"
        script.write_text(with_tcm((BOARD_SOURCES / "board.ld").read_text()))
        flash_kb, ram_kb = board.memory_kb
        section = '__attribute__((section("%s")))'
        return building.build(
            board,
            [MAIN, *sources(*(firmware / name for name in NAMES))],
            [firmware / name / "src" for name in NAMES],
            folder,
            {
                "EDGE_WEIGHTS_ATTR": section % ".dtcm_weights",
                "EDGE_ARENA_ATTR": section % ".dtcm_arena",
                "EDGE_KERNELS_ATTR": section % ".itcm",
            },
            flash_kb=flash_kb,
            ram_kb=ram_kb // 2,
            linker_script=script,
        )

    def test_the_map_has_them_there(self, placed: building.Build):
        done = run("arm-none-eabi-nm", placed.elf)
        at = {
            name: int(place, 16)
            for place, name in re.findall(r"^(\w+) \w (\S+)$", done.stdout, re.MULTILINE)
        }
        assert at["itcm_start"] <= at["lamp_edge_pointwise"] < at["itcm_end"]
        arenas = [int(p, 16) for p in re.findall(r"^(\w+) \w arena$", done.stdout, re.MULTILINE)]
        weights = [
            int(p, 16) for p in re.findall(r"^(\w+) \w weights_\w+$", done.stdout, re.MULTILINE)
        ]
        assert len(arenas) == 3 and len(weights) > 5
        assert all(at["dtcm_start"] <= place < at["dtcm_end"] for place in arenas + weights)
        kernels = [p for name, p in at.items() if re.fullmatch(r"lamp_edge_(?!kernels_)\w+", name)]
        assert kernels and all(at["itcm_start"] <= p < at["itcm_end"] for p in kernels)

    def test_it_runs_there(self, placed: building.Build, tmp_path: Path):
        console = emulation.run(placed, tmp_path).console
        assert [int(n) for n in re.findall(r"^\w+ (\d+)$", console, re.MULTILINE)] == [0] * 7 + [18]

    def test_every_kernel_can_be_placed(self):
        headers = [path.read_text() for path in sorted(KERNELS.rglob("*.h"))]
        declared = [
            line for text in headers for line in re.findall(r"^.*\bedge_\w+\(.*", text, re.M)
        ]
        prototypes = [line for line in declared if re.match(r"(?!static|#| |/)\w", line)]
        assert len(prototypes) > 50
        assert [line for line in prototypes if not line.startswith("EDGE_KERNELS_ATTR ")] == []


def with_tcm(script: str) -> str:
    """board.ld with two memories more, in the upper half of what the emulated board has."""
    middle = "board_ram_origin + board_ram_size"
    script = script.replace(
        "\n}\n",
        f"\n  ITCM (rwx) : ORIGIN = {middle}, LENGTH = 256K"
        f"\n  DTCM (rw) : ORIGIN = {middle} + 256K, LENGTH = 1M\n}}\n",
        1,
    )
    script = script.replace(
        "  zero PT_LOAD", "  itcm PT_LOAD FLAGS(5);\n  dtcm PT_LOAD FLAGS(6);\n  zero PT_LOAD"
    )
    sections = (
        "  .itcm : { itcm_start = .; *(.itcm*) itcm_end = .; } >ITCM :itcm\n"
        "  .dtcm : { dtcm_start = .; *(.dtcm_weights*) *(.dtcm_arena*) dtcm_end = .; }"
        " >DTCM :dtcm\n"
    )
    head, bss, tail = script.partition("  .bss (NOLOAD)")
    return f"{head}{sections}\n{bss}{tail}"


class TestFirmwareHasNeither:
    """No heap and no floating point: nothing that could use them is called."""

    def test_no_malloc_and_no_float(self, firmware: Path):
        """For a core whose floating point is a library, so that it has names."""
        board = usable("cortex-m4")
        flags = ["-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=soft"]
        for folder in (firmware / "lamp", firmware / "rooms"):
            objects = compiled(folder, *flags, gcc=board.compiler)
            found = symbols(objects, f"{board.prefix}nm")
            wanted = {name for name, kind in found.items() if kind == "U"}
            allowed = {
                "memcpy",
                "memmove",
                "memset",
                "snprintf",
                "__aeabi_ldivmod",
                "__aeabi_uldivmod",
                "__aeabi_lmul",
                "__aeabi_llsr",
                "__aeabi_lasr",
                "__aeabi_llsl",
            }
            assert wanted <= allowed, wanted - allowed
