"""The stage "compress" on a small run: files, records, resuming, and what it refuses."""

import dataclasses
import hashlib
import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

import tflite_model
from edge_tf import files, keras_file, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.compression import request, stage
from edge_tf.compression.settings import Settings
from edge_tf.compression.teaching import teachers
from edge_tf.conversion import int8
from edge_tf.data.dataset import Dataset
from edge_tf.data.run_data import RunData
from edge_tf.data.words import folder_of_words
from edge_tf.engines.keras_quantized import KerasQuantized, read_ranges
from edge_tf.errors import UserError
from edge_tf.models import inference, loading
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import CompressRecord, TrainRecord
from edge_tf.settings import DataFlags, StreamTraining
from tests.edge_tf import recorded
from tests.edge_tf.data.words.word_folders import make
from tflite_model import sparsity

layers = keras.layers
LABELS = ["_silence_", "lamp", "music"]
SETTINGS = Settings(("prune_qat",), epochs=4, sparsity=0.5, batch_size=4, peak_rate=0.01)


def small_model(seed: int = 0, channels: int = 6) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((40, 101, 1), name="features")
    x = layers.AveragePooling2D((4, 4), name="smaller")(inputs)
    x = layers.Conv2D(channels, 3, use_bias=False, name="stem")(x)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
    x = layers.SpatialDropout2D(0.2, name="dropout")(x)
    x = layers.Conv2D(channels, 1, name="pointwise")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu")(x))
    return keras.Model(inputs, layers.Dense(len(LABELS), name="classifier")(x), name="small")


def as_trained(path: Path, root: Path, model: keras.Model, frontend=None) -> RunDirectory:
    """A run as training leaves it."""
    run = RunDirectory(path).create()
    frontend = frontend or FrontendConfig()
    files.write_text(run / "labels.txt", "".join(f"{label}\n" for label in LABELS))
    files.write_json(run / "frontend.json", {"frontend": frontend.to_dict()})
    model.save(run / "float.keras")
    data = recorded.data_flags(root, task="words")
    run.record(recorded.trained(data=data, labels=tuple(LABELS), frontend=frontend))
    return run


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("data"), LABELS[1:], takes=3, seconds=1.0)


@pytest.fixture(scope="module")
def trained(sounds, tmp_path_factory) -> RunDirectory:
    return as_trained(tmp_path_factory.mktemp("trained") / "run", sounds, small_model())


def copy(run: RunDirectory, path: Path) -> RunDirectory:
    shutil.copytree(run.path, path)
    return RunDirectory(path)


def compress(run: RunDirectory, settings: Settings = SETTINGS, teacher: Path | None = None):
    def load(values: DataFlags) -> Dataset:
        return folder_of_words.load(Path(values.data_dir), "words")

    data = RunData(run, load, run.path.parent / "cache")
    return stage.compress(run, data, settings, teacher, to_int8=int8.convert)


@pytest.fixture(scope="module")
def compressed(trained, tmp_path_factory) -> RunDirectory:
    run = copy(trained, tmp_path_factory.mktemp("compressed") / "run")
    compress(run)
    return run


def weights(run: RunDirectory) -> list[np.ndarray]:
    return loading.load(run / "compressed.keras").get_weights()


def test_the_result_has_the_architecture_and_the_zeros(trained, compressed):
    before = loading.load(trained / "float.keras")
    after = loading.load(compressed / "compressed.keras")
    assert after.get_config() == before.get_config()
    for name in ("stem", "pointwise", "classifier"):
        kernel = after.get_layer(name).get_weights()[0]
        masked = compressed.stage(CompressRecord).zeros[name]
        assert abs(masked / kernel.size - 0.5) < 0.05, name
        assert (kernel == 0).sum() == masked
    assert (compressed / "float.keras").read_bytes() == (trained / "float.keras").read_bytes()


def test_settings_and_what_came_of_them_are_recorded(compressed):
    record = compressed.stage(CompressRecord)
    assert record.recipes == ("prune_qat",) and record.sparsity == 0.5
    assert record.zeros.keys() == {"stem", "pointwise", "classifier"}
    history = json.loads((compressed / "compression" / "history.json").read_text())
    assert [r["epoch"] for r in history] == [1, 2, 3, 4]
    assert [r["phase"] for r in history] == ["prune", "prune", "qat", "qat"]
    assert record.val_accuracy == history[-1]["val_accuracy"]


