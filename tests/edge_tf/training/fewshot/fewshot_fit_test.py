"""Training on episodes as a whole, with a network of one convolution on clips of tones."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from edge_tf import keras_file, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import waveform_cache
from edge_tf.data.dataset import SPLITS
from edge_tf.data.words import fewshot_words
from edge_tf.errors import UserError
from edge_tf.fewshot import dummies_file, episodes
from edge_tf.models import loading
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import EpisodeShape, FewShotTraining, ModelConfig, TrainingSettings
from edge_tf.training.fewshot import fewshot_fit
from edge_tf.training.fewshot.episode_batches import EpisodeBatches
from edge_tf.training.fitted import Fitted
from edge_tf.training.request import Request
from tests.edge_tf import recorded
from tests.edge_tf.data.words.word_folders import make

WORDS = tuple(word for split in SPLITS for word in fewshot_words.WORDS[split])
SHAPE = EpisodeShape(ways=3, shots=2, queries=6, unknown=7)
EXTRA = 4  # auxiliary clips
FRONTEND = FrontendConfig(clip_samples=1600)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple:
    """The data set and its decoded splits: 16 clips a word and split."""
    folder = tmp_path_factory.mktemp("few")
    root = make(folder / "words", (*WORDS, "tree"), takes=8)
    dataset = fewshot_words.load(root, fewshot_words.Options(auxiliary=(root,)))
    splits = {
        split: waveform_cache.load(dataset, split, 16_000, FRONTEND.clip_samples, folder / "cache")
        for split in SPLITS
    }
    return dataset, splits


def ask(data: tuple, method: str = "dproto", auxiliary: bool = True, **changes) -> Request:
    dataset, splits = data
    fewshot = FewShotTraining(
        method=method,
        shape=SHAPE,
        steps=3,
        test_digest=episodes.of_test(
            splits["testing"].labels, splits["testing"].names, dataset.labels
        ).digest,
        auxiliary_classes=11 * auxiliary,
        auxiliary_clips=EXTRA * auxiliary,
        **changes,
    )
    record = recorded.trained(
        data=recorded.data_flags(dataset.root, task="fewshot", auxiliary=(str(dataset.root),)),
        data_fingerprint={split: clips.fingerprint for split, clips in splits.items()},
        labels=dataset.labels,
        frontend=FRONTEND,
        model=ModelConfig("bc_resnet", embedding=True),
        recipe=TrainingSettings(
            2, 19 + EXTRA * auxiliary, 0.01, weight_decay=0.0, optimizer="adam"
        ),
        fewshot=fewshot,
    )
    return Request(record, dataset, splits)


def network(name: str, num_classes: None, input_shape: tuple, **_) -> keras.Model:
    inputs = keras.Input(input_shape)
    rows = keras.layers.Conv2D(6, (40, 3), activation="relu")(inputs)
    dropped = keras.layers.SpatialDropout2D(0.2)(rows)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(dropped))


def fit(data: tuple, folder: Path, stop: int = -1, **asked) -> Fitted:
    """Fits in a folder; `stop`: interrupted at the beginning of that epoch, from 0."""
    whole = EpisodeBatches.epoch

    def epoch(self, number, *arguments):
        if number == stop:
            raise KeyboardInterrupt
        return whole(self, number, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fewshot_fit, "build_model", network)
        patch.setattr(EpisodeBatches, "epoch", epoch)
        return fewshot_fit.fit(RunDirectory(folder).create(), ask(data, **asked))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> tuple[Path, Fitted]:
    """Dummy prototypes with an auxiliary classifier: the run and what it gave."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, fit(data, folder)


def test_an_interrupted_training_ends_as_if_it_had_not_been(data, whole, tmp_path):
    """With all that learns: network, dummies, auxiliary classifier, noise and dropout."""
    folder, fitted = whole
    with pytest.raises(KeyboardInterrupt):
        fit(data, tmp_path / "run", stop=1)
    resumed = fit(data, tmp_path / "run")
    for mine, theirs in zip(fitted.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [e.val_accuracy for e in fitted.history] == [e.val_accuracy for e in resumed.history]
    kept = [(one / run_dir.DUMMIES).read_bytes() for one in (folder, tmp_path / "run")]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("method", ["proto", "triplet"])
def test_what_only_training_needs_is_not_in_the_network(data, whole, tmp_path, method):
    """Neither dummies nor auxiliary classifier: what is deployed has the same layers and sizes."""
    fitted = fit(data, tmp_path / "run", method=method, auxiliary=False)
    assert not (tmp_path / "run" / run_dir.DUMMIES).exists()
    assert all(0.0 <= epoch.val_accuracy <= 1.0 for epoch in fitted.history)
    sizes = []
    for name, model in (("theirs", whole[1].model), ("mine", fitted.model)):
        keras_file.save(model, tmp_path / f"{name}.keras")
        loaded = loading.load(tmp_path / f"{name}.keras")
        sizes.append([weight.shape for weight in loaded.weights])
    assert sizes[0] == sizes[1]


def test_a_batch_has_the_labels_of_its_clips(data):
    dataset, splits = data
    request = ask(data)
    clips, fewshot = splits["training"], request.record.fewshot
    words = fewshot_fit.Words(
        clips.labels, clips.names, dataset.labels, SHAPE, fewshot_words.WORDS["training"]
    )
    batches = EpisodeBatches(clips, words, fewshot, seed=0)
    rows, labels = batches.chosen(1, 2)
    assert labels.shape == (19 + EXTRA, batches.columns) and batches.columns == 3 + 11
    asked = labels.any(axis=1)
    assert not asked[:6].any() and asked[6:12].all() and not asked[12:19].any()
    assert asked[19:].all()
    takes = clips.labels[rows[:6]].reshape(3, 2)
    assert np.array_equal(clips.labels[rows[6:12]], takes[labels[6:12].argmax(axis=1), 0])
    trained = np.unique(clips.labels)
    assert np.array_equal(clips.labels[rows[19:]], trained[labels[19:].argmax(axis=1) - 3])
    assert "tree" in {dataset.labels[at] for at in trained}
    assert "tree" not in words.words
    again, _ = EpisodeBatches(clips, words, fewshot, seed=0).chosen(1, 2)
    assert np.array_equal(rows, again)


def test_a_network_without_an_embedding_is_refused(data, tmp_path):
    asked = ask(data)
    record = dataclasses.replace(asked.record, model=ModelConfig("ds_cnn", embedding=True))
    with pytest.raises(UserError, match="ds_cnn has no embedding; use --model=bc_resnet"):
        fewshot_fit.fit(RunDirectory(tmp_path / "run").create(), Request(record, *data))


def test_damaged_dummies_are_told(data, whole, tmp_path):
    run = RunDirectory(shutil.copytree(whole[0], tmp_path / "run"))
    run.record(ask(data).record)
    assert dummies_file.recogniser_of(run).temperature == 3.0
    content = (run / run_dir.DUMMIES).read_bytes()
    (run / run_dir.DUMMIES).write_bytes(content[:200])
    with pytest.raises(UserError, match="does not hold the weights of dummy prototypes"):
        dummies_file.recogniser_of(run)
