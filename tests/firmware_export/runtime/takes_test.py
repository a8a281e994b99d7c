"""Takes in Python: what is refused and why, and that the word is found where it is."""

import dataclasses

import numpy as np
import pytest

from firmware_export.frontend.config import LogMel
from firmware_export.runtime.takes import Take, TakeLimits, Verdict, level_of
from tests.firmware_export.runtime import compiled

CONFIG = LogMel.from_dict(compiled.FRONTEND)
LIMITS = TakeLimits.of(CONFIG, 0.08)
FRAMES, BANDS = CONFIG.frames, 40
QUIET, LOUD = 40, 120


def heard(levels: np.ndarray, limits: TakeLimits = LIMITS) -> Take:
    """A take of frames of these levels; the embedding of a window is the number of its frame."""
    take = Take(limits)
    for number, level in enumerate(levels):
        take.push(np.full(BANDS, level - 128, np.int8), np.array([number // 256, number % 256]))
    return take


def sound(frames: int, first: int, length: int) -> np.ndarray:
    """Levels with a word; its ends are soft, and so is the background."""
    levels = QUIET + np.random.default_rng(1).integers(0, 8, frames)
    envelope = np.minimum(np.arange(length) + 1, length - np.arange(length)).clip(max=6) / 6
    levels[first : first + length] = QUIET + envelope * (LOUD - QUIET)
    return levels


def end_of(take: Take) -> int:
    """The last frame of the window that was chosen."""
    _, embedding = take.judge()
    assert embedding is not None
    return int(embedding[0]) * 256 + int(embedding[1])


def test_limits_are_of_the_front_end():
    assert TakeLimits(frames=101, loud=10, contrast=29, fall=58, edge=3, clipped=16) == LIMITS
    assert TakeLimits.of(dataclasses.replace(CONFIG, clip_samples=16_160), 0.04) == TakeLimits(
        frames=102, loud=10, contrast=58, fall=115, edge=3, clipped=16
    )


def test_a_level_is_the_mean_of_a_frame():
    assert level_of(np.full(40, -128, np.int8)) == 0
    assert level_of(np.full(40, 127, np.int8)) == 255
    assert level_of(np.array([-128, -127, -127], np.int8)) == 0


@pytest.mark.parametrize("length", [16, 30, 80])
@pytest.mark.parametrize("frames", [101, 102])
def test_the_window_has_the_word_in_its_middle(frames, length):
    limits = dataclasses.replace(LIMITS, frames=frames)
    take = heard(sound(400, 180, length), limits)
    assert take.judge()[0] == Verdict.TAKEN
    middle = 180 + (length - 1) / 2
    assert abs(end_of(take) - (frames - 1) / 2 - middle) <= 2


def test_the_choice_is_the_highest_sum_under_a_triangle():
    """The running sums against the definition, on levels without any order."""
    levels = np.random.default_rng(2).integers(0, 256, 300)
    weights = np.concatenate([np.arange(1, 52), np.arange(50, 0, -1)])
    sums = [int(levels[at : at + FRAMES] @ weights) for at in range(300 - FRAMES + 1)]
    assert end_of(heard(levels)) == FRAMES - 1 + int(np.argmax(sums))


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        (sound(FRAMES, 40, 30), Verdict.TAKEN),
        (sound(FRAMES - 1, 40, 30), Verdict.SHORT),
        (np.zeros(0), Verdict.SHORT),
        (sound(300, 0, 0), Verdict.SILENT),
        (np.full(300, LOUD), Verdict.SILENT),
        (np.where(np.arange(300) % 100 < 9, LOUD, QUIET), Verdict.SILENT),
        (sound(FRAMES, 0, 50)[6:].tolist() + [QUIET] * 6, Verdict.CUT_OFF),
        ([QUIET] * 6 + sound(FRAMES, 60, 41)[:-6].tolist(), Verdict.CUT_OFF),
        (sound(400, 100, 130), Verdict.CUT_OFF),
        ([0] * 80 + sound(200, 100, 30).tolist(), Verdict.TAKEN),
    ],
    ids=(
        "a word",
        "a frame too few",
        "nothing",
        "silence",
        "even noise",
        "clicks",
        "begins too early",
        "ends too late",
        "longer than a window",
        "digital silence before the background",
    ),
)
def test_what_is_taken_and_what_is_not(levels, verdict):
    assert heard(np.asarray(levels)).judge()[0] == verdict


def test_a_take_with_samples_at_full_scale_is_clipped():
    for count, verdict in ((15, Verdict.TAKEN), (16, Verdict.CLIPPED)):
        take = heard(sound(FRAMES, 40, 30))
        take.hear(np.array([32_699, -32_699, 0] * 50, np.int16))
        take.hear(np.array([32_700, -32_768] * 8, np.int16)[:count])
        assert take.judge()[0] == verdict
