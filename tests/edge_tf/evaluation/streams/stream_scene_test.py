"""A stream is what it says: where words are, how far above the noise, and each clip in its turn."""

import collections

import numpy as np
import pytest

from edge_tf.evaluation.streams import stream_scene
from edge_tf.evaluation.streams.stream_scene import Scene

RATE = 16_000
CLIP = 8_000
# Classes of the scenes below: one that is no word, others, and those to be detected.
SILENCE, OTHER = 0, 1


def steady(count: int, loudness: float = 1_000.0) -> np.ndarray:
    """Clips of one tone each, as loud from end to end, so that their power can be measured."""
    hertz = 300 + 100 * np.arange(count)[:, np.newaxis]
    waves = loudness * np.sqrt(2) * np.sin(2 * np.pi * hertz * np.arange(CLIP) / RATE)
    return np.rint(waves).astype(np.int16)


def white(seconds: float = 20.0, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed).normal(0, 700, round(seconds * RATE))
    return np.rint(draw).astype(np.int16)


def build(keywords: int = 6, others: int = 4, **changes) -> Scene:
    """Each keyword clip is a class of its own, which names it."""
    labels = np.array([OTHER] * others + [2 + i for i in range(keywords)] + [SILENCE])
    clips = steady(len(labels))
    classes = 2 + keywords
    given = {
        "words": clips,
        "labels": labels,
        "is_keyword": [label > OTHER for label in range(classes)],
        "others": [label == OTHER for label in range(classes)],
        "noise": [white()],
        "sample_rate": RATE,
        "minutes": 3.0,
        **changes,
    }
    return stream_scene.build(**given)


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


