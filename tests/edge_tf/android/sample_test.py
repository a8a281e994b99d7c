"""The sample app: its Kotlin compiles, what needs no Android runs and is right.

Android, MediaPipe and LiteRT are stubs here (stubs/): that checks syntax and our own calls, not the
vendors' interfaces. The compiler, the JVM and org.json are real.
"""

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from edge_tf import records
from edge_tf.android import package
from edge_tf.android.manifest import Manifest
from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.runtime import detector as firmware
from tests.edge_tf.android import kotlin_tools
from tests.edge_tf.android.kotlin_tools import MANIFEST, RESOURCES, SAMPLE, SOURCES, STUBS

pytestmark = pytest.mark.android

HERE = Path(__file__).parent
ANDROID = "{http://schemas.android.com/apk/res/android}"
LABELS = ["_silence_", "_unknown_", "no", "yes"]


@pytest.fixture(scope="session")
def out(tmp_path_factory) -> Path:
    """All of the sample, its unit tests and build files, and the harness, compiled at once."""
    folder = tmp_path_factory.mktemp("kotlin")
    generated = kotlin_tools.link_resources(folder / "r")
    units = SAMPLE / "app" / "src" / "test" / "kotlin"
    build_files = gradle_sources(folder / "gradle")
    snippets = readme_sources(folder / "readme")
    sources = [STUBS, generated, SOURCES, units, build_files, snippets, HERE / "jvm"]
    done = kotlin_tools.compile_kotlin(sources, folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def gradle_sources(folder: Path) -> Path:
    """Gradle's files as bodies of functions, behind what the stubs say of Gradle."""
    folder.mkdir()
    paths = sorted(SAMPLE.rglob("*.gradle.kts"))
    assert len(paths) == 3
    for number, path in enumerate(paths):
        body = path.read_text(encoding="utf-8")
        text = f"package gradle\n\nfun Build.file{number}() {{\n{body}}}\n"
        (folder / f"file{number}.kt").write_text(text, encoding="utf-8")
    return folder


def readme_sources(folder: Path) -> Path:
    """The pieces of Kotlin in the README of an export, as bodies of functions."""
    folder.mkdir()
    tensor = {"type": "int8", "shape": [1, 40, 101, 1], "scale": 0.1, "zero_point": 3}
    file = {"bytes": 1, "sha256": "", "constant_bytes": 1}
    model = {**file, "input": tensor, "output": tensor, "ops": {"ADD": 1}}
    manifest = {
        "title": "t",
        "edge_tf_version": "1",
        "labels": LABELS,
        "frontend": FrontendConfig().to_dict(),
        "hop_samples": 1_600,
        "detector": firmware.DetectorConfig().to_dict(),
        "detector_caveat": "",
        "measured": None,
        "golden": {"clips": 8, "in_sample": 2},
        "models": {"model_waveform.tflite": model, "model_int8.tflite": model},
        "files": {},
    }
    readme = package.readme(records.from_json(manifest, Manifest, "manifest"))
    pieces = re.findall(r"```kotlin\n(.*?)```", readme.decode("utf-8"), flags=re.DOTALL)
    assert len(pieces) == 2
    imports = sorted(
        line
        for path in SOURCES.rglob("*Classifier.kt")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("import com.google")
    )
    given = "context: Context, samples: FloatArray, window: FloatArray, labels: List<String>"
    for number, piece in enumerate(pieces):
        text = "\n".join(
            [
                "package readme",
                "import android.content.Context",
                *imports,
                f"fun piece{number}({given}, show: (String, Float) -> Unit) {{\n{piece}}}\n",
            ]
        )
        (folder / f"piece{number}.kt").write_text(text, encoding="utf-8")
    return folder


def spotting(**changes) -> str:
    values = {
        "format_version": 1,
        "labels": LABELS,
        "sample_rate": 16_000,
        "window_samples": 8,
        "hop_samples": 2,
        "detector": {
            "smoothing": 4,
            "threshold": 0.6,
            "refractory_hops": 10,
            "background": ["_silence_", "_unknown_"],
            "rearm": 0.3,
        },
        "golden": [],
    }
    return json.dumps({**values, **changes})


def test_every_source_compiles_without_a_warning(out):
    made = {path.stem for path in (out / "org" / "edgetf" / "listen").glob("*.class")}
    assert {path.stem for path in SOURCES.rglob("*.kt")} <= made | {"Classifier"}


def test_wrong_calls_do_not_compile(tmp_path):
    """So that the test above can fail."""
    kotlin_tools.compiler()
    package = tmp_path / "org" / "edgetf" / "listen"
    shutil.copytree(next(SOURCES.rglob("Detector.kt")).parent, package)
    (package / "MainActivity.kt").unlink()
    wrong = {
        "LiteRtClassifier.kt": ("writeFloat(window)", "writeFloat(window.size)"),
        "MediaPipeClassifier.kt": ("category.index()", "category.score()"),
        "Microphone.kt": ("pcm.size)", "pcm)"),
    }
    for file, (call, broken) in wrong.items():
        text = (package / file).read_text(encoding="utf-8")
        assert text.count(call) == 1
        (package / file).write_text(text.replace(call, broken), encoding="utf-8")
    done = kotlin_tools.compile_kotlin([STUBS, tmp_path], tmp_path / "out")
    assert done.returncode != 0
    for file in wrong:
        assert re.search(rf"{re.escape(file)}:\d+:\d+: error: ", done.stderr), done.stderr


def test_the_app_s_own_unit_tests_pass(out):
    names = [path.stem for path in (SAMPLE / "app" / "src" / "test").rglob("*Test.kt")]
    assert len(names) == 2
    classes = [f"org.edgetf.listen.{name}" for name in names]
    done = kotlin_tools.run_java(out, "org.junit.runner.JUnitCore", *classes)
    assert done.returncode == 0, done.stdout
    assert "OK (7 tests)" in done.stdout


def test_the_detector_is_the_firmware_s(out, tmp_path):
    """Random probabilities in the firmware's integers: the same detections, the same scores."""
    rng = np.random.default_rng(0)
    cases, expected = [], []
    for number in range(40):
        config = firmware.DetectorConfig(
            smoothing=int(rng.integers(1, 21)),
            threshold=float(rng.choice([0.2, 0.35, 0.5, 1 / 3, 1e-6, 1.0])),
            refractory_hops=int(rng.integers(0, 12)),
            background=("_silence_",) if number % 2 else (),
            rearm=float(rng.choice([0.05, 0.2, 0.3, 1 / 3, 1.0])),
        )
        logits = rng.integers(-128, 128, (60, len(LABELS)))
        if number % 3 == 0:  # ties
            logits = logits // 64 * 64
        table = firmware.exponentials(0.05)
        ours = firmware.Detector(config, LABELS, 0.05)
        steps = []
        for row in logits:
            found, score = ours.push(row)
            best = int(np.argmax(ours.scores()))
            steps.append([None if found < 0 else LABELS[found], best, score])
        shares = [firmware.probabilities(row, table) for row in logits]
        hops = [[share / firmware.ONE for share in row] for row in shares]
        cases.append({**config.to_dict(), "labels": LABELS, "hops": hops})
        expected.append(steps)
    assert sum(step[0] is not None for steps in expected for step in steps) > 100
    assert kotlin_tools.call(out, "detect", {"cases": cases}, tmp_path) == expected


def test_thresholds_and_probabilities_round_as_in_python(out, tmp_path):
    """To even at a half: 0.5 / 32768 and 1.5 / 32768 are such halves."""
    one = firmware.ONE
    hops = [[(n + 0.5) / one, 0.0, 0.0, 0.0] for n in range(8)]
    config = {"smoothing": 1, "threshold": 2.5 / one, "refractory_hops": 0, "background": []}
    config["rearm"] = 1.0  # each hop is detected
    case = {**config, "labels": LABELS, "hops": hops}
    (found,) = kotlin_tools.call(out, "detect", {"cases": [case]}, tmp_path)
    scores = [round(n + 0.5) for n in range(8)]
    least = firmware.DetectorConfig(threshold=2.5 / one).threshold_score
    assert [step[2] for step in found] == scores
    assert [step[0] is not None for step in found] == [score >= least for score in scores]


def test_the_ring_holds_the_last_samples(out, tmp_path):
    rng = np.random.default_rng(1)
    size, sound = 7, np.arange(1.0, 400.0)
    lengths = rng.integers(0, 20, 30)
    ends = np.cumsum(lengths)
    blocks = [sound[end - length : end].tolist() for end, length in zip(ends, lengths, strict=True)]
    found = kotlin_tools.call(out, "ring", {"size": size, "blocks": blocks}, tmp_path)
    for end, (is_full, window) in zip(ends, found, strict=True):
        assert is_full is bool(end >= size)
        expected = np.concatenate([np.zeros(size), sound[:end]])[-size:]
        np.testing.assert_array_equal(window, expected)


def test_a_damaged_spotting_json_is_refused_by_the_name_of_its_field(out, tmp_path):
    detector = json.loads(spotting())["detector"]
    golden = {"file": "a", "label": "yes", "scores": [0.1, 0.2, 0.3, 0.4]}
    without = json.loads(spotting())
    del without["hop_samples"]
    bad = {
        "{": "spotting.json",
        json.dumps(without): "hop_samples",
        spotting(sample_rate="fast"): "sample_rate",
        spotting(sample_rate=0): "sample_rate",
        spotting(window_samples=-1): "window_samples",
        spotting(hop_samples=9): "hop_samples",
        spotting(labels=["yes", "yes", "no", "up"]): "labels",
        spotting(labels=["yes"]): "labels",
        spotting(labels="yes"): "labels",
        spotting(detector={**detector, "smoothing": 0}): "smoothing",
        spotting(detector={**detector, "threshold": 0}): "threshold",
        spotting(detector={**detector, "threshold": 1.5}): "threshold",
        spotting(detector={**detector, "refractory_hops": -1}): "refractory_hops",
        spotting(detector={**detector, "rearm": 0}): "rearm",
        spotting(detector={**detector, "rearm": 2}): "rearm",
        spotting(detector={**detector, "background": LABELS}): "background",
        spotting(golden=[{**golden, "label": "maybe"}]): "golden",
        spotting(golden=[{**golden, "scores": [1]}]): "golden",
    }
    texts = [spotting(), *bad]
    good, *refused = kotlin_tools.call(out, "spotting", {"texts": texts}, tmp_path)
    assert good == LABELS
    for message, field in zip(refused, bad.values(), strict=True):
        assert isinstance(message, str) and message.startswith("spotting.json: ")
        assert field in message


def test_a_slow_model_skips_hops_and_then_hears_the_newest_sound(out, tmp_path):
    """A window is 8 samples, a hop 2; the score of the best class is the window's first sample."""
    detector = {"smoothing": 1, "threshold": 0.9, "refractory_hops": 0, "background": []}
    detector["rearm"] = 0.5
    values = spotting(labels=["a", "b"], detector=detector)
    sound = [n / 64 + 0.5 for n in range(24)]
    run = "run"
    steps = [sound[:7], sound[7:8], run, sound[8:15], sound[15:18], run, sound[18:20], run]
    *events, waiting = kotlin_tools.call(
        out, "listen", {"spotting": values, "steps": steps}, tmp_path
    )
    assert waiting == 0
    # Windows end with samples 8, 10 and 20; hops 12, 14, 16 and 18 found the model at work.
    assert [event[0] for event in events] == ["a", "a", "a"]
    assert [event[1] for event in events] == [sound[0], sound[2], sound[12]]
    assert [event[2] for event in events] == [0, 0, 4]


def test_a_model_that_fails_is_told_once(out, tmp_path):
    values = {
        "spotting": spotting(labels=["a", "b"]),
        "broken": True,
        "steps": [[0.5] * 8, "run", [0.5] * 8],
    }
    assert kotlin_tools.call(out, "listen", values, tmp_path) == [["failed", "no such model"], 0]


@pytest.mark.parametrize(
    ("scores", "good", "found"),
    [([0, 0.25, 0.25, 0.5], True, "yes"), ([1, 0, 0, 0], False, "_silence_")],
)
def test_the_self_test_tells_a_phone_that_hears_otherwise(out, tmp_path, scores, good, found):
    golden = {"file": "clip.pcm", "label": "yes", "scores": [0, 0.125, 0.125, 0.75]}
    clip = np.array([0, -16384, 32767, 0, 0, 0, 0, 0], "<i2")
    (tmp_path / "clip.pcm").write_bytes(clip.tobytes())
    values = {"spotting": spotting(golden=[golden]), "scores": scores, "folder": str(tmp_path)}
    (result,) = kotlin_tools.call(out, "self_test", values, tmp_path)
    largest = max(abs(a - b) for a, b in zip(scores, golden["scores"], strict=True))
    assert result == [good, "yes", found, largest]


def test_the_self_test_refuses_a_clip_that_is_no_window(out, tmp_path):
    golden = {"file": "clip.pcm", "label": "yes", "scores": [0, 0, 0, 1]}
    (tmp_path / "clip.pcm").write_bytes(b"\0" * 10)
    values = {"spotting": spotting(golden=[golden]), "scores": [0] * 4, "folder": str(tmp_path)}
    assert kotlin_tools.call(out, "self_test", values, tmp_path) == [
        "clip.pcm has 5 samples, not 8"
    ]


class TestProject:
    """What Android Studio reads."""

    def test_android_s_own_tools_take_resources_and_manifest(self, tmp_path):
        """They refuse a reference to nothing, and attributes that Android does not have."""
        java = kotlin_tools.link_resources(tmp_path / "r")
        assert (java / "org" / "edgetf" / "listen" / "R.java").is_file()

    def test_no_resource_is_unused(self):
        files = [*RESOURCES.rglob("*.xml"), MANIFEST, *SOURCES.rglob("*.kt")]
        text = "".join(path.read_text(encoding="utf-8") for path in files)
        assert len(kotlin_tools.resources()) > 15
        for kind, name in kotlin_tools.resources():
            assert f"@{kind}/{name}" in text or f"R.{kind}.{name}" in text, name

    def test_the_app_asks_for_the_microphone_and_nothing_else(self):
        root = ElementTree.parse(MANIFEST).getroot()
        asked = [entry.attrib[f"{ANDROID}name"] for entry in root.iter("uses-permission")]
        assert asked == ["android.permission.RECORD_AUDIO"]
        (activity,) = root.iter("activity")
        assert activity.attrib[f"{ANDROID}exported"] == "true"
        name = activity.attrib[f"{ANDROID}name"].removeprefix(".")
        assert any(path.stem == name for path in SOURCES.rglob("*.kt"))

    def test_both_runtimes_are_dependencies_and_models_stay_uncompressed(self):
        text = (SAMPLE / "app" / "build.gradle.kts").read_text(encoding="utf-8")
        assert re.search(r'"com\.google\.mediapipe:tasks-audio:[\d.]+"', text)
        assert re.search(r'"com\.google\.ai\.edge\.litert:litert:[\d.]+"', text)
        assert 'noCompress += "tflite"' in text
        assert 'namespace = "org.edgetf.listen"' in text

    def test_stubs_are_marked_as_stubs(self):
        for path in STUBS.rglob("*.*"):
            _, second, *_ = path.read_text(encoding="utf-8").splitlines()
            assert second.startswith("// A stub for the tests: it checks syntax and our own calls")
