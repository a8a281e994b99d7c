"""The whole chain on real speech, as a user starts it: files, bytes, exit statuses, resuming."""

import hashlib
import json
import shutil

import numpy as np
import pytest

import tflite_model
from edge_tf.engines import mediapipe_audio
from tests.pipelines.conftest import CONVERSION, TRAINING
from tests.pipelines.starting import start

BOARDS = ("host", "cortex_m4", "cortex_m55")
ENGINES = [
    *("keras", "litert_reference", "litert_xnnpack", "tflite_micro"),
    *(f"emitted_c_{board}" for board in BOARDS),
    "litert_reference_integer",
    *(f"emitted_c_{board}_pcm" for board in BOARDS),
    "android_xnnpack",
    *(["android_mediapipe"] if mediapipe_audio.python() else []),
]


@pytest.fixture(scope="module")
def finished(words_chain, real_data, tmp_path_factory):
    """A copy of the short run on three words: its folder, its flags and what it printed."""
    run = shutil.copytree(words_chain / "run", tmp_path_factory.mktemp("chain") / "run")
    cache = words_chain / "cache"
    flags = [f"--data_dir={real_data}", *TRAINING, f"--run_dir={run}", f"--cache_dir={cache}"]
    return run, flags, (words_chain / "printed.txt").read_text()


def test_the_hop_table_is_on_the_screen_and_names_every_hop(finished):
    _, _, printed = finished
    for name in ("Keras float", "LiteRT reference", "LiteRT XNNPACK", "TFLite Micro"):
        assert name in printed
    for name in ("host", "Cortex-M4", "Cortex-M55"):
        assert f"Emitted C, {name} " in printed and f"Emitted C, {name} (waveform)" in printed
    assert printed.splitlines()[-1].startswith("done: ")


def test_tflite_micro_gave_the_bytes_of_the_reference(finished):
    run, _, _ = finished
    report = json.loads((run / "report.json").read_text())
    rows = {row["engine"]: row for row in report["hops"]}
    assert list(rows) == ENGINES
    assert rows["tflite_micro"]["differing_bytes"] == 0
    assert rows["tflite_micro"]["total_bytes"] == 5 * rows["keras"]["clips"] > 500
    everywhere = rows["keras"]["clips"]
    slow = {"emitted_c_cortex_m55", "emitted_c_cortex_m55_pcm"}
    assert {rows[name]["clips"] for name in ENGINES[:4]} == {everywhere}
    for name, row in rows.items():
        if not row["unavailable"]:
            assert 0 < row["clips"] <= everywhere
            assert row["clips"] == everywhere or name in slow


def test_emitted_c_gave_the_bytes_of_the_reference(finished):
    """From features on those of LiteRT's kernels, from sound on with the integer front-end."""
    run, _, _ = finished
    rows = {row["engine"]: row for row in json.loads((run / "report.json").read_text())["hops"]}
    assert rows["litert_reference_integer"]["start"] == "waveform"
    for name, row in rows.items():
        if not name.startswith("emitted_c"):
            continue
        whole = name.endswith("_pcm")
        assert row["start"] == ("waveform" if whole else "features")
        assert row["bit_exact_required"]
        if row["unavailable"]:
            assert "apt-get install" in row["unavailable"]
            continue
        assert row["differing_bytes"] == 0
        assert row["total_bytes"] == 5 * row["clips"]
        reference = "litert_reference" + ("_integer" if whole else "")
        assert row["compared_to"] == rows[reference]["name"]


def test_every_stage_left_its_files_and_its_record(finished):
    run, _, _ = finished
    names = {path.name for path in run.iterdir()}
    assert {
        "config.json",
        "labels.txt",
        "frontend.json",
        "history.json",
        "float.keras",
        "model_int8.tflite",
        "golden.npz",
        "report.json",
        "report.html",
        "predictions.npz",
        "firmware",
        "android",
    } <= names
    assert not [name for name in names if name.startswith(".")]  # nothing half-written
    stages = json.loads((run / "config.json").read_text())["stages"]
    assert list(stages) == ["train", "convert", "evaluate", "export_firmware", "export_android"]
    assert stages["train"]["recipe"]["seed"] == 0
    assert (run / "labels.txt").read_text().split() == [
        "_silence_",
        "_unknown_",
        "no",
        "stop",
        "yes",
    ]


def test_golden_vectors_are_real_clips_with_the_bytes_of_the_model(finished):
    run, _, _ = finished
    golden = np.load(run / "golden.npz")
    info = tflite_model.read(run / "model_int8.tflite")
    assert golden["features"].shape[1:] == info.inputs[0].shape[1:] == (40, 101, 1)
    assert golden["wav"].shape[1] == 16_000 and golden["wav"].dtype == np.int16
    assert len(set(golden["label_index"])) == 5
    assert golden["wav"].std(axis=1).min() > 0

    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.data import pipeline
    from edge_tf.engines.litert import LiteRTReference
    from edge_tf.tflite_runtime import quantize

    config = FrontendConfig.load(run / "frontend.json")
    features = np.concatenate(list(pipeline.evaluation_batches(golden["wav"], config)))
    written = json.loads((run / "frontend.json").read_text())["input"]
    np.testing.assert_array_equal(quantize(features, **written), golden["features"])
    logits = LiteRTReference((run / "model_int8.tflite").read_bytes()).run(features).logits
    np.testing.assert_array_equal(logits, golden["logits"])


