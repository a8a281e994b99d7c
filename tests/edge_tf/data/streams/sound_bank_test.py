"""Banks of sounds: every sound is found again, cuts go round, shares are kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.data.streams import sound_bank
from edge_tf.data.streams.sound_bank import Choice, SoundBank

EMPTY = sound_bank.of([])


def constant(value: int, length: int = 3) -> SoundBank:
    """One sound; what is drawn of it says where it came from."""
    return sound_bank.of([np.full(length, value, np.int16)])


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 99))
def test_a_bank_holds_each_sound_that_is_not_empty(lengths, seed):
    rng = np.random.default_rng(seed)
    sounds = [rng.integers(-32768, 32768, length).astype(np.int16) for length in lengths]
    bank = sound_bank.of(iter(sounds))
    kept = [sound for sound in sounds if len(sound)]
    assert len(bank) == len(kept) and len(bank.samples) == sum(lengths)
    for place, sound in enumerate(kept):
        assert bank[place].dtype == np.float32
        np.testing.assert_array_equal(bank[place] * 32768, sound)


def test_sounds_that_are_apart_are_the_same_with_silence_between_them():
    bank = sound_bank.of([np.arange(1, 4, dtype=np.int16), np.full(2, 9, np.int16)])
    np.testing.assert_array_equal(bank.apart(2).samples, [1, 2, 3, 0, 0, 9, 9, 0, 0])
    assert [len(bank.apart(2)[at]) for at in range(2)] == [5, 4]
    assert len(EMPTY.apart(5)) == 0


def test_full_scale_is_one():
    np.testing.assert_array_equal(constant(-32768, 1)[0], [-1.0])


def test_each_sound_is_picked_as_often():
    bank = sound_bank.of([np.full(1 + 50 * (value == 1), value, np.int16) for value in (1, 2, 3)])
    rng = np.random.default_rng(0)
    picked = [int(bank.pick(rng)[0] * 32768) for _ in range(3000)]
    for value in (1, 2, 3):  # however long it is; four standard deviations
        assert abs(picked.count(value) - 1000) < 4 * np.sqrt(3000 * 2 / 9)


@given(st.integers(1, 40), st.integers(1, 130), st.integers(0, 10**6))
def test_a_cut_goes_round_from_anywhere(total, length, seed):
    bank = sound_bank.of([np.arange(total, dtype=np.int16)])
    cut = bank.cut(np.random.default_rng(seed), length)
    assert cut.shape == (length,) and cut.dtype == np.float32
    values = (cut * 32768).astype(int)
    np.testing.assert_array_equal(values, (values[0] + np.arange(length)) % total)


def test_cuts_begin_at_every_sample():
    bank, rng = sound_bank.of([np.arange(5, dtype=np.int16)]), np.random.default_rng(1)
    assert {int(bank.cut(rng, 1)[0] * 32768) for _ in range(200)} == set(range(5))


@settings(max_examples=20)
@given(st.lists(st.floats(0.1, 5.0), min_size=1, max_size=5), st.integers(0, 99))
def test_banks_are_drawn_by_their_shares_however_much_they_hold(shares, seed):
    banks = [(share, constant(place, 1 + 7 * place)) for place, share in enumerate(shares)]
    choice, rng, draws = Choice(tuple(banks)), np.random.default_rng(seed), 2000
    drawn = [int(choice.pick(rng)[0] * 32768) for _ in range(draws)]
    for place, share in enumerate(shares):
        p = share / sum(shares)
        assert abs(drawn.count(place) - draws * p) <= 5 * np.sqrt(draws * p * (1 - p)) + 1e-6


def test_empty_banks_and_those_without_a_share_are_left_out():
    choice = Choice(((9.0, EMPTY), (1.0, constant(4)), (0.0, constant(5))))
    rng = np.random.default_rng(0)
    assert len(choice.banks) == 1
    assert {int(choice.cut(rng, 2)[0] * 32768) for _ in range(50)} == {4}


@pytest.mark.parametrize("banks", [(), ((1.0, EMPTY),), ((0.0, constant(1)),)])
def test_without_any_sound_there_is_nothing_to_choose(banks):
    with pytest.raises(ValueError, match="no bank has a sound"):
        Choice(banks)
