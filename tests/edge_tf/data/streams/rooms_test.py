"""Recorded rooms: a word stays where it is, no room is in two splits, what is no room is told."""

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_tf.audio import simulation
from edge_tf.data.dataset import SPLITS
from edge_tf.data.streams import rooms
from edge_tf.data.streams.rooms import RATE
from edge_tf.errors import UserError

NAMES = [f"{number}.wav" for number in range(40)]


def response(rate: int = RATE, before_s: float = 0.05, seed: int = 0) -> np.ndarray:
    """A simulated room, after the silence that a recording begins with."""
    room = simulation.Room(0.4, 6.0, 5, seed).impulse_response(rate)
    return np.concatenate([np.zeros(round(before_s * rate)), 0.3 * room]).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="FLOAT")


def all_of(folder: Path) -> list[np.ndarray]:
    return [one for split in SPLITS for one in rooms.load(folder, split)]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("before_s", [0.0, 0.003, 0.2])
def test_the_direct_sound_comes_first_at_any_rate(tmp_path, rate, before_s):
    write(tmp_path / "hall.wav", response(rate, before_s), rate)
    (one,) = all_of(tmp_path)
    assert one.dtype == np.float32 and np.sum(one**2) == pytest.approx(1.0, rel=1e-4)
    assert int(np.argmax(np.abs(one))) <= 8  # half a millisecond
    assert len(one) <= RATE


def test_a_word_s_end_does_not_move(tmp_path):
    write(tmp_path / "hall.wav", response(48_000), 48_000)
    (one,) = all_of(tmp_path)
    word = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    heard = np.convolve(np.pad(word, (0, 4000)), one)
    alike = [np.dot(heard[by:][:4000], word) for by in range(400)]
    assert int(np.argmax(alike)) <= 8


def test_at_most_a_second_is_kept(tmp_path):
    tail = np.exp(-np.arange(4 * RATE) / (0.3 * RATE))
    sound = tail * np.random.default_rng(0).standard_normal(len(tail)) * 0.05
    sound[0] = 1.0
    write(tmp_path / "church.wav", sound)
    (one,) = all_of(tmp_path)
    assert len(one) == RATE


def test_of_several_channels_the_first_is_taken(tmp_path):
    first, second = response(seed=1), response(before_s=0.06, seed=2)
    length = min(len(first), len(second))
    write(tmp_path / "a" / "array.wav", np.stack([first[:length], second[:length]], axis=1))
    write(tmp_path / "b" / "mono.wav", first[:length])
    one, other = all_of(tmp_path)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_each_room_is_in_one_split(tmp_path):
    """A folder is a room: all its places are in its split."""
    for number, name in enumerate(NAMES):
        write(tmp_path / name, response(seed=number))
        write(tmp_path / f"hall{number // 4}" / name, response(seed=100 + number))
    found = {split: {one.tobytes() for one in rooms.load(tmp_path, split)} for split in SPLITS}
    assert sum(len(mine) for mine in found.values()) == 80
    assert not found["training"] & found["validation"] and not found["testing"] & found["training"]
    assert all(found.values()) and len(found["training"]) > 40
    for hall in range(10):
        places = [f"hall{hall}/{name}" for name in NAMES[4 * hall : 4 * hall + 4]]
        assert len({rooms._split(place) for place in places}) == 1


def bad_files(folder: Path) -> None:
    write(folder / "silent.wav", np.zeros(RATE))
    write(folder / "song.wav", np.sin(np.arange(11 * RATE) * 0.1))
    write(folder / "hum.wav", np.sin(np.arange(3 * RATE) * 0.1))
    write(folder / "broken.wav", response())
    with (folder / "broken.wav").open("r+b") as out:
        out.write(b"nonsense")
    write(folder / "nan.wav", np.full(RATE, np.nan))


def test_what_is_no_response_is_left_out_and_counted_in_one_line(tmp_path, caplog):
    for number, name in enumerate(NAMES):
        write(tmp_path / name, response(seed=number))
    bad_files(tmp_path)
    with caplog.at_level(logging.WARNING):
        rooms.tell(tmp_path)
    (told,) = caplog.messages
    assert told.startswith(f"--rooms={tmp_path}: 5 of 45 files are left out (2 silent, ")
    for reason in (
        "1 longer than 10 s",
        "1 cannot be read",
        "1 no impulse response: half of the energy comes late",
    ):
        assert reason in told
    assert len(all_of(tmp_path)) == 40


def test_a_folder_without_a_response_is_one_line(tmp_path):
    bad_files(tmp_path)
    with pytest.raises(UserError, match="none of its 5 files is a response to train on; name a"):
        rooms.tell(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty has no sound; name a folder of recorded impulse"):
        rooms.tell(tmp_path / "empty")


def test_a_split_without_rooms_is_told(tmp_path, caplog):
    name = next(name for name in NAMES if rooms._split(name) == "training")
    write(tmp_path / name, response())
    with caplog.at_level(logging.WARNING):
        rooms.tell(tmp_path)
    assert [message.split(": ")[1] for message in caplog.messages] == [
        "none of its rooms is kept for validation, where rooms are simulated",
        "none of its rooms is kept for the test, where rooms are simulated",
    ]
