"""Windows cut from streams: as many of each class as there should be, the word just behind them."""

import csv
import wave
from pathlib import Path

import numpy as np
import pytest

from edge_tf.data.dataset import SPLITS
from edge_tf.data.streams import mixing, wake_sounds, wake_windows
from edge_tf.data.streams.mixing import RATE
from edge_tf.data.streams.wake_sounds import Folders
from edge_tf.data.words import split_lists
from edge_tf.errors import UserError
from tests.edge_tf.data.streams import wake_folders
from tests.edge_tf.data.streams.wake_folders import PLAIN

COUNTS = {"training": 7, "validation": 3, "testing": 5}
CLIP = RATE


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_windows, "COUNTS", COUNTS)
    monkeypatch.setattr(wake_sounds, "_SYNTHETIC_NOISE_S", 5)
    monkeypatch.setattr(mixing, "_ROOMS", 3)
    monkeypatch.setattr(mixing, "_DEVICES", 3)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Folders:
    words = ("lamp", "door")
    return Folders(wake_folders.takes(tmp_path_factory.mktemp("takes"), words), words)


def rows_of(folder: Path, split: str) -> list[dict[str, str]]:
    with (folder / f"{split}.tsv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def sound_of(folder: Path, split: str) -> np.ndarray:
    with wave.open(str(folder / f"{split}.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")


def test_labels_and_counts_of_each_split(tmp_path, folders):
    wake_windows.make(tmp_path, folders, CLIP, 0, "digest")
    for split in SPLITS:
        rows = rows_of(tmp_path, split)
        labels = [row["label"] for row in rows]
        for label in ("lamp", "door", "_unknown_"):
            assert labels.count(label) == COUNTS[split]
        assert [int(row["start"]) for row in rows] == [i * CLIP for i in range(len(rows))]
        assert {row["clip"] for row in rows} == {f"{split}.wav"}
        assert len(sound_of(tmp_path, split)) == len(rows) * CLIP
    # Readers take the folder as it is; the words are in alphabetical order.
    assert split_lists.load(tmp_path, tmp_path).labels == ("_unknown_", "door", "lamp")


def test_a_window_ends_50_to_200_ms_after_its_word(tmp_path, folders, monkeypatch):
    """With nothing else to be heard, the last sound of a window is the word's end."""
    monkeypatch.setattr(wake_windows, "_PLAIN", PLAIN)
    wake_windows.make(tmp_path, folders, CLIP, 0, "digest")
    sound = sound_of(tmp_path, "training")
    after = []
    for row in rows_of(tmp_path, "training"):
        clip = sound[int(row["start"]) :][:CLIP]
        if row["label"] == "_unknown_":
            assert not clip.any()
            continue
        after.append((CLIP - 1 - np.flatnonzero(clip)[-1]) / RATE)
        assert len(np.flatnonzero(clip)) > 0.9 * 0.45 * RATE  # all of it
    assert len(after) == 14 and min(after) >= 0.049 and max(after) <= 0.201
    assert max(after) - min(after) > 0.05


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, folders):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        wake_windows.make(tmp_path / name, folders, CLIP, seed, "digest")
    for file in ("testing.wav", "testing.tsv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    first, other = ((tmp_path / name / "testing.wav").read_bytes() for name in "ac")
    assert first != other


def test_windows_that_are_there_are_not_made_again(tmp_path, folders, monkeypatch):
    wake_windows.make(tmp_path, folders, CLIP, 0, "digest")

    def never(*_: object) -> None:
        raise AssertionError("mixed again")

    monkeypatch.setattr(wake_windows, "Mixer", never)
    wake_windows.make(tmp_path, folders, CLIP, 0, "digest")
    with pytest.raises(AssertionError, match="mixed again"):  # of other sound
        wake_windows.make(tmp_path, folders, CLIP, 0, "another")
    # Nothing of the old ones counts as whole meanwhile.
    assert not (tmp_path / "windows.json").exists()


def test_a_word_that_does_not_fit_into_a_stream_ends_in_one_line(tmp_path, monkeypatch):
    """Instead of being mixed for ever; a shorter word is the remedy."""
    folders = Folders(wake_folders.takes(tmp_path / "takes"), ("lamp",))
    monkeypatch.setattr(wake_windows, "_STREAM_S", -0.6)
    with pytest.raises(UserError, match=r"takes of 'lamp' for training are too long.*shorter word"):
        wake_windows.make(tmp_path / "windows", folders, CLIP, 0, "digest")
    assert not (tmp_path / "windows" / "windows.json").exists()
    monkeypatch.setattr(wake_windows, "_STREAM_S", 3.0)
    wake_windows.make(tmp_path / "windows", folders, CLIP, 0, "digest")
