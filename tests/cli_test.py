"""`python -m pipelines.X --help` answers at once, which means: without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BINARIES = sorted(
    source.stem
    for source in (ROOT / "pipelines").glob("*.py")
    if "__main__" in source.read_text(encoding="utf-8")
)
# Each of these takes longer to import than a help text may take to appear.
SLOW_TO_IMPORT = {
    "ai_edge_litert",
    "keras",
    "matplotlib",
    "mediapipe",
    "scipy",
    "soundfile",
    "tensorboard",
    "tensorflow",
    "tensorflow_io",
    "tensorflow_model_optimization",
    "tf_keras",
    "tflite_micro",
}
# A help text has a second to appear (benchmarks/ measures it); this many are imported in a tenth.
MODULES_AT_MOST = 400


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def imported(importtime: str) -> set[str]:
    """Top-level names of the modules in what `python -X importtime` writes."""
    lines = (line for line in importtime.splitlines() if line.startswith("import time:"))
    return {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines}


def test_importtime_shows_what_is_imported() -> None:
    seen = run("-X", "importtime", "-c", "import json.decoder")
    assert "json" in imported(seen.stderr)
    assert "tensorflow" not in imported(seen.stderr)


@pytest.mark.parametrize("binary", BINARIES)
def test_help_needs_no_tensorflow(binary: str) -> None:
    shown = run("-X", "importtime", "-m", f"pipelines.{binary}", "--help")
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert "--" in shown.stdout
    assert not imported(shown.stderr) & SLOW_TO_IMPORT
    assert shown.stderr.count("import time:") <= MODULES_AT_MOST


@pytest.mark.parametrize("binary", BINARIES)
def test_an_unknown_flag_is_one_line_and_status_2(binary: str) -> None:
    shown = run("-m", f"pipelines.{binary}", "--no_such_flag=1")
    assert shown.returncode == 2
    assert shown.stderr.startswith("error: ")
    assert len(shown.stderr.splitlines()) == 1
    assert "no_such_flag" in shown.stderr
