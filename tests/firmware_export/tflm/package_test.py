import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.oracle import micro
from firmware_export.standalone import package as standalone
from firmware_export.tflm import package
from tests import shared
from tests.firmware_export import models
from tests.firmware_export.conftest import FRONTEND, folder_content
from tests.firmware_export.standalone import variables_test
from tflite_model.errors import TFLiteError

LABELS = ("left", "right", "_silence_")
schema = models.schema


def export(model: bytes, golden: Golden, out: Path, **changes: Any) -> dict[str, Any]:
    settings = {"labels": LABELS, "frontend": FRONTEND, "version": "0.3.1", **changes}
    return package.export(model, golden=golden, out_dir=out, **settings)


@pytest.fixture(scope="module")
def measured() -> bool:
    return not micro.unavailable_reason()


class TestManifest:
    def test_hashes_and_sizes_of_every_file(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden
    ) -> None:
        manifest = export(small_model, small_golden, tmp_path / "out")
        content = folder_content(tmp_path / "out")
        assert json.loads(content.pop("manifest.json")) == manifest
        assert manifest["files"] == {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in content.items()
        }
        assert set(content) == {
            "CMakeLists.txt",
            "LICENSE",
            "README.md",
            "examples/self_test/self_test.ino",
            "extras/self_test_main.c",
            "idf_component.yml",
            "library.json",
            "library.properties",
            "src/golden.c",
            "src/golden.h",
            "src/model_data.c",
            "src/model_data.h",
            "src/model_id.c",
            "src/model_id.h",
            "src/model_runner.cpp",
            "src/model_runner.h",
            "src/self_test.c",
            "src/self_test.h",
            "zephyr/CMakeLists.txt",
            "zephyr/Kconfig",
            "zephyr/module.yml",
        }

    def test_says_what_the_model_is(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden, measured: bool
    ) -> None:
        manifest = export(small_model, small_golden, tmp_path / "out")
        assert manifest["flavor"] == "tflm"
        assert manifest["edge_tf_version"] == "0.3.1"
        assert manifest["labels"] == list(LABELS)
        assert manifest["frontend"] == FRONTEND
        model = manifest["model"]
        assert model["sha256"] == hashlib.sha256(small_model).hexdigest()
        assert model["bytes"] == len(small_model)
        assert model["input"] == {
            "type": "int8",
            "shape": [1, models.INPUTS],
            "scale": float(np.float32(0.05)),
            "zero_point": -3,
        }
        assert model["ops"] == [{"name": "FULLY_CONNECTED", "version": 4, "count": 1}]
        assert manifest["arena"]["source"] == ("measured" if measured else "estimated")
        assert manifest["golden"] == {"clips": 3, "labels": [0, 1, 2], "checked": measured}

    def test_the_same_input_gives_the_same_bytes(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden
    ) -> None:
        for name in ("one", "two"):
            export(small_model, small_golden, tmp_path / name)
        assert folder_content(tmp_path / "one") == folder_content(tmp_path / "two")


class TestText:
    def test_nothing_of_the_templates_is_left(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden
    ) -> None:
        export(small_model, small_golden, tmp_path / "out")
        for name, data in folder_content(tmp_path / "out").items():
            text = data.decode("utf-8")
            assert "{{" not in text, name
            assert "{%" not in text, name
            assert text.endswith("\n"), name
            assert not text.endswith("\n\n"), name
            assert all(line == line.rstrip() for line in text.splitlines()), name

    def test_readme(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden, measured: bool
    ) -> None:
        manifest = export(small_model, small_golden, tmp_path / "out")
        text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
        for heading in ("Arduino", "ESP-IDF", "Zephyr", "Plain CMake", "Self-test", "Arena"):
            assert f"\n## {heading}\n" in text
        assert "TensorFlow Lite Micro itself is not in this folder" in text
        assert "| CMSIS-NN, Cortex-M with MVE |" in text
        assert "others are bounds" in text or not measured
        assert f"{manifest['arena']['bytes']:,} bytes of RAM" in text
        assert "left, right, _silence_" in text

    def test_where_nothing_could_be_measured(
        self, no_tflite_micro: None, tmp_path: Path, small_model: bytes, small_golden: Golden
    ) -> None:
        manifest = export(small_model, small_golden, tmp_path / "out")
        assert manifest["arena"]["source"] == "estimated"
        assert manifest["arena"]["measured_with"].startswith("not available here")
        assert manifest["golden"]["checked"] is False
        readme = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
        assert "nothing was measured" in readme
        assert "not checked at export" in readme
        header = (tmp_path / "out" / "src" / "model_runner.h").read_text(encoding="utf-8")
        assert "(estimates)" in header and "not measured" in header
        assert f"#define MODEL_ARENA_OTHER {manifest['arena']['bytes']}\n" in header

    @pytest.mark.parametrize(
        ("version", "library"),
        [("1.2.3", "1.2.3"), ("0.2.0.dev1+g12ab", "0.2.0"), ("2.1rc1", "2.1.0"), ("x", "0.0.0")],
    )
    def test_arduino_and_esp_idf_take_three_numbers_and_a_build(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden, version: str, library: str
    ) -> None:
        export(small_model, small_golden, tmp_path / "out", version=version)
        content = folder_content(tmp_path / "out")
        library = f"{library}+{hashlib.sha256(small_model).hexdigest()[:8]}"
        assert f"version={library}\n".encode() in content["library.properties"]
        assert f'version: "{library}"\n'.encode() in content["idf_component.yml"]


