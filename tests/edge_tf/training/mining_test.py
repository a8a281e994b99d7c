"""Mining: sound that a network takes for the word is found where it is, once, and not too much."""

import numpy as np
import pytest

from edge_tf.data.streams import sound_bank
from edge_tf.data.streams.mixing import RATE
from edge_tf.training import mining
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, WORD_HZ, bank, melody
from tests.edge_tf.training.scorers import CLASSES, FRONTEND, WINDOWS, Scorer

PLANTED = melody(WORD_HZ, 0.45, 3)


def planted(seconds: float, *places: float) -> np.ndarray:
    sound = melody(OTHER_HZ, seconds)
    for at in places:
        sound[round(at * RATE) :][: len(PLANTED)] = PLANTED
    return sound


def mine(**others: np.ndarray) -> sound_bank.SoundBank:
    banks = {kind: bank(sound) for kind, sound in others.items()}
    return mining.mine(Scorer(), banks, 0.5, WINDOWS, FRONTEND, CLASSES)


def holds(cut: np.ndarray) -> int:
    """How often the planted sound is in a cut."""
    needle = PLANTED[2200:2600].astype(np.int64)  # where a tone follows another
    whole = np.round(cut * 32768).astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(whole, len(needle))
    return int((windows == needle).all(axis=1).sum())


@pytest.mark.parametrize("at", [1.0, 9.5, 18.2, 19.0, 19.3, 19.7, 20.5, 24.0])
def test_a_planted_sound_is_found_once_also_between_two_chunks(at):
    found = mine(radio=planted(26.0, at))
    assert len(found) == 1 and holds(found[0]) == 1
    assert len(found[0]) <= round(2.4 * RATE)


def test_nothing_is_found_where_nothing_is():
    assert len(mine(radio=planted(25.0), other=np.zeros(RATE, np.int16))) == 0
    none = {"none": sound_bank.of([])}
    assert len(mining.mine(Scorer(), none, 0.5, WINDOWS, FRONTEND, CLASSES)) == 0


def test_every_kind_is_listened_to():
    found = mine(radio=planted(12.0, 3.0, 8.0), street=planted(6.0, 3.0))
    assert len(found) == 3 and all(holds(found[i]) == 1 for i in range(3))


def test_no_more_than_a_bound_is_kept(monkeypatch):
    monkeypatch.setattr(mining, "_MOST", 2)
    assert len(mine(radio=planted(16.0, 2.0, 5.0, 8.0, 11.0))) == 2


def test_no_more_than_a_bound_is_listened_to(monkeypatch):
    monkeypatch.setattr(mining, "_MOST_HOURS", 5.0 / 3600)
    assert len(mine(radio=planted(16.0, 2.0, 11.0))) == 1


def test_the_most_alike_come_first():
    scores = np.array([0.0, 0.3, 0.0, 0.9, 0.0, 0.05] + [0.0] * 60 + [0.6], np.float32)
    sound = np.arange(1, 30_001, dtype=np.int16)
    cuts = mining._cuts(scores, np.resize(sound, 10 * RATE), 0.1, WINDOWS)
    assert [round(peak, 3) for peak, _ in cuts] == [0.9, 0.6]  # 0.3 lies beside 0.9
