"""export_android as a user starts it: what it writes, what it refuses, and that it says so."""

import dataclasses
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tflite_model
from edge_tf import files, records
from edge_tf.android import models, package
from edge_tf.audio import frontend
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines.litert import LiteRTReference
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import ExportAndroidRecord
from edge_tf.settings import ModelConfig
from edge_tf.tflite_runtime import quantize
from firmware_export import packing
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import DetectorConfig
from pipelines import export_android
from tests.edge_tf import recorded

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("go", "stop", "up", "_unknown_")
ASSETS = Path("sample/app/src/main/assets")


def write_golden(run: RunDirectory, model: bytes, config: FrontendConfig) -> None:
    """Golden clips as the convert stage makes them, of noise."""
    rng = np.random.default_rng(0)
    wav = rng.integers(-3000, 3000, (3, config.clip_samples)).astype(np.int16)
    features = frontend.log_mel(wav.astype(np.float32) / 32768, config).numpy()
    source = tflite_model.parse(model).inputs[0]
    np.savez(
        run / "golden.npz",
        features=quantize(features, source.scales[0], source.zero_points[0]),
        logits=LiteRTReference(model).run(features).logits,
        label_index=np.array([0, 1, 3]),
        wav=wav,
    )


@pytest.fixture
def run(tmp_path: Path, converted_model: bytes) -> RunDirectory:
    """A run directory as the convert stage leaves it."""
    directory = RunDirectory(tmp_path / "a run").create()
    (directory / "model_int8.tflite").write_bytes(converted_model)
    (directory / "labels.txt").write_text("".join(f"{x}\n" for x in LABELS), encoding="utf-8")
    files.write_json(directory / "frontend.json", {"frontend": FrontendConfig().to_dict()})
    write_golden(directory, converted_model, FrontendConfig())
    return directory


def command(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.export_android", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_command_writes_what_the_readme_of_the_folder_lists(run):
    done = command(f"--run_dir={run.path}")
    assert done.returncode == 0, done.stderr
    folder = run / "android"
    assert done.stdout.startswith(f"android: {folder}: model_waveform.tflite ")
    assert done.stdout.count("\n") == 1 and "not measured yet" in done.stdout
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"README.md", "manifest.json", "model_waveform.tflite", "model_int8.tflite"} <= names
    assert {
        "sample/settings.gradle.kts",
        "sample/.gitignore",
        "sample/app/build.gradle.kts",
        "sample/app/src/main/AndroidManifest.xml",
        "sample/app/src/main/kotlin/org/edgetf/listen/Detector.kt",
        f"{ASSETS}/spotting.json",
        f"{ASSETS}/golden_0.pcm",
        f"{ASSETS}/golden_1.pcm",
    } <= names
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == names - {"manifest.json"}
    for name, facts in manifest["files"].items():
        assert facts["sha256"] == packing.sha256((folder / name).read_bytes())
    assert manifest["models"]["model_waveform.tflite"]["input"] == {
        "type": "float32",
        "shape": [1, 16_000],
    }
    ops = manifest["models"]["model_waveform.tflite"]["ops"]
    for name in ("RFFT2D", "QUANTIZE", "DEQUANTIZE", "SOFTMAX"):
        assert ops[name] == 1
    assert not [name for name in ops if name.startswith(("CUSTOM", "Flex"))]
    stage = run.stage(ExportAndroidRecord).models
    assert stage["model_int8.tflite"].sha256 == packing.sha256(
        (folder / "model_int8.tflite").read_bytes()
    )
    assert not [path for path in run.path.iterdir() if path.name[0] == "."]


def test_the_app_has_the_firmware_s_detector_and_this_computer_s_scores(run):
    manifest = records.to_json(export_android.export(run.path))
    spotting = json.loads((run / "android" / ASSETS / "spotting.json").read_text(encoding="utf-8"))
    # The pause is a window of 101 frames, 11 inferences, and the smoothing, 4.
    detector = DetectorConfig(refractory_hops=15)
    assert manifest["detector"] == detector.to_dict() == spotting["detector"]
    assert spotting["labels"] == list(LABELS) == manifest["labels"]
    assert (spotting["sample_rate"], spotting["window_samples"]) == (16_000, 16_000)
    assert spotting["hop_samples"] == manifest["hop_samples"] == 1_600
    model = (run / "android" / ASSETS / "model_waveform.tflite").read_bytes()
    assert model == (run / "android" / "model_waveform.tflite").read_bytes()
    wav = np.load(run / "golden.npz")["wav"]
    for at, golden in enumerate(spotting["golden"]):
        pcm = (run / "android" / ASSETS / golden["file"]).read_bytes()
        np.testing.assert_array_equal(np.frombuffer(pcm, "<i2"), wav[at])
        assert golden["label"] == LABELS[int(np.argmax(golden["scores"]))]
        assert sum(golden["scores"]) == pytest.approx(1, abs=1e-4)
    assert len(spotting["golden"]) == 2


