"""The load that an export tells."""

import json
from pathlib import Path


def test_the_load_is_told(streamed: Path):
    load = json.loads((streamed / "manifest.json").read_text())["load"]
    assert load["estimated"] and load["streaming"]
    assert load["decisions_per_second"] == load["frames_per_second"] == 100
    readme = (streamed / "README.md").read_text()
    for part in load["parts"]:
        assert f"| {part['part']} (" in readme and f"| {part['verdict']} |" in readme
