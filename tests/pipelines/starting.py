"""Binaries as a user starts them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start(stage: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"pipelines.{stage}", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)
