"""Exports that hear, one of each flavour: a stream in plain C, whole windows in TFLite Micro."""

from pathlib import Path

import pytest

from tests.firmware_export.c_style_test import Made


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("exports")
    made = Made(("yes", "no", "_silence_"))
    made.export(out / "standalone", streams=True)
    made.export_tflm(out / "tflm")
    return {name: out / name for name in ("standalone", "tflm")}
