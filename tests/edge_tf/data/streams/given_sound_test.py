"""Sound in folders that a user names: each file is in one split, and all of it is used."""

from pathlib import Path

import numpy as np
import pytest

from edge_tf.data.dataset import SPLITS
from edge_tf.data.streams import given_sound
from edge_tf.data.streams.mixing import RATE
from tests.edge_tf.data.streams.wake_folders import named, write


def by_split(folder: Path) -> dict[str, set[int]]:
    return {split: set(given_sound.negatives(folder, split).samples.tolist()) for split in SPLITS}


def test_lists_in_the_folder_divide_it(tmp_path):
    folder = named(tmp_path, ["a/1.wav", "a/2.wav", "b/3.wav"])
    (folder / "validation_list.txt").write_text("a/2.wav\n")
    (folder / "testing_list.txt").write_text("b/3.wav\n")
    assert by_split(folder) == {"training": {1}, "validation": {2}, "testing": {3}}


def test_files_are_divided_and_none_is_in_two_splits(tmp_path):
    count = 200
    found = by_split(named(tmp_path, [f"{i}.wav" for i in range(count)], 0.01))
    assert set.union(*found.values()) == set(range(1, count + 1))
    assert sum(map(len, found.values())) == count
    for split in ("validation", "testing"):  # four standard deviations around 15 %
        assert abs(len(found[split]) - 30) < 4 * np.sqrt(count * 0.15 * 0.85)


def test_a_speaker_is_in_one_split(tmp_path):
    speakers = [f"{i:08x}" for i in range(40)]
    names = [f"{word}/{who}_nohash_{n}.wav" for who in speakers for word in "ab" for n in range(2)]
    found = by_split(named(tmp_path, names, 0.01))
    assert sum(map(len, found.values())) == len(names)
    for values in found.values():
        assert {(value - 1) // 4 * 4 + i for value in values for i in range(1, 5)} == values


def test_another_file_moves_none(tmp_path):
    before = by_split(named(tmp_path, [f"{i}.wav" for i in range(30)], 0.01))
    write(tmp_path / "new.wav", np.full(100, 999, np.int16))
    after = by_split(tmp_path)
    assert {split: values - {999} for split, values in after.items()} == before


def test_a_long_recording_is_divided_by_time_and_all_of_it_is_used(tmp_path):
    seconds = 100
    sound = np.repeat(np.arange(1000, 1000 + seconds, dtype=np.int16), RATE)
    write(tmp_path / "living_room.wav", sound)
    parts = [given_sound.negatives(tmp_path, split).samples for split in SPLITS]
    np.testing.assert_array_equal(np.concatenate(parts), sound)
    assert [len(part) / RATE for part in parts] == pytest.approx([70, 15, 15])
