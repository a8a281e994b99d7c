"""Golden vectors of an export: given, made, or none."""

from pathlib import Path

import pytest

from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.standalone import package
from firmware_export.standalone.spotting import Spotting
from tests.firmware_export import models
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.standalone import random_models
from tests.firmware_export.standalone.exports import MODEL_ONLY, SELF_TEST, kernels_of, self_test


def test_vectors_of_another_model(
    converted_model: bytes, spotting: tuple[Spotting, Golden], tmp_path: Path
):
    words, golden = spotting
    wrong = Golden(golden.features, golden.logits ^ 1, golden.label_index)
    with pytest.raises(ExportError, match="TFLite Micro outputs 16 of"):
        package.export(converted_model, tmp_path / "out", "1", spotting=words, golden=wrong)
    assert not (tmp_path / "out").exists()


def test_random_inputs_where_there_are_no_clips(tmp_path: Path):
    model, _ = random_models.make(2, 10)
    manifest = package.export(model, tmp_path / "out", "1")
    assert manifest["golden"]["clips"] == 4
    assert "inputs are random" in manifest["golden"]["about"]
    content = folder_content(tmp_path / "out")
    kernels = kernels_of(manifest, content)
    assert set(content) - {"manifest.json"} == MODEL_ONLY | SELF_TEST | kernels
    assert self_test(tmp_path / "out", tmp_path)[0] == 0


def test_without_tflite_micro(no_tflite_micro: None, tmp_path: Path):
    manifest = package.export(models.fully_connected(), tmp_path / "out", "1")
    assert manifest["golden"]["clips"] == 0
    assert "not available here" in manifest["golden"]["about"]
    content = folder_content(tmp_path / "out")
    assert not SELF_TEST & set(content)
    assert "There is no self-test in this folder" in content["README.md"].decode()
    assert b"self_test" not in content["CMakeLists.txt"]
