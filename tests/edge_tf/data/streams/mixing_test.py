"""Mixed streams: with everything off a stream is its words; with everything on it keeps its word
about where they are, and all of it comes from the caller's generator.
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.audio import simulation
from edge_tf.data.streams import mixing
from edge_tf.data.streams.mixing import RATE, Mix, Mixer
from edge_tf.data.streams.sound_bank import Choice
from tests.edge_tf.data.streams.wake_folders import PLAIN, sounds

LENGTH = 3 * RATE
LSB = 1 / 32768
seeds = st.integers(0, 2**31 - 1)


@pytest.fixture(autouse=True, scope="module")
def few_rooms() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixing, "_ROOMS", 4)
        patch.setattr(mixing, "_DEVICES", 4)
        yield


@functools.cache
def mixer_of(mix: Mix, length: int, words: int) -> Mixer:
    return Mixer(sounds(words=words), mix, length)


def mixed(mix: Mix, seed: int, length: int = LENGTH, words: int = 1):
    return mixer_of(mix, length, words)(np.random.default_rng(seed))


def said(word: Choice) -> list[np.ndarray]:
    """Takes of a word as they are spoken at their own speed."""
    bank = word.banks[0][1]
    return [simulation.resample(bank[i], 1.0).astype(np.float64) for i in range(len(bank))]


def assert_is_a_take(part: np.ndarray) -> None:
    """A take of the word, up to its level: half a step of rounding is left, and what that does to
    the best fitting factor: of a sine at most 0.5 * (2 / pi) / (1 / 2) = 0.64 at its peak."""
    left = []
    for take in said(sounds().words[0]):
        factor = np.dot(part, take) / np.dot(take, take)
        assert factor > 0 or np.abs(part).max() == 0
        left.append(np.abs(part - factor * take).max())
    assert min(left) <= (0.5 + 0.64) * LSB


# With everything off


@given(seeds)
@settings(max_examples=25)
def test_a_stream_is_the_word_where_it_is_said_to_be_and_silence_elsewhere(seed):
    wave, (word,) = mixed(PLAIN, seed)
    assert wave.shape == (LENGTH,) and wave.dtype == np.float32 and word.label == 1
    assert_is_a_take(wave[word.start : word.end])
    assert not wave[: word.start].any() and not wave[word.end :].any()
    assert simulation.active_rms(wave, RATE) == pytest.approx(0.1, rel=0.1)  # -20 dB


def test_words_begin_anywhere():
    mixer, rng = Mixer(sounds(), PLAIN, LENGTH), np.random.default_rng(0)
    starts = [mixer(rng)[1][0].start for _ in range(400)]
    last = LENGTH - round(0.45 * RATE)
    assert np.histogram(starts, 8, (0, last))[0].min() >= 25  # of 50


@given(seeds)
@settings(max_examples=25)
def test_other_sound_stands_beside_a_word_never_in_it(seed):
    mix = dataclasses.replace(PLAIN, talk=1.0, near_s=(0.0, 0.0), gap_s=(0.0, 0.0))
    wave, (word,) = mixed(mix, seed)
    assert_is_a_take(wave[word.start : word.end])
    assert np.abs(wave[: word.start]).sum() > 0 or word.start == 0
    assert np.abs(wave[word.end :]).sum() > 0 or word.end == LENGTH


@given(seeds)
@settings(max_examples=25)
def test_a_stream_without_words_has_none(seed):
    for talk in (0.0, 1.0):
        wave, words = mixed(dataclasses.replace(PLAIN, word=0.0, talk=talk), seed)
        assert words == [] and wave.any() == (talk > 0)


@given(seeds, st.sampled_from([0.0, 1.0]))
@settings(max_examples=25)
def test_other_sound_is_where_it_is_said_to_be_and_nowhere_else(seed, word):
    """In steps of 10 ms; the noise under it is not meant."""
    mix = dataclasses.replace(PLAIN, word=word, talk=0.7, gap_s=(0.1, 0.4), near_s=(0.1, 0.5))
    stream = mixer_of(mix, LENGTH, 1).stream(np.random.default_rng(seed))
    inside = np.zeros(LENGTH + RATE, bool)
    for other in stream.others:
        assert other.label == 0 and 0 <= other.start < other.end <= LENGTH + RATE // 100
        inside[other.start : other.end] = True
    heard = stream.wave != 0
    for one in stream.words:
        heard[one.start : one.end] = False
    assert not heard[~inside[:LENGTH]].any()
    for other in stream.others:
        assert stream.wave[other.start : other.end].any()


def test_noise_is_no_other_sound():
    mix = dataclasses.replace(PLAIN, word=0.0, noise=1.0, silent=0.0)
    stream = mixer_of(mix, LENGTH, 1).stream(np.random.default_rng(0))
    assert stream.wave.any() and stream.words == [] and stream.others == []


def test_up_to_three_words_stand_in_a_stream_and_have_room():
    """0.45 s each in 3 s: if each took its place anywhere, the last ones would rarely fit."""
    mix = dataclasses.replace(PLAIN, again=1.0, near_s=(0.0, 0.0))
    assert {len(mixed(mix, seed)[1]) for seed in range(100)} == {3}


def test_speed_changes_the_length_by_at_most_its_factor():
    mix = dataclasses.replace(PLAIN, speed=1.2)
    lengths = [word.end - word.start for s in range(60) for word in mixed(mix, s)[1]]
    whole = round(0.45 * RATE)
    assert whole / 1.2 - 2 <= min(lengths) < 0.9 * whole
    assert 1.1 * whole < max(lengths) <= whole * 1.2 + 2


@pytest.mark.parametrize("length", [100, round(0.45 * RATE)])
def test_a_word_that_does_not_fit_is_left_out(length):
    wave, words = mixed(dataclasses.replace(PLAIN, talk=1.0), 0, length)
    assert words == [] and wave.shape == (length,) and wave.any()


def test_the_label_is_that_of_the_word():
    mixer, rng = Mixer(sounds(words=3), PLAIN, LENGTH), np.random.default_rng(0)
    takes = [said(word) for word in sounds(words=3).words]
    seen = set()
    for _ in range(40):
        wave, (word,) = mixer(rng)
        part = wave[word.start : word.end]
        fits = [
            min(np.abs(part - np.dot(part, x) / np.dot(x, x) * x).max() for x in one)
            for one in takes
        ]
        assert int(np.argmin(fits)) == word.label - 1
        seen.add(word.label)
    assert seen == {1, 2, 3}


# One thing on


def test_silence_is_digital_or_a_microphone_s():
    nothing = dataclasses.replace(PLAIN, word=0.0, floor_db=(-60.0, -60.0))
    assert not mixed(nothing, 0)[0].any()
    floor = mixed(dataclasses.replace(nothing, silent=0.0), 0)[0]
    assert 20 * np.log10(np.sqrt(np.mean(floor**2))) == pytest.approx(-60.0, abs=0.2)


def test_noise_is_as_loud_as_it_says():
    mix = dataclasses.replace(PLAIN, word=0.0, noise=1.0, noise_db=(10.0, 10.0))
    noise = mixed(mix, 0)[0]
    assert 20 * np.log10(np.sqrt(np.mean(noise**2))) == pytest.approx(-30.0, abs=0.01)


def test_rooms_and_devices_let_nothing_be_heard_before_it_is_said():
    mix = dataclasses.replace(PLAIN, room=1.0, device=1.0)
    tails = 0
    for seed in range(12):
        wave, (word,) = mixed(mix, seed)
        assert not wave[: word.start].any()
        assert np.abs(wave[word.start : word.end]).max() > 0.01
        tails += bool(wave[word.end :].any())
    assert tails > 6


def test_recorded_rooms_are_half_of_the_rooms():
    """Of these one is an echo a quarter of a second later, which no simulated one has alone."""
    echo = np.zeros(RATE // 4 + 1, np.float32)
    echo[[0, -1]] = 1.0
    mix = dataclasses.replace(PLAIN, room=1.0)
    mixer = Mixer(dataclasses.replace(sounds(), rooms=[echo]), mix, LENGTH)
    recorded = 0
    for seed in range(80):
        wave, (word,) = mixer(np.random.default_rng(seed))
        assert not wave[: word.start].any()
        # 0.45 s of word and an echo of it, up to rounding: nothing is heard after both.
        recorded += not wave[word.end + RATE // 4 + 1 :].any() and word.end + RATE // 2 < LENGTH
    apart = sum(mixer(np.random.default_rng(s))[1][0].end + RATE // 2 < LENGTH for s in range(80))
    assert 0.3 * apart < recorded < 0.7 * apart


def test_what_clips_reaches_full_scale():
    wave, (word,) = mixed(dataclasses.replace(PLAIN, clipped=1.0), 1)
    assert np.abs(wave).max() == pytest.approx(32767 / 32768)
    assert not wave[: word.start].any()


@given(seeds)
@settings(max_examples=15)
def test_a_codec_changes_a_stream_and_moves_nothing(seed):
    """Tones of 300 to 500 Hz, which any codec keeps: a shift of up to 5 ms is told."""
    mix = dataclasses.replace(PLAIN, word=0.0, talk=1.0)
    plain = mixed(mix, seed)[0]
    coded = mixed(dataclasses.replace(mix, codec=1.0), seed)[0]
    assert coded.shape == plain.shape and not np.array_equal(coded, plain)
    padded = np.pad(coded, 80)
    alike = [np.dot(padded[80 + by :][:LENGTH], plain) for by in range(-80, 81)]
    assert abs(int(np.argmax(alike)) - 80) <= 8


# With everything on


@given(seeds, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=25)
def test_any_stream_is_sound_with_words_in_order_that_do_not_overlap(seed, share, again):
    mix = Mix(word=1.0, again=again, clipped=share, codec=share, room=share, device=share)
    wave, words = mixed(mix, seed, words=2)
    assert wave.shape == (LENGTH,) and wave.dtype == np.float32
    assert np.isfinite(wave).all() and np.abs(wave).max() <= 1.0
    np.testing.assert_array_equal(wave * 32768, np.rint(wave * 32768))  # 16 bit
    assert 1 <= len(words) <= 3
    places = [0, *(place for word in words for place in (word.start, word.end)), LENGTH]
    assert places == sorted(places)
    assert all(word.label in (1, 2) and word.end > word.start for word in words)


@given(seeds)
@settings(max_examples=10)
def test_all_of_it_comes_from_the_generator(seed):
    (first, words), (second, again) = mixed(Mix(), seed), mixed(Mix(), seed)
    np.testing.assert_array_equal(first, second)
    assert words == again
    assert not np.array_equal(first, mixed(Mix(), seed + 1)[0])


def test_a_mixer_has_no_memory():
    mixer = Mixer(sounds(), Mix(), LENGTH)
    first, _ = mixer(np.random.default_rng(5))
    mixer(np.random.default_rng(6))
    np.testing.assert_array_equal(mixer(np.random.default_rng(5))[0], first)


def test_words_come_as_often_as_asked():
    mixer = Mixer(sounds(), dataclasses.replace(PLAIN, word=0.3), LENGTH)
    rng = np.random.default_rng(0)
    found = sum(bool(mixer(rng)[1]) for _ in range(400))
    assert abs(found - 120) < 4 * np.sqrt(400 * 0.3 * 0.7)