def test_a_stream_s_detector_keeps_its_times(run):
    run.record(recorded.trained(model=ModelConfig("bc_resnet", lookahead=0)))
    operating_point.save(run, DetectorConfig(smoothing=30, threshold=0.7, refractory_hops=95), {})
    manifest = records.to_json(export_android.export(run.path))
    assert manifest["hop_samples"] == 1_600  # ten frames
    assert manifest["detector"]["smoothing"] == 3
    assert manifest["detector"]["threshold"] == 0.7
    assert manifest["detector"]["refractory_hops"] == 10


def test_again_and_elsewhere(run, tmp_path):
    first = export_android.export(run.path)
    assert export_android.export(run.path) == first
    assert export_android.export(run.path, tmp_path / "out") == first
    (tmp_path / "out" / "sample" / "local.properties").write_text("sdk.dir=here")
    with pytest.raises(ExportError, match=r"sample/local\.properties, which no export wrote"):
        export_android.export(run.path, tmp_path / "out")
    assert (tmp_path / "out" / "sample" / "local.properties").read_text() == "sdk.dir=here"


def test_the_readme_tells_the_accuracy_of_this_very_file(run):
    made = models.make(
        (run / "model_int8.tflite").read_bytes(), FrontendConfig(), LABELS, models.title(run)
    )
    evaluated = recorded.evaluated(
        clips=1_234,
        accuracy={"keras": 0.95, "android_xnnpack": 0.9512},
        android_sha256=packing.sha256(made.waveform),
    )
    run.record(evaluated)
    manifest = records.to_json(export_android.export(run.path))
    assert manifest["measured"] == {"clips": 1_234, "accuracy": 0.9512, "keras_accuracy": 0.95}
    readme = (run / "android" / "README.md").read_text(encoding="utf-8")
    assert "**95.12 %**" in readme and "(+0.12 points from Keras)" in readme
    run.record(dataclasses.replace(evaluated, android_sha256="of another"))
    assert export_android.export(run.path).measured is None
    assert "was not measured" in (run / "android" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("model_int8.tflite", "convert"),
        ("golden.npz", "convert"),
        ("labels.txt", "train"),
        ("frontend.json", "train"),
    ],
)
def test_a_missing_stage_is_named(run, name, stage):
    (run / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing; .* pipelines\.{stage} --run_dir="):
        export_android.export(run.path)
    assert not (run / "android").exists()


@pytest.mark.parametrize("text", ["go\nstop\ngo\n_unknown_\n", "go\n", "go\n\nup\nx\n", ""])
def test_a_run_without_labels_or_with_the_same_twice_is_one_line_and_status_2(run, text):
    (run / "labels.txt").write_text(text, encoding="utf-8")
    done = command(f"--run_dir={run.path}")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "labels.txt must contain at least two different labels" in done.stderr
    assert not (run / "android").exists()


class TestGolden:
    def test_clips_that_the_model_contradicts_stop_the_export(self, run, converted_model):
        other = dataclasses.replace(FrontendConfig(), log_offset=10.0)
        write_golden(run, converted_model, other)
        with pytest.raises(
            UserError, match=r"up to \d+ LSB away from the features of the golden clips"
        ):
            export_android.export(run.path)
        assert not (run / "android").exists()

    def test_clips_of_another_length(self, run):
        with np.load(run / "golden.npz") as arrays:
            changed = {**arrays, "wav": arrays["wav"][:, :8_000]}
        np.savez(run / "golden.npz", **changed)
        with pytest.raises(UserError, match=r"are int16 \(3, 8000\), the front-end expects"):
            export_android.export(run.path)

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"noise" * 100])
    def test_a_damaged_file(self, run, content):
        (run / "golden.npz").write_bytes(content)
        with pytest.raises(UserError, match=r"golden\.npz holds no golden vectors"):
            export_android.export(run.path)


def test_a_front_end_that_tflite_cannot_compute_is_refused(run):
    values = {**FrontendConfig().to_dict(), "fft_size": 500}
    files.write_json(run / "frontend.json", {"frontend": values})
    with pytest.raises(UserError, match="fft_size=500 is not a power of two"):
        export_android.export(run.path)
    assert not (run / "android").exists()


def test_labels_that_only_name_what_is_never_detected_are_refused(run):
    (run / "labels.txt").write_text("_silence_\n_unknown_\n", encoding="utf-8")
    with pytest.raises((UserError, ExportError), match="labels"):
        export_android.export(run.path)
    assert not (run / "android").exists()


def test_the_labels_of_the_file_are_the_run_s(run):
    export_android.export(run.path)
    for name in (models.WAVEFORM, models.FEATURES):
        with zipfile.ZipFile(io.BytesIO((run / "android" / name).read_bytes())) as archive:
            assert archive.read("labels.txt").decode().splitlines() == list(LABELS)


def test_the_template_knows_all_labels(run):
    """A label may hold what Markdown means something by."""
    (run / "labels.txt").write_text("a|b\nc`d\nup\n_unknown_\n", encoding="utf-8")
    export_android.export(run.path)
    assert "a\\|b" in (run / "android" / "README.md").read_text(encoding="utf-8")


def test_package_folder_has_no_leftovers():
    """Android Studio leaves folders behind when somebody opens the sample where it stands."""
    leftovers = {".gradle", "build", ".idea", "local.properties"}
    assert not [name for name in package._sample() if leftovers & set(Path(name).parts)]