def test_firmware_holds_this_model(finished):
    run, _, _ = finished
    manifest = json.loads((run / "firmware" / "manifest.json").read_text())
    model = (run / "model_int8.tflite").read_bytes()
    assert manifest["model"]["sha256"] == hashlib.sha256(model).hexdigest()
    assert manifest["arena"]["bytes"] > 50_000


def test_an_app_hears_what_the_int8_model_hears(finished):
    """Real clips, from the waveform on; the file that was judged is the one that is exported."""
    run, _, printed = finished
    report = json.loads((run / "report.json").read_text())
    rows = {row["engine"]: row for row in report["hops"]}
    features = rows["litert_xnnpack"]
    for name in ENGINES:
        if name.startswith("android"):
            row = rows[name]
            assert row["name"].startswith("android (") and row["start"] == "waveform"
            assert row["clips"] == features["clips"] and not row["unavailable"]
            # A feature that is rounded the other way may turn a clip that was a tie.
            assert abs(row["accuracy"] - features["accuracy"]) <= 1 / row["clips"]
            assert row["log_loss"] == pytest.approx(features["log_loss"], abs=0.01)
    assert "android (LiteRT XNNPACK, waveform)" in printed
    manifest = json.loads((run / "android" / "manifest.json").read_text())
    assert manifest["measured"]["accuracy"] == rows["android_xnnpack"]["accuracy"]
    exported = (run / "android" / "model_waveform.tflite").read_bytes()
    assert report["android"]["file_bytes"] == len(exported)


def test_the_same_commands_again_say_so_and_change_nothing(finished):
    run, flags, _ = finished
    cache = flags[-1]
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for stage, given, told in (
        ("train", flags, "already finished, nothing to do: trained 8 epochs"),
        ("convert", (f"--run_dir={run}", cache, *CONVERSION), "already finished, nothing to do: c"),
    ):
        again = start(stage, *given)
        assert again.returncode == 0, again.stderr
        assert told in again.stdout
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_a_model_that_is_lost_comes_back_with_the_same_bytes(finished):
    """From the checkpoint; so what was made of it still belongs to it."""
    run, flags, _ = finished
    before = {name: (run / name).read_bytes() for name in ("float.keras", "history.json")}
    (run / "float.keras").unlink()
    trained = start("train", *flags)
    assert trained.returncode == 0, trained.stderr
    assert "trained 8 epochs" in trained.stdout and "nothing to do" not in trained.stdout
    assert {name: (run / name).read_bytes() for name in before} == before
    exported = start("export_firmware", f"--run_dir={run}", "--flavor=standalone")
    assert exported.returncode == 0, exported.stderr


def test_other_settings_do_not_train_over_a_finished_run(finished):
    run, flags, _ = finished
    before = (run / "float.keras").read_bytes()
    refused = start("train", *flags, "--seed=1")
    assert refused.returncode == 2
    assert refused.stderr.strip().splitlines()[-1] == (
        f"error: {run} contains a finished training with other settings (--seed: 0 recorded, "
        "1 given); give --seed=0, or choose a new --run_dir"
    )
    assert (run / "float.keras").read_bytes() == before


def test_a_broken_gate_is_exit_status_1_with_the_report_on_disk(finished):
    """The int8 model of a run is replaced by one that hears the same word in everything."""
    run, flags, _ = finished
    original = (run / "model_int8.tflite").read_bytes()
    info = tflite_model.parse(original)
    classifier = [op for op in info.ops if op.name == "CONV_2D"][-1]
    bias = info.tensors[classifier.inputs[2]].data
    # Both ends saturate; were the others left where they are, one at 127 would be a tie.
    shifted = np.frombuffer(bias, "<i4") + np.where(np.arange(5) == 3, 1, -1) * np.int32(1 << 24)
    assert original.count(bias) == 1
    deaf = original.replace(bias, shifted.astype("<i4").tobytes())
    config = (run / "config.json").read_text()
    assert config.count(hashlib.sha256(original).hexdigest()) > 1  # conversion's, and of exports
    replaced = config.replace(
        hashlib.sha256(original).hexdigest(), hashlib.sha256(deaf).hexdigest()
    )
    (run / "model_int8.tflite").write_bytes(deaf)
    (run / "config.json").write_text(replaced)
    try:
        few = ("--max_clips=60", "--error_clips=40", "--boards=host")
        judged = start("evaluate", f"--run_dir={run}", flags[-1], *few, "--max_drop=1")
    finally:
        (run / "model_int8.tflite").write_bytes(original)
        (run / "config.json").write_text(config)
    report = json.loads((run / "report.json").read_text())
    accuracy = {row["engine"]: row["accuracy"] for row in report["hops"]}
    assert accuracy["litert_reference"] == pytest.approx(0.2)
    assert accuracy["keras"] > 0.3  # eight epochs do learn something
    assert judged.returncode == 1
    assert judged.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in judged.stderr
