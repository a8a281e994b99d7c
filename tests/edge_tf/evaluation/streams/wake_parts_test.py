"""The sound that a wake word's detector is tested on: words where it is said they are, at levels of
noise that are true, and each kind of other sound as it is.
"""

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio import simulation
from edge_tf.data.streams import wake_sounds
from edge_tf.data.streams.mixing import RATE
from edge_tf.data.streams.wake_sounds import TAKES, Folders, WakeSounds
from edge_tf.evaluation.streams import wake_parts
from edge_tf.evaluation.streams.wake_parts import SoundPart
from tests.edge_tf.data.streams import wake_folders
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, melody, write

SNRS = (None, 10.0)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Folders:
    root: Path = tmp_path_factory.mktemp("wake")
    for i in range(4):
        write(root / "radio" / f"{i}.wav", melody(OTHER_HZ, 0.5, i))
    (root / "radio" / "testing_list.txt").write_text("0.wav\n1.wav\n2.wav\n3.wav\n")
    words = ("door", "lamp")
    takes = wake_folders.takes(root / "takes", words, each=6)
    return Folders(takes, words, negatives=(root / "radio",))


@pytest.fixture(scope="module")
def sounds(folders) -> WakeSounds:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wake_sounds, "_SYNTHETIC_NOISE_S", 5)
        return wake_sounds.load(folders, "testing")


@pytest.fixture(scope="module")
def parts(sounds) -> dict[str, SoundPart]:
    return {part.kind: part for part in wake_parts.of(sounds, SNRS, RATE, seed=0)}


def test_a_part_for_each_level_and_each_kind_but_sound_alikes(parts, sounds):
    assert list(parts) == [
        "words, no noise",
        "words, noise at 10 dB",
        "synthetic sentences",
        "radio",
        "synthetic noise",
    ]
    assert TAKES in sounds.others
    for kind in ("synthetic sentences", "radio"):
        np.testing.assert_array_equal(parts[kind].samples, sounds.others[kind].samples)
        assert not parts[kind].events


@pytest.mark.parametrize("kind", ["words, no noise", "words, noise at 10 dB"])
def test_every_take_is_said_once_with_pauses_between(parts, kind):
    part = parts[kind]
    assert sorted(event.label for event in part.events) == [1] * 6 + [2] * 6
    places = [0, *(at for event in part.events for at in (event.start, event.end))]
    pauses = np.diff([*places, len(part.samples)])[::2] / RATE
    assert pauses.min() >= 1.5 - 1e-4 and pauses.max() <= 3.0
    assert all(first.end < second.start for first, second in pairwise(part.events))
    assert {event.snr_db for event in part.events} == {None if kind == "words, no noise" else 10.0}


def test_words_are_where_the_events_say_at_one_level(parts):
    """Without noise: loud within an event, a microphone's floor outside."""
    part = parts["words, no noise"]
    said = np.zeros(len(part.samples), bool)
    for event in part.events:
        said[event.start : event.end] = True
        speech = part.samples[event.start : event.end] / 32768
        assert simulation.active_rms(speech, RATE) == pytest.approx(0.05, rel=0.02)
    floor = np.sqrt(np.mean(np.square(part.samples[~said] / 32768)))
    assert floor == pytest.approx(3e-5, rel=0.2)


def test_noise_is_as_loud_as_its_level_says(parts, sounds):
    """Noise at 0 dB would be as loud as the words; under them may be given other noise."""
    white = np.random.default_rng(0).normal(0, 2000, 20 * RATE).astype(np.int16)
    noisy = dataclasses.replace(sounds, under_words=wake_folders.bank(white))
    for snr in (20.0, 5.0):
        part = wake_parts.of(noisy, (snr,), RATE, seed=0)[0]
        between = np.ones(len(part.samples), bool)
        for event in part.events:
            between[event.start : event.end] = False
        level = np.sqrt(np.mean(np.square(part.samples[between] / 32768)))
        assert 20 * np.log10(0.05 / level) == pytest.approx(snr, abs=0.3)


def test_a_seed_gives_the_same_sound_and_another_seed_another(sounds, parts):
    again = wake_parts.of(sounds, SNRS, RATE, seed=0)
    other = wake_parts.of(sounds, SNRS, RATE, seed=1)
    for mine, same, different in zip(parts.values(), again, other, strict=True):
        np.testing.assert_array_equal(mine.samples, same.samples)
        assert mine.events == same.events
        assert bool(mine.events) == (mine.events != different.events)


def test_of_many_takes_some_are_said_and_the_others_are_not_cut_off_by_order(sounds, monkeypatch):
    monkeypatch.setattr(wake_parts, "_MOST_WORDS", 4)
    (part, *_) = wake_parts.of(sounds, (None,), RATE, seed=0)
    assert sorted(event.label for event in part.events) == [1] * 4 + [2] * 4
