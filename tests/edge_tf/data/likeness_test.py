"""Copies of a recording are found; takes of one word by one speaker are no copies."""

import itertools

import numpy as np
import pytest

from edge_tf.audio import wav
from edge_tf.data import likeness

RATE = 16_000


def babble(count: int, seed: int = 0) -> np.ndarray:
    """(count, RATE) int16: notes at random times."""
    rng = np.random.default_rng(seed)
    time = np.arange(RATE) / RATE
    clips = 0.01 * rng.standard_normal((count, RATE))
    for clip, _ in itertools.product(clips, range(5)):
        at, hertz = rng.uniform(0.3, 0.7), rng.uniform(200, 3_000)
        clip += np.sin(2 * np.pi * hertz * time) * np.exp(-(((time - at) / 0.05) ** 2))
    return np.rint(clips * 5_000).astype(np.int16)


def copies(clips: np.ndarray, known: np.ndarray) -> list[tuple[int, int]]:
    rows, known_rows = np.arange(len(clips)), np.arange(len(known))
    return likeness.copies(
        clips,
        rows,
        known,
        known_rows,
        likeness.summaries(clips, rows, RATE, ""),
        likeness.summaries(known, known_rows, RATE, ""),
        RATE,
    )


def test_a_clip_correlates_with_itself_at_any_shift_gain_and_offset():
    clips = likeness.halved(babble(2), RATE)
    for changed in (clips[0], -0.1 * clips[0], clips[0] + 9_000, np.roll(clips[0], 777)):
        peaks = likeness.correlation(changed, clips)
        assert peaks[0] == pytest.approx(1.0, abs=1e-3) and peaks[1] < 0.5
    assert likeness.correlation(np.zeros(8_000, np.float32), clips).tolist() == [0.0, 0.0]


def test_summaries_change_neither_with_gain_nor_with_a_shift():
    clips = babble(20)
    rows = np.arange(20)
    first = likeness.summaries(clips, rows, RATE, "")
    assert first.shape == (20, 96)
    others = np.abs(first[1:] - first[:-1]).mean()
    for changed in (clips // 4, np.roll(clips, 1_000, axis=1)):
        again = likeness.summaries(changed, rows, RATE, "")
        assert np.abs(again - first).mean() < 0.1 * others


@pytest.mark.parametrize("count", [1, 2, 40])
def test_copies_are_found_among_few_and_many(count):
    known = babble(count)
    changed = np.roll(known[::-1] // 3, 501, axis=1)  # half a sample of the lower rate, too
    assert copies(changed, known) == [(i, count - 1 - i) for i in range(count)]
    assert copies(babble(count, seed=1), known) == []
    assert copies(known[:0], known) == [] and copies(known, known[:0]) == []


def test_other_rates_and_lengths():
    known = babble(10)
    for clips in (known[:, ::2], np.repeat(known, 3, axis=1)):
        rows = np.arange(10)
        summary = likeness.summaries(clips, rows, RATE, "")
        found = likeness.copies(clips, rows, clips, rows, summary, summary, RATE)
        assert found == [(i, i) for i in range(10)]


@pytest.fixture(scope="module")
def takes(real_data) -> dict[str, np.ndarray]:
    """Real test clips by name, (RATE,) int16."""
    names = (real_data / "testing_list.txt").read_text().split()[:400]
    read = {name: wav.read(real_data / name, RATE).samples for name in names}
    return {name: np.pad(take, (0, RATE - len(take))) for name, take in read.items()}


def test_takes_of_a_word_by_one_speaker_are_no_copies(takes):
    speakers: dict[str, list[np.ndarray]] = {}
    for name, take in takes.items():
        speakers.setdefault(name.split("_nohash_")[0], []).append(take)
    pairs = [pair for own in speakers.values() for pair in itertools.combinations(own, 2)]
    pairs = [pair for pair in pairs if not np.array_equal(*pair)]
    assert len(pairs) > 50
    high = 0
    for one, other in pairs:
        sound = likeness.halved(np.stack([one, other]), RATE)
        high += likeness.correlation(sound[0], sound[1:])[0] >= likeness.SAME
    assert high <= 1


def test_real_copies_are_found_and_name_their_original(takes):
    known = np.stack(list(takes.values()))
    rng = np.random.default_rng(0)
    louder = np.rint(known[:100] * 0.3).astype(np.int16)
    noisy = np.clip(known[100:200] + rng.normal(0, 30, (100, RATE)), -32768, 32767)
    shifted = np.roll(known[200:300], 400, axis=1)
    found = copies(np.concatenate([louder, noisy.astype(np.int16), shifted]), known)
    right = [row for row, twin in found if np.array_equal(known[row], known[twin])]
    assert len(right) == len(found) > 285
