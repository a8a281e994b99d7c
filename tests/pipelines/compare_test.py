"""Comparing runs, as a user starts it: tiny models on tiny clips, and everything it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_tf import files
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.dataset import Dataset
from edge_tf.data.run_data import RunData
from edge_tf.data.words import folder_of_words
from edge_tf.errors import UserError
from edge_tf.evaluation import metrics
from edge_tf.evaluation.comparing import comparison, drop_comparison
from edge_tf.evaluation.comparing.comparison import Side
from edge_tf.evaluation.report import comparison_text
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import DataFlags, TrainingSettings
from tests.edge_tf import recorded
from tests.edge_tf.data.words.word_folders import make
from tests.edge_tf.evaluation.comparing.drop_comparison_test import evaluated

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("lamp", "music")
LABELS = ["_silence_", *WORDS]


def tiny_model(seed: int):
    """Untrained, so each seed has its own accuracy."""
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((40, 101, 1))
    x = keras.layers.AveragePooling2D((8, 101))(inputs)
    return keras.Model(inputs, keras.layers.Dense(len(LABELS))(keras.layers.Flatten()(x)))


def int8(model) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    draw = np.random.default_rng(0).normal(-5, 3, (20, 1, 40, 101, 1)).astype(np.float32)
    converter.representative_dataset = lambda: ([clip] for clip in draw)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def as_trained(path: Path, root: Path, seed: int, labels=LABELS, padding="causal") -> RunDirectory:
    """A run as training leaves it, but for the model."""
    run = RunDirectory(path).create()
    files.write_text(run / "labels.txt", "".join(f"{label}\n" for label in labels))
    frontend = FrontendConfig(padding=padding)
    files.write_json(run / "frontend.json", {"frontend": frontend.to_dict()})
    data = recorded.data_flags(root, task="words")
    recipe = TrainingSettings(seed=seed)
    run.record(recorded.trained(data=data, frontend=frontend, recipe=recipe))
    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Four runs of one data set with all three models, and what a comparison of them needs."""
    folder = tmp_path_factory.mktemp("compare")
    root = make(folder / "data", WORDS, takes=10, seconds=1.0)
    for seed in range(4):
        # The last one has another front-end: its features are its own.
        run = as_trained(
            folder / f"run{seed}", root, seed, padding="reflect" if seed == 3 else "causal"
        )
        model = tiny_model(seed)
        model.save(run / "float.keras")
        tiny_model(seed + 10).save(run / "compressed.keras")
        (run / "model_int8.tflite").write_bytes(int8(model))
    return folder


def runs(place: Path, *numbers: int) -> list[RunDirectory]:
    return [RunDirectory(place / f"run{number}") for number in numbers]


def find_data(run: RunDirectory) -> RunData:
    def load(values: DataFlags) -> Dataset:
        return folder_of_words.load(Path(values.data_dir), "words")

    return RunData(run, load, run.path.parent / "cache")


@pytest.fixture
def here(monkeypatch) -> None:
    """Engines run in this process, so that none has to load TensorFlow again."""

    def run_all(engines, clips):
        return [engine.run(clips["features"]) for engine in engines]

    monkeypatch.setattr(comparison.side_by_side, "run_all", run_all)


def compare(side: Side, against: Side):
    return comparison.compare(side, against, find_data)


def accuracy(run: RunDirectory, file: str = "float.keras") -> float:
    """Without the code under test but for front-end and engines."""
    from edge_tf.engines.litert import LiteRTReference
    from edge_tf.models import loading

    data = find_data(run)
    testing = data.clips("testing")
    features = data.features(testing.samples)
    if file.endswith(".tflite"):
        logits = LiteRTReference((run / file).read_bytes()).run(features).logits
    else:
        logits = loading.load(run / file)(features).numpy()
    return metrics.accuracy(testing.labels, metrics.predictions(logits))


