"""C has one style and names its license, whether it is written or generated."""

import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion.tflite import streaming
from firmware_export.standalone import compiler, package
from firmware_export.standalone.spotting import Sound, Spotting
from firmware_export.tflm import package as tflm
from tests.firmware_export import models
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.standalone import (
    compiler_test,
    ends_test,
    random_models,
    variables_test,
)
from tests.firmware_export.standalone.kernels_pipeline_test import Network
from tests.firmware_export.standalone.states_test import WindowModel

ROOT = Path(__file__).parents[2]
CONFIG = FrontendConfig()
# One too long for a line, one of letters that become four each, one that tries to end a comment.
LABELS = ("yes", "a label " * 12, "\u3053\u3093\u306b\u3061\u306f " * 12, '"*/ int x;??/')
MANY = tuple(f"word {number}" for number in range(60))

_C = {".c", ".h", ".cc", ".cpp"}
_SPDX = "SPDX-License-Identifier: Apache-2.0"
_NAMED = {".ino", ".ld", ".kt", ".kts", ".java", *_C}


def sources(suffixes: Iterable[str]) -> list[Path]:
    """Files of this project, templates included."""
    folders = [ROOT / name for name in ("edge_tf", "firmware_export", "fuzzing", "tests")]
    paths = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    wanted = set(suffixes)
    return [p for p in paths if p.suffix in wanted or Path(p.stem).suffix in wanted]


def check_format(paths: Iterable[Path]) -> None:
    files = [str(path) for path in paths]
    assert files
    tool = shutil.which("clang-format", path=sysconfig.get_path("scripts"))
    if tool is None:
        pytest.skip("needs clang-format in .venv, in the version of requirements.lock: make setup")
    style = f"--style=file:{ROOT / '.clang-format'}"
    done = subprocess.run(
        [tool, style, "--dry-run", "-Werror", *files], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[:3_000]


def check_export(folder: Path) -> None:
    """All C of an exported folder: formatted, no line too long, with a license."""
    found = [path for path in sorted(folder.rglob("*")) if path.suffix in {*_C, ".ino"}]
    check_format(path for path in found if path.suffix in _C)
    for path in [*found, folder / "CMakeLists.txt", folder / "zephyr" / "CMakeLists.txt"]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert _SPDX in lines[0], path
        if path.suffix != ".txt" and path.name not in ("labels.c", "model_data.c", "detector.h"):
            assert max(map(len, lines)) <= 100, path


def test_written_c_has_one_style():
    check_format(path for path in sources(_C) if path.suffix in _C)


def test_every_file_of_code_names_its_license():
    found = sources(_NAMED)
    found += [p for p in (ROOT / "firmware_export").rglob("CMakeLists.txt.jinja")]
    assert len(found) > 100
    assert [p for p in found if _SPDX not in p.read_text(encoding="utf-8").split("\n")[0]] == []


class Made:
    """A classifier of three frames' look-back, and what goes with it."""

    def __init__(self, labels: tuple[str, ...], layers: int = 1) -> None:
        model = WindowModel((1, *CONFIG.feature_shape))
        x = model.pointwise(model.input, 3)
        x = model.over_time(x, 3, rows=CONFIG.mel_bands)
        for _ in range(layers - 1):
            x = model.over_time(x, 3)
        self.model = model.end(model.mean(model.pointwise(x, 6), 1), len(labels))
        self.labels = labels
        self.golden = golden_of(self.model, clips=2)
        rng = np.random.default_rng(0)
        wav = rng.integers(-3_000, 3_000, (2, CONFIG.clip_samples)).astype(np.int16)
        self.sound = Sound(wav, self.golden.features)

    def export(self, out: Path, norm: str = "none", streams: bool = False) -> None:
        frontend = CONFIG.to_dict()
        if norm != "none":
            frontend |= {"normalization": norm, "norm_lambda": 0.5}
        package.export(
            self.model,
            out,
            "1.2.3",
            spotting=Spotting(self.labels, frontend, sound=self.sound),
            golden=self.golden,
            streaming=streaming.rewrite(self.model).data if streams else None,
        )

    def export_tflm(self, out: Path, streams: bool = False, hears: bool = True) -> None:
        tflm.export(
            self.model,
            out,
            "1.2.3",
            labels=self.labels,
            frontend={"frontend": CONFIG.to_dict()} if hears else {},
            golden=self.golden,
            streaming=streaming.rewrite(self.model).data if streams else None,
        )


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(LABELS)


@pytest.fixture(scope="module")
def large() -> Made:
    """Of so many classes and states that their lists take more than a line."""
    return Made(MANY, layers=24)


class TestStandalone:
    @pytest.mark.parametrize("norm", ["none", "residual", "relaxed"])
    def test_window(self, made: Made, tmp_path: Path, norm: str):
        made.export(tmp_path / "out", norm)
        check_export(tmp_path / "out")

    def test_stream(self, made: Made, tmp_path: Path):
        made.export(tmp_path / "out", streams=True)
        check_export(tmp_path / "out")

    def test_other_types_and_state(self, tmp_path: Path):
        """Float ends; two inputs and outputs; a variable."""
        models_of_kinds = (
            ends_test.converted("float32", "float32"),
            compiler_test.two_ends(),
            variables_test.queue(2)[0],
        )
        for number, model in enumerate(models_of_kinds):
            package.export(model, tmp_path / str(number), "1.2.3")
            check_export(tmp_path / str(number))

    @pytest.mark.usefixtures("no_tflite_micro")
    @pytest.mark.parametrize("streams", [False, True])
    def test_long_lists(self, large: Made, tmp_path: Path, streams: bool):
        large.export(tmp_path / "out", streams=streams)
        check_export(tmp_path / "out")

    @pytest.mark.parametrize("export", [package.export, tflm.export])
    def test_a_model_alone(self, tmp_path: Path, export: Callable[..., object]):
        export(models.fully_connected(), tmp_path / "out", "1.2.3")
        check_export(tmp_path / "out")

    @pytest.mark.parametrize("seed", range(6))
    def test_every_kernel(self, tmp_path: Path, seed: int):
        """Chains of rows, broadcasts, concatenations: the calls that take several lines, too."""
        network = Network(seed)
        for _ in range(4):
            network.block()
        for name, model in (
            ("network", network.finish()),
            ("random", random_models.make(seed, ops=14)[0]),
        ):
            for file, text in compiler.compile(model, keep=seed == 0).files.items():
                (tmp_path / f"{name}_{file}").write_text(text)
        check_format(tmp_path.iterdir())


class TestTflm:
    @pytest.mark.parametrize("streams", [False, True])
    @pytest.mark.parametrize("hears", [False, True])
    def test_both_forms(self, made: Made, tmp_path: Path, streams: bool, hears: bool):
        made.export_tflm(tmp_path / "out", streams, hears)
        check_export(tmp_path / "out")

    @pytest.mark.usefixtures("no_tflite_micro")
    def test_long_lists(self, large: Made, tmp_path: Path):
        large.export_tflm(tmp_path / "out", streams=True)
        check_export(tmp_path / "out")