class TestMisfits:
    """What does not fit together is refused, and nothing is written."""

    def refuses(self, match: str, model: bytes, golden: Golden, out: Path, **changes: Any) -> None:
        with pytest.raises((ExportError, TFLiteError), match=match) as caught:
            export(model, golden, out, **changes)
        assert "\n" not in str(caught.value)
        assert not out.exists()

    @pytest.mark.parametrize(
        ("match", "change"),
        [
            (
                "input is FLOAT32",
                lambda g: setattr(g.tensors[0], "type", schema.TensorType.FLOAT32),
            ),
            ("output is INT8 with 0 scales", lambda g: setattr(g.tensors[3], "quantization", None)),
            (
                r"input has shape \(1, -1\)",
                lambda g: setattr(g.tensors[0], "shapeSignature", [1, -1]),
            ),
            (r"input has shape \(2, 8\)", lambda g: setattr(g.tensors[0], "shape", [2, 8])),
            ("2 inputs and 1 outputs", lambda g: setattr(g, "inputs", [0, 0])),
            (r"outputs \(1, 1, 3\)", lambda g: setattr(g.tensors[3], "shape", [1, 1, 3])),
        ],
    )
    def test_models(self, tmp_path: Path, small_golden: Golden, match: str, change: Any) -> None:
        model = models.fully_connected(lambda made: change(made.subgraphs[0]))
        self.refuses(match, model, small_golden, tmp_path / "out")

    def test_unsupported_op(self, tmp_path: Path, small_golden: Golden) -> None:
        model = models.fully_connected(
            lambda made: models.set_op(made, schema.BuiltinOperator.GELU)
        )
        self.refuses("no kernel for GELU", model, small_golden, tmp_path / "out")

    def test_not_a_model(self, tmp_path: Path, small_golden: Golden) -> None:
        self.refuses("not a .tflite file", b"no model at all", small_golden, tmp_path / "out")

    @pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c", "d"), ()])
    def test_labels(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden, labels: tuple[str, ...]
    ) -> None:
        match = f"there are {len(labels)} labels"
        self.refuses(match, small_model, small_golden, tmp_path / "out", labels=labels)

    @pytest.mark.parametrize(
        ("match", "changes"),
        [
            ("have 0 clips", {"features": np.zeros((0, 8), np.int8)}),
            ("float32 features", {"features": np.zeros((3, 8), np.float32)}),
            (r"shape \(9,\)", {"features": np.zeros((3, 9), np.int8)}),
            ("logits of shape", {"logits": np.zeros((2, 3), np.int8)}),
            ("int32 logits", {"logits": np.zeros((3, 3), np.int32)}),
            ("label indices", {"label_index": np.zeros(4, np.int64)}),
            ("label indices", {"label_index": np.zeros(3, np.float64)}),
            ("outside 0 to 2", {"label_index": np.array([0, 1, 3])}),
            ("outside 0 to 2", {"label_index": np.array([0, -1, 1])}),
        ],
    )
    def test_golden_vectors(
        self,
        tmp_path: Path,
        small_model: bytes,
        small_golden: Golden,
        match: str,
        changes: dict[str, np.ndarray],
    ) -> None:
        golden = dataclasses.replace(small_golden, **changes)
        self.refuses(match, small_model, golden, tmp_path / "out")

    def test_golden_vectors_of_another_model(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden
    ) -> None:
        shared.need_tflite_micro()
        logits = small_golden.logits.copy()
        logits[1, 2] ^= 1
        golden = dataclasses.replace(small_golden, logits=logits)
        self.refuses("outputs 1 of 9 bytes other than", small_model, golden, tmp_path / "out")

    def test_an_earlier_export_survives_a_refusal(
        self, tmp_path: Path, small_model: bytes, small_golden: Golden
    ) -> None:
        export(small_model, small_golden, tmp_path / "out")
        before = folder_content(tmp_path / "out")
        with pytest.raises(ExportError):
            export(small_model, small_golden, tmp_path / "out", labels=("a",))
        assert folder_content(tmp_path / "out") == before


def test_a_model_with_variables(tmp_path: Path) -> None:
    """And the flavour that the error names takes it."""
    model, _ = variables_test.queue(0)
    with pytest.raises(ExportError, match=r"keeps state in variables.*--flavor=standalone"):
        package.export(model, tmp_path / "out", "1")
    assert standalone.export(model, tmp_path / "out", "1")["golden"]["clips"] == 16
