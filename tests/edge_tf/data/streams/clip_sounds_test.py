"""Sound of recorded words by splits: clips as the data set divides them, and no sound in two."""

import logging
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio import simulation
from edge_tf.data import waveform_cache
from edge_tf.data.dataset import SPLITS, Dataset, Split
from edge_tf.data.streams import clip_sounds, wake_sounds
from edge_tf.data.streams.mixing import RATE
from edge_tf.data.streams.targets import Classes
from edge_tf.data.streams.wake_sounds import Folders, WakeSounds
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.data.words import folder_of_words
from edge_tf.errors import UserError
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, WORD_HZ, melody, write
from tests.edge_tf.data.words.word_folders import SPEAKERS

WORDS = ("go", "left")


@pytest.fixture(autouse=True)
def short_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_sounds, "_SYNTHETIC_NOISE_S", 1)


def clip(hertz: tuple[float, ...], seed: int, before: float, level: float = 1.0) -> np.ndarray:
    """0.3 s of a melody in a second of faint noise."""
    sound = np.random.default_rng(seed).normal(0, 20, RATE)
    begin = round(before * RATE)
    sound[begin : begin + round(0.3 * RATE)] += level * melody(hertz, 0.3, seed)
    return np.rint(sound).astype(np.int16)


def make(root: Path) -> Path:
    """Two words and another one, by all speakers, and ten seconds of noise."""
    for number, word in enumerate((*WORDS, "house")):
        hertz = OTHER_HZ if word == "house" else tuple(one + 100.0 * number for one in WORD_HZ)
        for at, speaker in enumerate(name for names in SPEAKERS.values() for name in names):
            sound = clip(hertz, 10 * number + at, 0.1 * (at + 1), 1.0 / (1 + at))
            write(root / word / f"{speaker}_nohash_0.wav", sound)
    noise = np.arange(10 * RATE) % 30_000
    write(root / "_background_noise_" / "fan.wav", noise.astype(np.int16))
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("words"))


def dataset_of(folder: Path) -> Dataset:
    return folder_of_words.load(folder, "words", WORDS)


def clips_of(dataset: Dataset, cache: Path, split: Split = "training") -> Waveforms:
    return waveform_cache.load(dataset, split, RATE, RATE, cache)


def load(folder: Path, cache: Path, split: Split, folders: Folders | None = None) -> WakeSounds:
    dataset = dataset_of(folder)
    classes = Classes.of(dataset.labels)
    given = folders or Folders(None, WORDS)
    return clip_sounds.load(dataset, clips_of(dataset, cache, split), classes, given, split)


def test_each_split_has_its_own_clips_of_each_word(folder, tmp_path):
    seen: set[bytes] = set()
    for split in SPLITS:
        sounds = load(folder, tmp_path, split)
        assert [(len(clips), len(more)) for clips, more in sounds.words] == [(2, 0)] * 2
        assert {kind: len(bank) for kind, bank in sounds.others.items()} == {"other words": 2}
        assert len(sounds.hard) == 0
        banks = [*(clips for clips, _ in sounds.words), sounds.others["other words"]]
        mine = {bank[i].tobytes() for bank in banks for i in range(len(bank))}
        assert len(mine) == 6 and not mine & seen
        seen |= mine


def test_clips_are_the_words_without_what_is_around_them_at_one_level(folder, tmp_path):
    for bank, _ in load(folder, tmp_path, "training").words:
        for at in range(len(bank)):
            word = bank[at]
            assert 0.3 * RATE <= len(word) <= 0.33 * RATE
            assert simulation.active_rms(word, RATE) == pytest.approx(0.1, rel=0.01)
            assert word[0] == 0 and word[-1] == 0


def test_recordings_of_noise_are_divided_by_time(folder, tmp_path):
    parts = {split: clip_sounds.noise_of(dataset_of(folder), split) for split in SPLITS}
    values = [part for split in SPLITS for part in parts[split]]
    assert [len(part) for part in values] == [7 * RATE, 1.5 * RATE, 1.5 * RATE]
    np.testing.assert_array_equal(np.concatenate(values), np.arange(10 * RATE) % 30_000)
    for split in SPLITS:
        noise = load(folder, tmp_path, split).noise
        np.testing.assert_array_equal(noise.samples[: noise.starts[1]], parts[split][0])
        assert len(noise) == 20  # and nineteen synthetic ones


