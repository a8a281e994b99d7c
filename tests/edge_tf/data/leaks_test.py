"""Sound in two splits or under two labels is counted, whatever its files are called."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edge_tf import records
from edge_tf.data import leaks, likeness, waveform_cache
from edge_tf.data.dataset import SPLITS, Clip, Dataset
from edge_tf.data.words import folder_of_words
from edge_tf.run_records import DataChecks
from tests.edge_tf.audio.wav_files import write
from tests.edge_tf.data.likeness_test import RATE, babble


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    """Two words, three clips of each in each split, all different; and silence."""
    sounds = iter(babble(18) / 32_768)
    splits = {}
    for split in SPLITS:
        names = [
            (label, f"{word}/{split}{n}.wav")
            for label, word in ((1, "a"), (2, "b"))
            for n in range(3)
        ]
        for _, name in names:
            write(tmp_path / "data" / name, next(sounds))
        splits[split] = (Clip(0, ""), *(Clip(label, name) for label, name in names))
    return Dataset(tmp_path / "data", ("_silence_", "a", "b"), splits, (), "")


def check(dataset: Dataset) -> DataChecks:
    cache = dataset.root.parent / "cache"
    splits = {s: waveform_cache.load(dataset, s, RATE, RATE, cache) for s in SPLITS}
    return leaks.check(dataset, splits, RATE, cache)


def replace(dataset: Dataset, name: str, by: str, gain: float = 1.0, **form: int) -> None:
    """A copy of a clip, in other bytes."""
    sound = np.frombuffer((dataset.root / by).read_bytes()[44:], "<i2") / 32_767 * gain
    write(dataset.root / name, sound, **form)


def test_different_clips_are_all_well(dataset):
    checks = check(dataset)
    assert checks == DataChecks(clips=dict.fromkeys(SPLITS, 7), notes={s: {} for s in SPLITS})
    assert leaks.sentences(checks) == []


def test_equal_and_altered_copies_in_other_splits_are_counted_and_named(dataset, caplog):
    for number in range(2):
        replace(dataset, f"a/testing{number}.wav", f"a/training{number}.wav", bits=24)
    replace(dataset, "b/testing0.wav", "b/training2.wav", gain=0.3)
    replace(dataset, "b/testing1.wav", "b/validation1.wav")
    checks = check(dataset)
    [training, validation] = checks.shared
    assert (training.equal, training.alike, training.clips) == (2, 1, 6)
    assert training.example == ("a/testing0.wav", "a/training0.wav")
    assert (validation.split, validation.other) == ("testing", "validation")
    assert (validation.equal, validation.alike) == (1, 0)
    leaks.warn(checks)
    assert (
        "3 of 6 testing clips are copies of training clips (2 equal, 1 shifted, louder or "
        "compressed), such as a/testing0.wav of a/training0.wav"
    ) in caplog.text
    assert records.from_json(records.to_json(checks), DataChecks, "") == checks


def test_a_test_folder_that_is_the_training_data_is_told(dataset):
    kept = dataclasses.replace(dataset, labels=("a", "b"), splits={s: () for s in SPLITS})
    tested = folder_of_words.with_test_folder(kept, dataset.root).splits["testing"]
    clips = tuple(dataclasses.replace(clip, label=clip.label + 1) for clip in tested)
    checks = check(dataclasses.replace(dataset, splits={**dataset.splits, "testing": clips}))
    by_pair = {(one.split, one.other): one.equal for one in checks.shared}
    assert by_pair == {("testing", "training"): 6, ("testing", "validation"): 6}


def test_equal_clips_with_two_labels_and_repeated_ones_are_told(dataset):
    replace(dataset, "b/training0.wav", "a/training0.wav")
    replace(dataset, "a/validation2.wav", "a/validation1.wav")
    checks = check(dataset)
    assert checks.other_labels == 2 and checks.shared == ()
    assert checks.other_labels_example == ("a/training0.wav", "b/training0.wav")
    assert checks.repeated == {"training": 1, "validation": 1}
    told = leaks.sentences(checks)
    assert told[0].startswith("2 clips are equal to a clip with another label, such as a/tr")
    assert "1 of 7 validation clips repeat another of them" in told


def test_clips_without_sound_are_faults_and_no_copies(dataset):
    for split in SPLITS:
        write(dataset.root / f"a/{split}0.wav", np.zeros(RATE))
    checks = check(dataset)
    assert checks.shared == () and checks.other_labels == 0 and checks.repeated == {}
    assert "testing: 1 of 7 clips without sound (a 1)" in leaks.sentences(checks)


def test_versions_for_simulated_devices_are_no_copies(dataset):
    clips = dataset.splits["testing"]
    versions = tuple(dataclasses.replace(clip, simulated=1) for clip in clips if clip.path)
    splits = {**dataset.splits, "testing": (*clips, *versions)}
    checks = check(dataclasses.replace(dataset, splits=splits))
    assert checks.shared == () and checks.repeated == {}


def test_noise_that_training_adds_and_the_test_has_is_counted_by_content(dataset):
    write(dataset.root / "n" / "one.wav", babble(1, seed=9)[0] / 32_768)
    write(dataset.root / "n" / "other name.wav", babble(1, seed=9)[0] / 32_768)
    write(dataset.root / "n" / "two.wav", babble(1, seed=8)[0] / 32_768)
    clips = (*dataset.splits["testing"], Clip(0, "n/other name.wav", start=0.0, gain=0.5))
    noisy = dataclasses.replace(
        dataset, splits={**dataset.splits, "testing": clips}, noise=("n/one.wav", "n/two.wav")
    )
    checks = check(noisy)
    assert (checks.noise, checks.noise_in_test) == (2, 1)
    [told] = leaks.sentences(checks)
    assert told == (
        "silence in the test, and noise in a stream test, is cut from 1 of the 2 noise recordings "
        "that training adds to clips"
    )


def test_a_check_is_made_once_and_again_if_something_changed(dataset, monkeypatch):
    first = check(dataset)
    with monkeypatch.context() as patch:
        patch.setattr(likeness, "summaries", None)
        assert check(dataset) == first
    replace(dataset, "a/testing0.wav", "a/training0.wav")
    assert len(check(dataset).shared) == 1
    [kept, _] = sorted(
        (dataset.root.parent / "cache").glob("checks-*"), key=lambda path: path.stat().st_mtime_ns
    )
    kept.write_text("{")
    replace(dataset, "a/testing0.wav", "b/testing2.wav")
    assert check(dataset).repeated == {"testing": 1}


def test_real_clips_of_other_speakers_are_no_copies(real_data, tmp_path):
    whole = folder_of_words.load(Path(real_data), "words", ["yes", "no", "marvin"])
    splits = {
        split: tuple(clip for clip in clips if whole.labels[clip.label] in ("yes", "no", "marvin"))
        for split, clips in whole.splits.items()
    }
    dataset = dataclasses.replace(whole, splits=splits)
    decoded = {s: waveform_cache.load(dataset, s, RATE, RATE, tmp_path) for s in SPLITS}
    assert len(decoded["testing"].labels) > 60
    assert leaks.check(dataset, decoded, RATE, tmp_path).shared == ()
