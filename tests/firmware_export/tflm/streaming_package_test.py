"""The package of a streaming model: the window's bytes in the real interpreter, C that compiles."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge_tf.conversion.tflite import streaming
from firmware_export.boards import building
from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.oracle import micro
from firmware_export.tflm import package
from tests import shared
from tests.firmware_export.conftest import FRONTEND
from tests.firmware_export.models import LABELS
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.states_test import WindowModel

STUB = Path(__file__).parent / "stub"
BANDS, FRAMES, CLIPS = 40, 101, 3


@pytest.fixture(scope="module")
def window() -> bytes:
    """The whole-window form of a classifier that looks back over three frames."""
    model = WindowModel((1, BANDS, FRAMES, 1))
    x = model.over_time(model.pointwise(model.input, 3), 3, rows=BANDS)
    return model.end(model.mean(model.pointwise(x, 6), 1), len(LABELS))


@pytest.fixture(scope="module")
def golden(window: bytes) -> Golden:
    rng = np.random.default_rng(0)
    features = rng.integers(-128, 128, (CLIPS, BANDS, FRAMES, 1), dtype=np.int8)
    logits = [tflm_oracle.run(window, [clip[np.newaxis]])[0][0] for clip in features]
    return Golden(features, np.stack(logits), np.arange(CLIPS))


@pytest.fixture(scope="module")
def exported(window: bytes, golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "firmware"
    form = streaming.rewrite(window).data
    package.export(
        window, out, "1.2.3", labels=LABELS, frontend=FRONTEND, golden=golden, streaming=form
    )
    return out


def test_tflite_micro_gives_the_window_s_logits_frame_by_frame(exported: Path, window: bytes):
    """The export runs the streaming form on every golden clip and refuses other bytes."""
    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["golden"]["checked"]
    assert manifest["model"]["state_bytes"] == 2 * BANDS * 3 + (FRAMES - 1) * 6
    if not micro.unavailable_reason():
        assert manifest["arena"]["source"] == "measured"


def test_other_logits_are_refused(window: bytes, golden: Golden, tmp_path: Path):
    shared.need_tflite_micro()
    wrong = Golden(golden.features, golden.logits ^ 1, golden.label_index)
    form = streaming.rewrite(window).data
    with pytest.raises(ExportError, match="bytes other than"):
        package.export(
            window,
            tmp_path / "x",
            "1",
            labels=LABELS,
            frontend=FRONTEND,
            golden=wrong,
            streaming=form,
        )
    assert not (tmp_path / "x").exists()


def test_golden_vectors_are_in_the_order_in_which_frames_are_pushed(exported: Path, golden: Golden):
    source = (exported / "src" / "golden.c").read_text()
    first = ", ".join(str(value) for value in golden.features[0, :12, 0, 0])
    assert first in source
    assert f"[{FRAMES} * MODEL_INPUT_BYTES]" in (exported / "src" / "golden.h").read_text()


@pytest.mark.parametrize("name", ["model_data.c", "golden.c", "self_test.c", "model_runner.cpp"])
def test_its_sources_compile_without_a_warning(exported: Path, name: str):
    compiler = "g++" if name.endswith("cpp") else "gcc"
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    standard = "-std=c++11" if name.endswith("cpp") else "-std=c99"
    warnings = [*building.WARNINGS, "-pedantic"]
    includes = [f"-I{exported / 'src'}", f"-I{STUB}"]
    command = [compiler, standard, *warnings, *includes, "-fsyntax-only"]
    done = subprocess.run([*command, exported / "src" / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_runner_s_states_are_those_of_the_model(exported: Path):
    source = (exported / "src" / "model_runner.cpp").read_text()
    assert f"kStateBytes[kStates] = {{\n    {2 * BANDS * 3}, {(FRAMES - 1) * 6},\n}};" in source
    assert "model_runner_invoke" not in source
