"""What manifest.json tells of an export."""

import json
from pathlib import Path

import pytest

from firmware_export import packing
from firmware_export.boards.board import TARGETS
from firmware_export.standalone import package, passes
from tests.firmware_export import models
from tests.firmware_export.models import LABELS


def test_manifest_says_what_was_made(exported: Path, converted_model: bytes):
    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["flavor"] == "standalone"
    assert manifest["target"] == "auto"
    assert manifest["kernel_sets"] == ["portable", "dsp", "mve"]
    assert manifest["passes"] == list(passes.ALL)
    assert manifest["model"]["sha256"] == packing.sha256(converted_model)
    assert manifest["labels"] == list(LABELS)
    assert manifest["golden"]["clips"] == 4
    assert manifest["golden"]["wavs"] == 2
    assert manifest["golden"]["checked"]
    memory = manifest["memory"]
    assert memory["lower_bound_bytes"] <= memory["arena_bytes"]
    assert memory["ram"]["activations"] == memory["arena_bytes"]
    header = (exported / "src" / "model.h").read_text()
    assert f"#define MODEL_ARENA_SIZE {memory['arena_bytes']}\n" in header


def test_a_whole_window_export_says_that_it_is_none(exported: Path):
    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["streaming"] is False
    assert manifest["memory"]["state_bytes"] == 0
    assert "past frames" not in manifest["memory"]["ram"]


def test_passes_are_recorded(tmp_path: Path):
    manifest = package.export(models.fully_connected(), tmp_path / "out", "1", passes=())
    assert manifest["passes"] == []


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
def test_targets(tmp_path: Path, target: str):
    model, core = models.fully_connected(), TARGETS[target]
    manifest = package.export(model, tmp_path / "out", "1", target=core)
    assert manifest["target"] == target
    assert f"-mcpu={target}" in (tmp_path / "out" / "README.md").read_text()
