"""What all tests share: real recordings, calm TensorFlow, and skips that count as failures.

Tests run in as many processes as there are cores (pytest-xdist, file by file), or in one: with
`-n0`. What is dear is made once for all of them (tests/shared.py).

A test that needs something this machine lacks (recordings, a cross compiler, a browser) skips
with the reason. Where everything must be there, EDGE_TF_REQUIRE_ALL=1 makes such a skip a
failure; a test marked `optional` may still skip.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

# Before anything imports TensorFlow, here and in what tests start. A worker has a core.
os.environ["TF_NUM_INTRAOP_THREADS"] = (
    "1" if "PYTEST_XDIST_WORKER" in os.environ or os.cpu_count() == 1 else "2"
)
os.environ["TF_NUM_INTEROP_THREADS"] = os.environ["TF_NUM_INTRAOP_THREADS"]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import pytest

import edge_tf  # noqa: F401 - chooses Keras 2
from firmware_export.boards import object_cache
from tests import shared

# No property has a time limit: machines are shared.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent
CLIPS_PER_WORD = 40
# A file is one worker's: were one of these the last, the others would wait for it. Those that wait
# for what another makes (tests/pipelines/conftest.py) come later than that one.
LONGEST_FIRST = (
    "tests/pipelines/run_test.py",
    "tests/pipelines/scenes_test.py",
    "tests/edge_tf/compression/recipes_test.py",
    "tests/pipelines/stream_test.py",
    "tests/pipelines/compress_test.py",
    "tests/edge_tf/compression/quantization_test.py",
    "tests/edge_tf/models/bc_resnet_streaming_test.py",
    "tests/pipelines/bad_input_test.py",
    "tests/edge_tf/compression/budget_test.py",
    "tests/edge_tf/conversion/tflite/streaming_test.py",
    "tests/firmware_export/standalone/compiler_test.py",
    "tests/firmware_export/standalone/states_test.py",
    "tests/edge_tf/compression/objectives_test.py",
    "tests/pipelines/compare_test.py",
    "tests/edge_tf/compression/stage_test.py",
)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.fixture(scope="session")
def shared_folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For what all workers share."""
    return shared.folder(pytestconfig, tmp_path_factory)


@pytest.fixture(autouse=True, scope="session")
def kernels_are_compiled_once(shared_folder: Path) -> None:
    """Here and in what tests start; a folder that the environment names stays."""
    os.environ.setdefault(object_cache.VARIABLE, str(shared_folder / "objects"))


@pytest.fixture(scope="session")
def edge_tf_data() -> Path:
    """The folder of packed real recordings that EDGE_TF_DATA names (default ../shared/data)."""
    folder = Path(os.environ.get("EDGE_TF_DATA") or ROOT.parent / "shared" / "data")
    folder = folder if folder.is_absolute() else ROOT / folder
    if not (folder / "unpack.py").is_file():
        pytest.skip(f"no real recordings: {folder}/unpack.py is missing (EDGE_TF_DATA names it)")
    return folder


@pytest.fixture(scope="session")
def real_data(edge_tf_data: Path, shared_folder: Path) -> Path:
    """Real speech in the Speech Commands layout: WORD/SPEAKER_nohash_N.wav, the official lists.

    At most CLIPS_PER_WORD clips a word and split. Shared by all tests: read it, change nothing.
    """
    flags = ("--skip_esc10", f"--max_per_word={CLIPS_PER_WORD}")
    out = shared.once(shared_folder / "real_data", lambda out: _unpack(edge_tf_data, out, *flags))
    return out / "speech_commands"


@pytest.fixture(scope="session")
def real_scenes(edge_tf_data: Path, shared_folder: Path) -> Path:
    """ESC-10 by folders: CLASS/NAME.wav and folds.csv. Shared as real_data is."""
    flags = ("--words=yes", "--max_per_word=1")  # what is unpacked always has some words
    out = shared.once(shared_folder / "real_scenes", lambda out: _unpack(edge_tf_data, out, *flags))
    return out / "esc10"


@pytest.fixture(scope="session")
def converted_model() -> bytes:
    """A small fully-int8 .tflite as TensorFlow's converter makes it; see models.converted."""
    from tests.firmware_export import models

    return models.converted()


@pytest.fixture(scope="session")
def small_model() -> bytes:
    """The smallest model that is one; it needs no TensorFlow."""
    from tests.firmware_export import models

    return models.fully_connected()


def _unpack(edge_tf_data: Path, out: Path, *flags: str) -> None:
    command = [sys.executable, str(edge_tf_data / "unpack.py"), str(out), *flags]
    unpacked = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if unpacked.returncode:
        pytest.fail(f"{' '.join(command)} failed:\n{unpacked.stderr}", pytrace=False)


@pytest.fixture(autouse=True, scope="module")
def keras_begins_anew() -> None:
    """Each module sees Keras as the first one does: names of layers, and how weights are drawn.

    Trainings of ours switch Keras to generators of their own, for the whole process. A layer that
    a module makes as it is collected needs a name of its own: counting starts again behind it.
    """
    if "tf_keras" in sys.modules:
        from tf_keras import backend

        backend.reset_uids()
        backend.experimental.disable_tf_random_generator()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.nodeid.split("::")[0], len(order)))


def _require_all() -> bool:
    return os.environ.get("EDGE_TF_REQUIRE_ALL", "") not in ("", "0")


def _fail_if_skipped(report: Report) -> Report:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"EDGE_TF_REQUIRE_ALL is set, but this was not run. {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _require_all() and item.get_closest_marker("optional") is None:
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself, as pytest.importorskip at its top does."""
    report = yield
    if _require_all():
        _fail_if_skipped(report)
    return report