def test_other_sound_comes_beside_the_other_words(folder, tmp_path):
    for number in range(12):
        write(tmp_path / "radio" / f"{number}.wav", melody(OTHER_HZ, 0.5, number))
    write(tmp_path / "hard" / "0.wav", melody(WORD_HZ, 0.5, 99))
    folders = Folders(None, WORDS, negatives=(tmp_path / "radio",), hard=(tmp_path / "hard",))
    counts = {}
    for split in SPLITS:
        sounds = load(folder, tmp_path / "cache", split, folders)
        assert set(sounds.others) == {"other words", "radio"}
        counts[split] = len(sounds.others["radio"])
        assert len(sounds.hard) == (split == "training")
        sounds.sounds()  # a mixer can draw from it
    assert sum(counts.values()) == 12 and counts["training"] > counts["validation"]


def test_other_words_are_listened_to_one_by_one(folder, tmp_path):
    """Said without a pause they would hold what nobody says."""
    sounds = load(folder, tmp_path, "training")
    spoken, heard = sounds.others["other words"], sounds.heard()["other words"]
    pause = round(0.8 * RATE)
    for at in range(len(spoken)):
        np.testing.assert_array_equal(heard[at][: len(spoken[at])], spoken[at])
        assert not heard[at][len(spoken[at]) :].any()
        assert len(heard[at]) == len(spoken[at]) + pause


# Facts


def facts(folder: Path, cache: Path) -> wake_sounds.Facts:
    dataset = dataset_of(folder)
    clips, classes = clips_of(dataset, cache), Classes.of(dataset.labels)
    return clip_sounds.facts(dataset, clips, classes, Folders(None, WORDS), cache)


def test_facts_tell_what_is_trained_on(folder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = facts(folder, tmp_path)
    assert found.spoken == {"go": 2, "left": 2}
    assert set(found.hours) == {"other words"}
    assert "silent" not in caplog.text


def test_the_digest_is_that_of_the_noise(folder, tmp_path):
    """Clips have a fingerprint of their own."""
    first = facts(folder, tmp_path / "cache").digest
    other = make(tmp_path / "other")
    assert facts(other, tmp_path / "cache").digest == first
    write(other / "_background_noise_" / "fan.wav", np.ones(10 * RATE, np.int16))
    assert facts(other, tmp_path / "cache").digest != first


def test_recorded_rooms_come_along_and_count(folder, tmp_path):
    for number in range(30):
        write(tmp_path / "rooms" / f"{number}.wav", np.array([9000, 3000, number], np.int16))
    given = Folders(None, WORDS, rooms=tmp_path / "rooms")
    counts = [len(load(folder, tmp_path / "cache", split, given).rooms) for split in SPLITS]
    assert sum(counts) == 30 and counts[0] > counts[1] > 0
    sounds = load(folder, tmp_path / "cache", "training", given)
    assert len(sounds.sounds().rooms) == counts[0]
    dataset = dataset_of(folder)
    clips, classes = clips_of(dataset, tmp_path / "cache"), Classes.of(dataset.labels)
    digests = set()
    for folders in (Folders(None, WORDS), given, given):
        digests.add(clip_sounds.facts(dataset, clips, classes, folders, tmp_path / "cache").digest)
    assert len(digests) == 2


def test_silent_clips_are_left_out_and_counted(tmp_path, caplog):
    folder = make(tmp_path / "words")
    silent = folder / "go" / f"{SPEAKERS['training'][0]}_nohash_0.wav"
    write(silent, np.zeros(RATE, np.int16))
    with caplog.at_level(logging.WARNING):
        assert facts(folder, tmp_path / "cache").spoken == {"go": 1, "left": 2}
    assert f"{folder}: 1 training clips of words are silent and left out" in caplog.text


def test_a_word_of_silent_clips_is_one_line(tmp_path):
    folder = make(tmp_path / "words")
    for speaker in SPEAKERS["validation"]:
        write(folder / "left" / f"{speaker}_nohash_0.wav", np.zeros(RATE, np.int16))
    with pytest.raises(UserError, match="all validation clips of 'left' are silent; record them"):
        load(folder, tmp_path / "cache", "validation")
