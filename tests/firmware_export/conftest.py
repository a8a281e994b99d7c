"""Golden vectors of a model as the converter makes it, and small models for one firmware."""

from pathlib import Path

import pytest

from firmware_export.golden import Golden
from firmware_export.linkage import Linkage
from firmware_export.oracle import micro
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.several import Made, archive

FRONTEND = {"sample_rate": 16000, "mel_bands": 40, "padding": "causal"}


@pytest.fixture(scope="session")
def converted_golden(converted_model: bytes) -> Golden:
    """Golden vectors of `converted_model`, from LiteRT's reference kernels."""
    return golden_of(converted_model, clips=4)


@pytest.fixture(scope="session")
def small_golden(small_model: bytes) -> Golden:
    return golden_of(small_model, clips=3)


@pytest.fixture
def no_tflite_micro(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that tflite_micro has no wheel for."""
    monkeypatch.setattr(micro.importlib.util, "find_spec", lambda name: None)


def folder_content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def made() -> tuple[Made, ...]:
    return (Made("lamp", 3, streams=True), Made("words", 6), Made("rooms", 4, bands=24))


@pytest.fixture(scope="session")
def firmware(made: tuple[Made, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders NAME of self-contained models, and shared/NAME with shared/kernels."""
    base = tmp_path_factory.mktemp("firmware")
    for one in made:
        one.export(base / one.name, Linkage(one.name))
        kernels = base / "shared" / "kernels"
        one.export(base / "shared" / one.name, Linkage(one.name, "external", kernels))
    return base


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models with the default names, each as a static library libNAME.a."""
    base = tmp_path_factory.mktemp("twins")
    for name, classes in (("a", 3), ("b", 4)):
        Made(name, classes, bands=8).export(base / name, Linkage())
        archive(base / name, base / f"lib{name}.a")
    return base / "a", base / "b"
