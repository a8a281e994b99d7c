"""RAM that an export tells."""

import json
from pathlib import Path

from tests.firmware_export.standalone.exports import CONFIG


def test_a_stream(streamed: Path):
    """States: three frames of 3 x 40 rows, the mean's ring of 6 and its counts."""
    memory = json.loads((streamed / "manifest.json").read_text())["memory"]
    assert memory["state_bytes"] >= 6 * CONFIG.num_frames + 4 * (6 + 1)
    assert memory["ram"]["past frames"] == memory["state_bytes"]
    assert memory["ram"]["activations"] == memory["arena_bytes"] - memory["state_bytes"]
    assert "window of features" not in memory["ram"]
    header = (streamed / "src" / "model.h").read_text()
    assert f"#define MODEL_ARENA_SIZE {memory['arena_bytes']}\n" in header


def test_a_normalized_window_has_wider_frames(normalized: Path, exported: Path):
    ram, plain = (
        json.loads((path / "manifest.json").read_text())["memory"]["ram"]
        for path in (normalized, exported)
    )
    assert ram["window of features"] == 2 * 4040 + 8
    assert plain["window of features"] == 4040 + 8
    assert {**ram, "window of features": 0} == {**plain, "window of features": 0}
