"""Each fault is found, and good takes pass: made sounds, and speech of espeak-ng."""

import numpy as np
import pytest

from edge_tf.data.synthesis import agreement, take_checks
from edge_tf.data.synthesis.voices.registry import SYNTHESIZERS


def tone(seconds: float, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(np.arange(int(16000 * seconds)) * 0.1)).astype(np.float32)


def pause(seconds: float) -> np.ndarray:
    return np.zeros(int(16000 * seconds), np.float32)


@pytest.mark.parametrize(
    ("samples", "fault"),
    [
        (tone(0.5), ""),
        (pause(0.5), take_checks.SILENT),
        (np.zeros(0, np.float32), take_checks.SILENT),
        (tone(0.5, 0.001), take_checks.SILENT),
        (np.clip(tone(0.5, 3.0), -1, 1), take_checks.CLIPPED),
        (tone(0.1), take_checks.TOO_SHORT),
        (tone(2.5), take_checks.TOO_LONG),
        (np.concatenate([tone(0.3), pause(0.5), tone(0.3)]), take_checks.BROKEN),
        (np.concatenate([tone(0.3), pause(0.1), tone(0.3)]), ""),
        (np.concatenate([pause(0.7), tone(0.5), pause(0.7)]), ""),
    ],
)
def test_faults_of_a_take_by_itself(samples, fault):
    assert take_checks.fault(samples, phonemes=7) == fault


def test_length_is_judged_by_phonemes_and_rate():
    assert take_checks.fault(tone(0.5), phonemes=20) == take_checks.TOO_SHORT
    assert take_checks.fault(tone(2.5), phonemes=20) == ""
    assert take_checks.fault(tone(2.5), phonemes=7, rate=0.6) == ""


def test_a_phrase_may_have_a_pause():
    spoken = np.concatenate([tone(0.3), pause(0.5), tone(0.3)])
    assert take_checks.fault(spoken, phonemes=7, words=2) == ""


def test_a_take_of_another_word_is_found_and_few_others_are_dropped():
    espeak = SYNTHESIZERS["espeak"]
    if reason := espeak.missing():
        pytest.skip(reason)
    voices = espeak.voices("en-us")
    chosen = [voices[i] for i in range(0, len(voices), len(voices) // 12)]

    def say(text: str, some: list) -> list[np.ndarray]:
        return [agreement.spectra(espeak.render(text, voice, 0)) for voice in some]

    takes = say("computer", chosen) + say("lemonade", chosen[3:4])
    names = [voice.name for voice in chosen] + ["another"]
    bad = take_checks.disagreeing(takes, names, say("yellow", chosen[:6]))
    assert bad[-1] and sum(bad) <= 3


def test_without_other_voices_nothing_can_be_said():
    takes = [np.full((5, 24), value, np.float32) for value in (0.0, 1.0, 90.0)]
    assert take_checks.disagreeing(takes, ["a", "b", "c"], []) == [False] * 3


def test_a_voice_is_not_judged_by_its_own_takes():
    """Three bad takes of one voice agree with each other, and with nobody else."""
    rng = np.random.default_rng(0)
    good, bad = rng.standard_normal((2, 20, 24)).astype(np.float32)
    takes = [good + 0.1 * rng.standard_normal((20, 24)).astype(np.float32) for _ in range(12)]
    takes += [bad + 0.01 * rng.standard_normal((20, 24)).astype(np.float32) for _ in range(3)]
    names = [f"voice {i}" for i in range(12)] + ["odd"] * 3
    assert take_checks.disagreeing(takes, names, []) == [False] * 12 + [True] * 3
