"""The last lines of the demo: four results, the accuracy in C, the detector, the next command."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools import demo_summary


def finished(folder: Path, **in_c: object) -> Path:
    """A run directory as the chain leaves it; `in_c` is said of the Cortex-M4."""
    for name in ("firmware_c", "firmware", "android"):
        (folder / name).mkdir()
    (folder / "report.html").write_text("<html>")
    measured: dict[str, Any] = {"accuracy": 0.9123, "clips": 500, "unavailable": ""}
    rows = [
        {"engine": "keras", **measured, "accuracy": 0.9345},
        {"engine": "emitted_c_cortex_m4", **measured, "accuracy": 0.5},
        {"engine": "emitted_c_host_pcm", **measured, "accuracy": 0.9},
        {"engine": "emitted_c_cortex_m4_pcm", **measured, **in_c},
    ]
    (folder / "report.json").write_text(json.dumps({"hops": rows}))
    chosen = {"false_rejects": 0.214, "words": 600, "false_accepts": 7, "hours": 0.93}
    (folder / "stream.json").write_text(json.dumps({"chosen": chosen}))
    return folder


def test_all_four_results_the_accuracy_in_c_and_what_to_type(tmp_path: Path) -> None:
    run = finished(tmp_path)
    lines = demo_summary.summary(run).splitlines()
    for line, name in zip(
        lines, ("report.html", "firmware_c", "firmware", "android"), strict=False
    ):
        assert line.endswith(f" {run / name}")
    assert lines[4].split(maxsplit=1) == [
        "accuracy:",
        "91.2 % of 500 test clips in C on a Cortex-M4, from the waveform (Keras: 93.5 %)",
    ]
    assert lines[5].split(maxsplit=1)[0] == "detector:"
    assert "misses 21 % of 600 words" in lines[5] and "7 false accepts in 0.9 h" in lines[5]
    measure = f".venv/bin/python -m pipelines.benchmark --run_dir={run} --targets=cortex-m4"
    assert lines[6].split(maxsplit=1) == ["next:", measure]
    assert len(lines) == 7


def test_without_a_cross_compiler_it_is_the_host_s_and_says_what_to_install(tmp_path: Path) -> None:
    run = finished(tmp_path, accuracy=None, clips=0, unavailable="apt-get install gcc-arm")
    *_, accuracy, _, following = demo_summary.summary(run).splitlines()
    assert "90.0 % of 500 test clips in C on this machine, from the waveform" in accuracy
    assert "apt-get install gcc-arm; then .venv/bin/python -m pipelines.benchmark" in following


def test_a_result_that_is_missing_is_an_error(tmp_path: Path) -> None:
    run = finished(tmp_path)
    (run / "android").rmdir()
    with pytest.raises(SystemExit, match="has no android; run make demo again"):
        demo_summary.summary(run)
