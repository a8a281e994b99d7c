"""The folder of plain C: its files, and what is refused."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware_export import folder, packing
from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.standalone import package
from firmware_export.standalone.spotting import Spotting
from tests.firmware_export import models
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.models import LABELS
from tests.firmware_export.standalone.exports import (
    CONFIG,
    MODEL_ONLY,
    SELF_TEST,
    SPOTTER,
    kernels_of,
    run,
)
from tests.firmware_export.standalone.model_builder import Builder


class TestFolder:
    def test_files_and_manifest(self, exported: Path):
        content = folder_content(exported)
        manifest = json.loads(content.pop("manifest.json"))
        kernels = kernels_of(manifest, content)
        assert set(content) == MODEL_ONLY | SELF_TEST | SPOTTER | kernels
        assert set(manifest["files"]) == set(content)
        for name, data in content.items():
            assert manifest["files"][name]["sha256"] == packing.sha256(data), name

    def test_text_is_tidy(self, exported: Path):
        for name, data in folder_content(exported).items():
            text = data.decode("utf-8")
            assert "{{" not in text, name
            assert "{%" not in text, name
            assert text.endswith("\n") and not text.endswith("\n\n"), name
            assert all(line == line.rstrip() for line in text.splitlines()), name

    def test_readme(self, exported: Path):
        text = (exported / "README.md").read_text()
        for heading in ("Use", "Arduino", "ESP-IDF", "Zephyr", "Self-test", "Memory"):
            assert f"\n\n## {heading}\n\n" in text
        assert all(line.endswith("|") for line in text.splitlines() if line.startswith("|"))

    def test_build_files_name_every_source(self, exported: Path):
        sources = {path.name for path in (exported / "src").glob("*.c")}
        for name in ("CMakeLists.txt", "zephyr/CMakeLists.txt"):
            text = (exported / name).read_text()
            assert sources == {word for word in sources if f"/{word}" in text}

    def test_the_same_input_gives_the_same_bytes(self, tmp_path: Path):
        for name in ("one", "two"):
            package.export(models.fully_connected(), tmp_path / name, "1")
        assert folder_content(tmp_path / "one") == folder_content(tmp_path / "two")

    def test_an_earlier_export_is_replaced_and_nothing_else(self, exported: Path, tmp_path: Path):
        out = tmp_path / "out"
        shutil.copytree(exported, out)
        package.export(models.fully_connected(), out, "1")
        assert not (out / "src" / "spotter.c").exists()
        (out / "src" / "mine.c").write_text("int mine;")
        with pytest.raises(ExportError, match="mine"):
            package.export(models.fully_connected(), out, "1")
        assert (out / "src" / "mine.c").read_text() == "int mine;"


class TestBadInput:
    def test_the_file_is_named(self, tmp_path: Path):
        builder = Builder()
        x, y = builder.activation((1, 6), 0.1), builder.activation((1, 6), 0.1)
        builder.op("FLOOR", [x], y)
        with pytest.raises(ExportError, match=r"my\.tflite: op 0 \(FLOOR\) has no kernel"):
            package.export(builder.finish([x], [y]), tmp_path / "out", "1", model_name="my.tflite")
        assert not (tmp_path / "out").exists()

    def test_another_number_of_labels(
        self, converted_model: bytes, spotting: tuple[Spotting, Golden], tmp_path: Path
    ):
        words = Spotting(LABELS[:2], CONFIG.to_dict())
        with pytest.raises(ExportError, match="2 labels"):
            package.export(converted_model, tmp_path / "out", "1", spotting=words)

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"mel_bands": 39}, "the front-end makes"),
            ({"padding": "reflect"}, "needs sound from the future"),
            ({"window": None}, "window=None"),
        ],
    )
    def test_a_front_end_that_does_not_fit(
        self, converted_model: bytes, tmp_path: Path, changes: dict[str, Any], what: str
    ):
        words = Spotting(LABELS, {**CONFIG.to_dict(), **changes})
        with pytest.raises(ExportError, match=what):
            package.export(converted_model, tmp_path / "out", "1", spotting=words)


def test_no_tensorflow_is_loaded():
    code = (
        "import sys, firmware_export.standalone.package\n"
        "sys.exit(any(name.startswith(('tensorflow', 'edge_tf')) for name in sys.modules))"
    )
    assert run(sys.executable, "-c", code, cwd=folder.__file__.rsplit("/", 2)[0]).returncode == 0
