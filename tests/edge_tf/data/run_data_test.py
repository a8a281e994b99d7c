"""The data of a run: found again as it was, or refused."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_tf import files
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import clip_list, waveform_cache
from edge_tf.data.dataset import SPLITS, Split
from edge_tf.data.run_data import RunData, spread_over_labels
from edge_tf.data.scenes import scene_sets
from edge_tf.data.words import folder_of_words
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import TrainRecord
from tests.edge_tf import recorded
from tests.edge_tf.audio.wav_files import tone, write
from tests.edge_tf.data.scenes.scene_folders import TRAINING_DEVICES, make_tau
from tests.edge_tf.data.words.word_folders import make


def load_dataset(values):
    return folder_of_words.load(Path(values.data_dir), "words")


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    """A run as training leaves it, but for the model."""
    root = make(tmp_path / "data", ("größe", "turn on"))
    dataset = load_dataset(recorded.data_flags(root))
    cache = tmp_path / "cache"
    run = RunDirectory(tmp_path / "run").create()
    files.write_text(run / "labels.txt", "".join(f"{label}\n" for label in dataset.labels))
    files.write_json(run / "frontend.json", {"frontend": FrontendConfig().to_dict()})
    splits = {s: waveform_cache.load(dataset, s, 16_000, 16_000, cache) for s in SPLITS}
    prints = {split: waves.fingerprint for split, waves in splits.items()}
    clip_list.save(run / "clips.json", splits, dataset.labels)
    run.record(recorded.trained(data=recorded.data_flags(root), data_fingerprint=prints))
    return run


def find(run: RunDirectory) -> RunData:
    return RunData(run, load_dataset, run.path.parent / "cache")


def test_the_data_is_found_again(run):
    data = find(run)
    assert data.labels == ["_silence_", "größe", "turn on"]
    for split in ("training", "validation", "testing"):
        assert len(data.clips(split).labels) == 6
    assert [len(noise) for noise in data.noise()] == [24_000]


def test_the_devices_of_the_training_are_told_where_they_are_known(run, tmp_path):
    assert find(run).training_devices() == ()
    root = make_tau(tmp_path / "tau")
    files.write_text(run / "labels.txt", "airport\nstreet_traffic\n")
    run.record(recorded.trained(data=recorded.data_flags(root)))
    data = RunData(run, lambda values: scene_sets.load(Path(values.data_dir)), tmp_path)
    assert data.training_devices() == TRAINING_DEVICES


def clip_of(run: RunDirectory, split: Split) -> Path:
    """A clip of a word in a split."""
    dataset = find(run)._dataset
    name = next(clip.path for clip in dataset.splits[split] if clip.path and clip.start is None)
    return dataset.root / name


@pytest.mark.parametrize("split", SPLITS)
def test_changed_clips_are_refused_and_touched_ones_are_not(run, split):
    """Of each split: a stage reads only some of them."""
    path = clip_of(run, split)
    os.utime(path, ns=(1, 1))
    find(run).clips(split)
    sound = path.read_bytes()
    write(path, tone(999))
    name = path.relative_to(run.path.parent / "data")
    what = rf"{split} clips in .* since training: 1 changed, such as {name}, which has another"
    with pytest.raises(UserError, match=what) as caught:
        find(run).clips(split)
    assert "restore them, name where they are now with --data_dir, or train" in str(caught.value)
    shutil.copytree(run.path.parent / "data", run.path.parent / "moved")
    moved = run.path.parent / "moved" / name
    moved.write_bytes(sound)
    remedied = RunData(
        run, lambda _: load_dataset(recorded.data_flags(moved.parents[1])), run.path.parent
    )
    assert len(remedied.clips(split).labels) == 6
    path.write_bytes(sound)
    find(run).clips(split)


def test_what_changed_is_told_without_a_list_of_clips_and_with_lists(run):
    """Older runs have no list. Runs with lists and a test set have more than one place."""
    trained = run.stage(TrainRecord)
    data = dataclasses.replace(trained.data, split_lists="/lists", test_dir="/tests")
    run.record(dataclasses.replace(trained, data=data))
    (run / "clips.json").unlink()
    write(clip_of(run, "testing"), tone(999))
    with pytest.raises(UserError) as caught:
        find(run).clips("testing")
    assert "have changed since training; restore" in str(caught.value)
    assert "with --data_dir or --split_lists or --test_dir" in str(caught.value)


def test_a_split_is_decoded_once_per_stage(run):
    data = find(run)
    assert data.clips("testing") is data.clips("testing")


def test_changed_labels_are_refused(run):
    shutil.rmtree(run.path.parent / "data" / "turn on")
    with pytest.raises(UserError, match=r"no longer has the labels in .*labels\.txt"):
        find(run)


@pytest.mark.parametrize("name", ["labels.txt", "frontend.json"])
def test_a_missing_file_of_the_training_names_its_command(run, name):
    (run / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing; make it with: .*pipelines\.train"):
        find(run)


def test_an_unfinished_training_and_a_damaged_record_are_told(run):
    config = json.loads((run / "config.json").read_text())
    del config["stages"]["train"]["data"]
    files.write_json(run / "config.json", config)
    with pytest.raises(UserError, match="stage train: Object missing required field `data`"):
        find(run)
    files.write_json(run / "config.json", {"format_version": 1, "stages": {}})
    with pytest.raises(UserError, match="no finished stage 'train'"):
        find(run)


def test_clips_are_spread_evenly_and_by_seed():
    labels = np.repeat([0, 1, 2], [100, 10, 3])
    rows = spread_over_labels(labels, 23)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert np.bincount(labels[rows]).tolist() == [10, 10, 3]
    assert spread_over_labels(labels, 23).tolist() == rows.tolist()
    assert spread_over_labels(labels, 23, seed=1).tolist() != rows.tolist()
    assert spread_over_labels(labels, 1000).tolist() == list(range(113))