def test_the_simulation_runs_from_the_files(compressed):
    engine = KerasQuantized(compressed / "compressed.keras", compressed / "quantization.json")
    features = np.random.default_rng(0).normal(-5, 3, (6, 40, 101, 1)).astype(np.float32)
    simulated = engine.run(features).logits
    exact = inference.logits(loading.load(compressed / "compressed.keras"), features)
    assert simulated.shape == exact.shape and np.any(simulated != exact)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_an_interrupted_compression_goes_on_as_if_nothing_had_happened(
    trained, compressed, tmp_path, monkeypatch, epoch
):
    """In the first phase, between the two, in the second: the same bits."""
    run = copy(trained, tmp_path / "run")
    batches = stage.pipeline.training_batches

    def interrupted(*arguments, **how):
        if arguments[-1] == stage._FIRST_EPOCH + epoch:
            raise KeyboardInterrupt
        return batches(*arguments, **how)

    with monkeypatch.context() as patch:
        patch.setattr(stage.pipeline, "training_batches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compress(run)
    assert not (run / "compressed.keras").exists()
    compress(run)
    for mine, other in zip(weights(run), weights(compressed), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert read_ranges(run / "quantization.json") == read_ranges(compressed / "quantization.json")


def test_the_same_command_again_changes_nothing_and_another_is_refused(compressed, tmp_path):
    run = copy(compressed, tmp_path / "run")
    compress(run)
    for mine, other in zip(weights(run), weights(compressed), strict=True):
        np.testing.assert_array_equal(mine, other)
    with pytest.raises(UserError, match=r"\(--sparsity: 0\.5 recorded, 0\.6 given\)"):
        compress(run, dataclasses.replace(SETTINGS, sparsity=0.6))
    for mine, other in zip(weights(run), weights(compressed), strict=True):
        np.testing.assert_array_equal(mine, other)


def done(run: RunDirectory, settings: Settings = SETTINGS) -> CompressRecord | None:
    clips = run.stage(CompressRecord).training_clips
    return request.finished(run, settings, clips, None)


def test_a_finished_compression_is_found_without_its_network(compressed, tmp_path):
    run = copy(compressed, tmp_path / "run")
    assert done(run) == run.stage(CompressRecord)
    again = keras_file.digest(run / "float.keras")
    loading.load(run / "float.keras").save(run / "float.keras")  # with another date
    assert keras_file.digest(run / "float.keras") == again and done(run) is not None
    with pytest.raises(UserError, match=r"--sparsity: 0\.5 recorded, 0\.6 given"):
        done(run, dataclasses.replace(SETTINGS, sparsity=0.6))
    small_model(seed=5).save(run / "float.keras")
    with pytest.raises(UserError, match=r"\(another float\.keras\); delete .*, or use a copy of"):
        done(run)
    shutil.copy(compressed / "float.keras", run / "float.keras")
    (run / "compressed.keras").write_bytes(b"")
    assert done(run) is None


def test_older_runs_know_models_by_their_whole_files(compressed, tmp_path):
    run = copy(compressed, tmp_path / "run")
    whole = hashlib.sha256((run / "float.keras").read_bytes()).hexdigest()
    record = dataclasses.replace(run.stage(CompressRecord), float_model=whole, files=None)
    run.record(record)
    path = run / "compression" / "settings.json"
    files.write_json(path, files.read_json(path) | {"float_model": whole})
    for state in (run / "compression").glob("*/checkpoints/state.json"):
        content = files.read_json(state)
        content["fingerprint"]["float_model"] = whole
        files.write_json(state, content)
    assert done(run) == record
    compress(run)  # and their checkpoints are continued
    for mine, other in zip(weights(run), weights(compressed), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_budget_is_met_and_the_same_command_goes_on_with_it(trained, tmp_path, monkeypatch):
    run = copy(trained, tmp_path / "run")
    settings = dataclasses.replace(SETTINGS, sparsity=0.8, target_nonzero_kb=1.17, epochs=2)
    compress(run, settings)
    record = run.stage(CompressRecord)
    assert record.target_nonzero_kb == 1.17 and 0.0 < record.sparsity < 0.99
    assert run.target_nonzero_kb() == 1.17
    clips = np.random.default_rng(0).normal(-5, 3, (20, 40, 101, 1)).astype(np.float32)
    data = int8.convert(loading.load(run / "compressed.keras"), clips)
    size = sparsity.parameter_size(tflite_model.parse(data, "model"))
    assert 0.98 * 1.17 < size.nonzero_kb <= 1.17
    before = weights(run)
    monkeypatch.setattr(int8, "convert", None)  # the measurement is stored
    compress(run, settings)
    for mine, other in zip(weights(run), before, strict=True):
        np.testing.assert_array_equal(mine, other)
    with pytest.raises(UserError, match=r"\(--target_nonzero_kb: 1\.17 recorded, 1\.19 "):
        compress(run, dataclasses.replace(settings, target_nonzero_kb=1.19))


def test_an_unreachable_budget_is_reported_before_training(trained, tmp_path):
    run = copy(trained, tmp_path / "run")
    with pytest.raises(UserError, match=r"102 bytes are out of reach: of .* be at least 1\.2"):
        compress(run, dataclasses.replace(SETTINGS, target_nonzero_kb=0.1))
    assert not (run / "compressed.keras").exists()


def test_a_run_can_teach_itself(trained, tmp_path):
    run = copy(trained, tmp_path / "run")
    settings = Settings(("prune",), epochs=1, batch_size=4, teacher=teachers.digest(run, run))
    compress(run, settings, run / "float.keras")
    assert run.stage(CompressRecord).teacher == run.stage(CompressRecord).float_model


def test_a_float_recipe_leaves_no_ranges_behind(trained, tmp_path):
    run = copy(trained, tmp_path / "run")
    (run / "quantization.json").write_text("{}")
    compress(run, dataclasses.replace(SETTINGS, recipes=("prune",), epochs=1))
    assert not (run / "quantization.json").exists()
    assert run.model_to_convert() == run / "compressed.keras"


def test_a_teacher_teaches_and_keeps_its_bytes(trained, sounds, tmp_path):
    teacher = as_trained(tmp_path / "teacher", sounds, small_model(seed=1, channels=9))
    run = copy(trained, tmp_path / "run")
    before = (teacher / "float.keras").read_bytes()
    digest = teachers.digest(run, teacher)
    settings = Settings(("qkd",), epochs=3, batch_size=4, teacher=digest)
    compress(run, settings, teacher / "float.keras")
    assert (teacher / "float.keras").read_bytes() == before
    assert run.stage(CompressRecord).teacher == digest


def test_teachers_that_do_not_fit_are_refused(trained, sounds, tmp_path):
    other = as_trained(tmp_path / "front", sounds, small_model(), FrontendConfig(padding="reflect"))
    with pytest.raises(UserError, match=r"a different front-end from .* \(padding\); train the"):
        teachers.digest(trained, other)
    files.write_text(other / "labels.txt", "a\nb\nc\n")
    with pytest.raises(
        UserError, match=r"has different labels from .*; train the teacher on the same"
    ):
        teachers.digest(trained, other)
    (other / "float.keras").unlink()
    with pytest.raises(UserError, match=r"float\.keras is missing; make it with: python -m pipel"):
        teachers.digest(trained, other)


def test_a_network_for_streams_is_told_that_it_is_compressed_on_clips(trained, tmp_path, caplog):
    run = copy(trained, tmp_path / "run")
    before = run.stage(TrainRecord)
    streams = StreamTraining(("lamp",), None, None, (), (), 1, 1, {}, {}, "0")
    run.record(dataclasses.replace(before, streams=streams))
    with caplog.at_level(logging.WARNING):
        compress(run, dataclasses.replace(SETTINGS, recipes=("finetune",), epochs=1))
    assert "trained on streams, and is compressed on single clips (" in caplog.text


def test_too_few_epochs_and_an_unknown_layer_are_reported_before_work(trained, sounds, tmp_path):
    run = copy(trained, tmp_path / "run")
    with pytest.raises(UserError, match=r"--epochs=1 is too few for 2 phases \(prune, qat\)"):
        compress(run, dataclasses.replace(SETTINGS, epochs=1))
    inputs = keras.Input((40, 101, 1))
    x = layers.GlobalAveragePooling2D()(layers.LayerNormalization(name="odd")(inputs))
    odd = as_trained(tmp_path / "odd", sounds, keras.Model(inputs, layers.Dense(3)(x)))
    with pytest.raises(UserError, match="layer 'odd' is a 'LayerNormalization', which edge"):
        compress(odd)
    for one in (run, odd):
        assert not (one / "compression").exists() and not (one / "compressed.keras").exists()


def test_a_model_of_keras_3_is_refused_in_one_line(trained, tmp_path):
    """Written by the Keras 3 that ships with TensorFlow."""
    run = copy(trained, tmp_path / "run")
    code = (
        "import sys, keras; assert keras.__version__[0] == '3';"
        "m = keras.Sequential([keras.Input((40, 101, 1)), keras.layers.Flatten(),"
        "keras.layers.Dense(3)]); m.save(sys.argv[1])"
    )
    (run / "float.keras").unlink()
    subprocess.run([sys.executable, "-c", code, str(run / "float.keras")], check=True)
    with pytest.raises(UserError, match=r"float\.keras is not a model of tf-keras .*Keras 3"):
        compress(run)
    assert not (run / "compression").exists()


@pytest.mark.parametrize(
    "content", ["{}", '{"ranges": []}', '{"ranges": {"a": [1, 2]}}', '{"ranges": {"a": [0, "x"]}}']
)
def test_ranges_that_are_none_are_refused(tmp_path, content):
    (tmp_path / run_dir.QUANTIZATION).write_text(content)
    with pytest.raises(UserError, match=r"does not contain ranges; run pipelines\.compress again"):
        read_ranges(tmp_path / run_dir.QUANTIZATION)
