"""Names of an export with a prefix: no two models share one."""

import re
from pathlib import Path

import pytest

from firmware_export import naming
from firmware_export.linkage import Linkage
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.several import NAMES, Made, compiled, run, symbols


def words(text: str) -> list[str]:
    """Words and signs, sorted: lines break elsewhere, and comments may move above their code."""
    return sorted(re.findall(r"\w+|[^\w\s*/#]", text))


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
        """Without the prefix, and without the names of the kernels, the words are the same."""
        ours, theirs = folder_content(firmware / "lamp"), folder_content(plain)
        for name, data in ours.items():
            if name in ("manifest.json", "README.md", "zephyr/Kconfig"):
                continue
            text = data.decode().replace("edge_tf_lamp", "edge_tf_model")
            text = text.replace("EDGE_TF_LAMP", "EDGE_TF_MODEL")
            text = text.replace("lamp_", "").replace("LAMP_", "")
            assert words(text) == words(theirs[name.replace("lamp_", "")].decode()), name

    def test_versions_tell_models_apart(self, firmware: Path):
        pattern = re.compile(r"^version=(1\.2\.3\+[0-9a-f]{8})$", re.MULTILINE)
        texts = [(firmware / name / "library.properties").read_text() for name in NAMES]
        versions = {version for text in texts for version in pattern.findall(text)}
        assert len(versions) == 3

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