def pauses(scene: Scene, begin: int, end: int) -> np.ndarray:
    """Samples of a range in which no word can be: the second before each keyword."""
    parts = [
        scene.samples[event.start - RATE + 200 : event.start - 200]
        for event in scene.events
        if begin <= event.start - RATE and event.end <= end
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("snr_db", [20.0, 10.0, 5.0, 0.0])
def test_a_word_stands_above_the_noise_as_stated(snr_db):
    scene = build(others=0, snrs_db=(snr_db,))
    noise = power(pauses(scene, 0, len(scene.samples)))
    words = np.mean([power(scene.samples[e.start : e.end]) for e in scene.events]) - noise
    assert 10 * np.log10(words / noise) == pytest.approx(snr_db, abs=0.3)
    assert {event.snr_db for event in scene.events} == {snr_db}


def test_ratios_take_turns_by_the_minute():
    scene = build(minutes=4.0, snrs_db=(None, 15.0, 5.0))
    minute = 60 * RATE
    for event in scene.events:
        assert event.snr_db == (None, 15.0, 5.0, None)[event.start // minute]
    levels = [power(pauses(scene, at, at + minute)) for at in range(0, 4 * minute, minute)]
    assert levels[0] == levels[3] == 0
    assert 10 * np.log10(levels[2] / levels[1]) == pytest.approx(10, abs=0.3)


def test_words_are_as_loud_whatever_they_were():
    """Their loudest third is: silence around a word does not make it louder."""
    clips = steady(4)
    clips[0] //= 10
    clips[1, 3_000:] = 0
    clips[2] *= 5
    scene = stream_scene.build(
        clips, np.arange(4), [True] * 4, [False] * 4, [], RATE, 2.0, snrs_db=(None,)
    )
    for event in scene.events:
        loud = scene.samples[event.start : event.start + 2_400]
        assert 10 * np.log10(power(loud) / 32_768**2) == pytest.approx(-26, abs=0.2)


def test_noise_as_loud_as_it_was_recorded_does_not_matter():
    quiet, loud = (build(noise=[white() // by], snrs_db=(10.0,)) for by in (20, 1))
    ratio = power(pauses(quiet, 0, 10**9)) / power(pauses(loud, 0, 10**9))
    assert ratio == pytest.approx(1, abs=0.05)


def test_events_lie_where_the_words_are():
    """Each is its own tone, and nothing else is in the stream."""
    scene = build(others=0, snrs_db=(None,))
    rest = scene.samples.astype(np.int64)
    for event in scene.events:
        assert event.end - event.start == CLIP
        heard = np.abs(np.fft.rfft(scene.samples[event.start : event.end]))
        assert heard.argmax() * RATE / CLIP == 300 + 100 * (event.label - 2)
        rest[event.start : event.end] = 0
    assert not rest.any()
    assert scene.other_words == 0


def test_between_words_there_are_one_to_three_seconds():
    scene = build(others=0, minutes=10.0, snrs_db=(None,))
    minute = 60 * RATE
    gaps = [
        b.start - a.end
        for a, b in zip(scene.events[:-1], scene.events[1:], strict=True)
        if a.start // minute == b.start // minute
    ]
    assert RATE <= min(gaps) < 1.2 * RATE and 2.8 * RATE < max(gaps) <= 3 * RATE
    assert scene.events[0].start >= RATE
    assert len(scene.samples) == 600 * RATE and scene.hours == pytest.approx(1 / 6)
    assert scene.events[-1].end <= len(scene.samples)


def test_an_event_is_the_word_and_not_its_clip():
    """Silence, and what is 26 dB below the word, are around it; 14 dB below is of it."""
    clips = steady(3)
    clips[0, :1_600] = clips[0, 4_800:] = 0
    clips[1, :3_200] //= 20
    clips[1, 6_400:] //= 5
    scene = stream_scene.build(
        clips, np.arange(3), [True] * 3, [False] * 3, [], RATE, 4.0, snrs_db=(None,)
    )
    lengths = {event.label: event.end - event.start for event in scene.events}
    assert lengths == {0: 3_200, 1: 4_800, 2: CLIP}
    first = next(event for event in scene.events if event.label == 0)
    assert power(scene.samples[first.start - 1_600 : first.start]) == 0
    assert power(scene.samples[first.start : first.start + 160]) > 0


def test_no_clip_is_in_two_sections():
    scene = build(minutes=30.0, snrs_db=(None, 5.0))
    minute = 60 * RATE
    assert all(event.start // minute == (event.end - 1) // minute for event in scene.events)
    assert min(event.start % minute for event in scene.events) >= RATE
    assert scene.section == minute and len(scene.snrs_db) == 30


def test_each_level_of_noise_is_a_stream_of_its_own():
    """All sound and all words are in one of them, where they were within their minute."""
    scene = build(minutes=7.5, snrs_db=(None, 15.0, 5.0))
    levels = scene.levels()
    minute = 60 * RATE
    assert [level.snr_db for level in levels] == [None, 15.0, 5.0]
    assert [len(level.samples) / minute for level in levels] == [3.0, 2.5, 2.0]
    assert [level.kind for level in levels] == [
        *("words, no noise", "words, noise at 15 dB", "words, noise at 5 dB")
    ]
    heard = [(e, level) for level in levels for e in level.events]
    assert len(heard) == len(scene.events)
    for number, level in enumerate(levels):
        mine = [event for event in scene.events if event.snr_db == level.snr_db]
        assert [event.label for event in level.events] == [event.label for event in mine]
        for there, here in zip(mine, level.events, strict=True):
            assert there.start // minute == 3 * (here.start // minute) + number
            np.testing.assert_array_equal(
                scene.samples[there.start : there.end], level.samples[here.start : here.end]
            )


def tones_of(scene: Scene) -> list[int]:
    """The clips of a scene without noise in the order in which they are heard, by their tone."""
    loud = np.abs(scene.samples.astype(np.int64)) > 0
    begins = np.flatnonzero(loud[1:] & ~loud[:-1])
    begins = begins[np.diff(begins, prepend=-RATE) > CLIP]  # a tone crosses zero, too
    found = []
    for begin in begins:
        spectrum = np.abs(np.fft.rfft(scene.samples[begin : begin + CLIP - 100], RATE))
        found.append((int(spectrum.argmax()) - 250) // 100)
    return found


def test_every_clip_once_before_any_twice():
    scene = build(keywords=6, others=4, minutes=6.0, snrs_db=(None,))
    heard = tones_of(scene)
    keywords, others = [c for c in heard if c >= 4], [c for c in heard if c < 4]
    assert len(keywords) == len(scene.events) and len(others) == scene.other_words
    assert [clip - 2 for clip in keywords] == [event.label for event in scene.events]
    for turns, clips in ((keywords, range(4, 10)), (others, range(4))):
        assert len(turns) > 3 * len(clips)
        for at in range(0, len(turns) - len(clips), len(clips)):
            assert sorted(turns[at : at + len(clips)]) == list(clips)
        assert len({tuple(turns[at : at + len(clips)]) for at in (0, 6, 12)}) > 1
    assert scene.clips == 10


def test_a_short_stream_counts_the_clips_that_are_in_it():
    scene = build(keywords=40, others=40, minutes=1.0, snrs_db=(None,))
    assert scene.clips == len(scene.events) + scene.other_words < 30


def test_about_half_of_the_words_are_keywords_and_none_is_silence():
    scene = build(minutes=20.0, snrs_db=(None,))
    words = len(scene.events) + scene.other_words
    assert 0.4 < len(scene.events) / words < 0.6
    counts = collections.Counter(event.label for event in scene.events)
    assert set(counts) == set(range(2, 8)) and max(counts.values()) - min(counts.values()) <= 1


def test_the_same_seed_gives_the_same_stream():
    one, same, other = (build(seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.samples, same.samples)
    assert one.events == same.events and one.samples.dtype == np.int16
    assert one.events != other.events


def test_what_is_too_loud_is_clipped_and_does_not_wrap():
    """A word 30 dB below the noise: the noise is far beyond full scale."""
    scene = build(others=0, snrs_db=(-30.0,), minutes=1.0)
    assert scene.samples.min() == -32_768 and scene.samples.max() == 32_767


def test_silent_clips_and_silent_noise_stay_silent():
    words = np.zeros((2, CLIP), np.int16)
    noise = [np.zeros(RATE, np.int16)]
    scene = stream_scene.build(
        words, np.array([0, 1]), [True, True], [False, False], noise, RATE, 1.0, (10.0,)
    )
    assert len(scene.events) > 10 and not scene.samples.any()


@pytest.mark.parametrize(
    "changes",
    [{"keywords": 0}, {"noise": []}, {"noise": [], "snrs_db": (None, 10.0)}],
    ids=["no keyword", "no noise", "no noise for one"],
)
def test_a_stream_that_cannot_be_is_refused(changes):
    with pytest.raises(ValueError, match="a stream needs keywords, and noise"):
        build(**changes)


def test_a_stream_without_room_for_a_keyword_is_refused():
    """Its share of missed words would be no number."""
    with pytest.raises(ValueError, match=r"no keyword fits into 0\.05 minutes"):
        build(minutes=0.05)