def start(*flags: str, interpreter: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *interpreter, "-m", "pipelines.compare", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_binary(place, tmp_path):
    cache = f"--cache_dir={place / 'cache'}"
    names = [str(place / f"run{i}") for i in range(4)]
    out = tmp_path / "record.json"
    done = start(
        f"--runs={names[0]},{names[1]}", f"--against={names[2]},{names[3]}", f"--out={out}", cache
    )
    assert done.returncode == 0, done.stderr
    expected = [accuracy(RunDirectory(name)) for name in names]
    assert len(set(expected)) > 1  # else a mix-up would not show
    lines = done.stdout.splitlines()
    for line, name, share in zip(lines, names, expected, strict=False):
        assert line == f"{name} (keras): {100 * share:.2f} %"
    record = json.loads(out.read_text(encoding="utf-8"))
    assert lines[5] == record["text"] and len(lines) == 6
    difference = 100 * (np.mean(expected[:2]) - np.mean(expected[2:]))
    assert record["difference_points"] == pytest.approx(difference)
    low, high = record["interval_over_clips"]
    assert low <= difference <= high
    assert "over clips and seeds" in record["text"]
    assert record["labels"] == LABELS and record["clips"] == sum(record_of_testing(place))
    assert [one["seed"] for one in record["against"]["each"]] == [2, 3]


def record_of_testing(place: Path) -> list[int]:
    """Number of test clips of each label."""
    return np.bincount(find_data(RunDirectory(place / "run0")).clips("testing").labels).tolist()


def test_each_hop_runs_its_own_model(place, here):
    pair = runs(place, 0, 1)
    record = compare(Side(pair, "compressed"), Side(pair, "int8"))
    for side, hop in ((record.runs, "compressed"), (record.against, "int8")):
        told = [one.accuracy for one in side.each]
        assert side.hop == hop
        assert told == pytest.approx([accuracy(run, comparison.HOPS[side.hop]) for run in pair])
    # Else a mix-up would not show.
    assert accuracy(pair[0], "compressed.keras") != accuracy(pair[0])


def test_a_side_against_itself_is_level(place, here):
    side = Side(runs(place, 0), "keras")
    record = compare(side, side)
    written = record.to_json()
    assert written["difference_points"] == 0 and written["interval_over_clips"] == (0, 0)
    assert written["interval_over_clips_and_seeds"] is None
    assert not written["resolved"]
    assert comparison_text.render(record).splitlines()[-1].startswith("level (0.00 points)")


def test_device_drop_of_kept_predictions(tmp_path):
    """Through the binary: 2 of 20 clips are lost on unseen devices against 10."""
    runs = [evaluated(tmp_path / name, wrong) for name, wrong in (("norm", 2), ("plain", 10))]
    out = tmp_path / "record.json"
    flags = [f"--runs={runs[0].path}", f"--against={runs[1].path}", "--hop=int8"]
    done = start("--device_drop", *flags, f"--out={out}")
    assert done.returncode == 0, done.stderr
    record = json.loads(out.read_text(encoding="utf-8"))
    sides = [Side([run], "int8") for run in runs]
    drops = drop_comparison.compare(*sides)
    assert done.stdout == comparison_text.render_drop(drops) + "\n"
    expected = {"text": comparison_text.drop_outcome(drops.found), **drops.to_json()}
    assert record == json.loads(json.dumps(expected))
    assert "drop on 2 unseen devices: 10.00 points" in done.stdout
    assert record["ratio"] == pytest.approx(0.2)


# What is refused


def refused(*flags: str) -> str:
    """The one line of a comparison that must fail before TensorFlow is loaded."""
    failed = start(*flags, interpreter=("-X", "importtime"))
    lines = failed.stderr.splitlines()
    imported = {li.rsplit("|", 1)[-1].strip() for li in lines if li.startswith("import time:")}
    assert not imported & {"tensorflow", "tf_keras", "ai_edge_litert", "tensorflow_io"}
    assert failed.returncode == 2 and failed.stdout == ""
    told = [line for line in lines if not line.startswith("import time:")]
    assert len(told) == 1 and told[0].startswith("error: "), told
    return told[0]


def test_the_binary_refuses_at_once(place):
    line = refused(f"--runs={place}/run0,{place}/run1", f"--against={place}/run2")
    assert "--runs names 2 runs and --against 1; give the same number on both sides" in line
    line = refused(f"--runs={place}/run0", f"--against={place}/none", "--hop=int8")
    assert f"{place}/none does not exist; make it with: python -m pipelines.train" in line
    line = refused(f"--runs={place}/run0", f"--against={place}/run1", "--device_drop")
    assert f"{place}/run0/predictions.npz is missing; make it with: " in line
    line = refused(f"--runs={place}/run0")
    assert "--against" in line


@pytest.mark.parametrize(
    ("hop", "command"), [("keras", "train"), ("compressed", "compress"), ("int8", "convert")]
)
def test_a_missing_file_names_the_command(place, tmp_path, hop, command):
    bare = as_trained(tmp_path / "bare", place / "data", 0)
    message = rf"is missing; make it with: python -m pipelines\.{command} --run_dir={bare.path}"
    with pytest.raises(UserError, match=message):
        compare(Side([bare], hop), Side(runs(place, 0), hop))
    with pytest.raises(UserError, match=message):
        compare(Side(runs(place, 0), "keras"), Side([bare], hop))


def copied(place: Path, path: Path, **changes) -> RunDirectory:
    """Another run with the model of run 1."""
    run = as_trained(path, **{"root": place / "data", "seed": 1, **changes})
    (run / "float.keras").write_bytes((place / "run1" / "float.keras").read_bytes())
    return run


def test_the_same_model_twice_on_a_side_is_no_second_seed(place, tmp_path):
    again = copied(place, tmp_path / "again")
    two = Side(runs(place, 2, 3), "keras")
    with pytest.raises(
        UserError, match=r"--runs: .*run1 and .*again contain the same float\.keras"
    ):
        compare(Side([*runs(place, 1), again], "keras"), two)
    with pytest.raises(UserError, match=r"--against: .* trained with different seeds"):
        compare(two, Side([*runs(place, 1), *runs(place, 1)], "keras"))


def test_other_labels_are_refused(place, tmp_path):
    other = copied(place, tmp_path / "other", labels=["_silence_", "lamp", "stop"])
    with pytest.raises(UserError, match=r"other/labels.txt and .*run0.* have different labels"):
        compare(Side(runs(place, 0), "keras"), Side([other], "keras"))


def test_other_test_clips_are_refused(place, tmp_path):
    root = make(tmp_path / "data", WORDS, takes=2, seconds=0.5)
    other = copied(place, tmp_path / "other", root=root)
    with pytest.raises(
        UserError, match=r"other and .*run0 have different test clips; compare runs with"
    ):
        compare(Side(runs(place, 0), "keras"), Side([other], "keras"))


def test_a_file_that_is_no_model_is_told(place, here, tmp_path):
    broken = as_trained(tmp_path / "broken", place / "data", 0)
    (broken / "float.keras").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"broken/float\.keras is not a model"):
        compare(Side([broken], "keras"), Side(runs(place, 0), "keras"))


def test_a_model_of_another_task_is_told(place, here, tmp_path):
    import tf_keras as keras

    run = as_trained(tmp_path / "run", place / "data", 0)
    inputs = keras.Input((40, 101, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    keras.Model(inputs, keras.layers.Dense(7)(pooled)).save(run / "float.keras")
    with pytest.raises(UserError, match=r"float\.keras has 7 outputs for 3 labels"):
        compare(Side([run], "keras"), Side(runs(place, 0), "keras"))
