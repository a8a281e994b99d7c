"""Takes that a synthesizer got wrong: silent, clipped, too short, too long, or of another word."""

from collections.abc import Sequence

import numpy as np

from edge_tf.audio import simulation
from edge_tf.data.synthesis import agreement
from edge_tf.data.synthesis.voices.synthesizer import RATE

# Why a take is dropped.
SILENT = "silent"
CLIPPED = "clipped"
TOO_SHORT = "too short"
TOO_LONG = "too long"
BROKEN = "broken by a pause"
DISAGREES = "unlike other voices"
REASONS = (SILENT, CLIPPED, TOO_SHORT, TOO_LONG, BROKEN, DISAGREES)

_QUIETEST = 0.01  # RMS of the loud frames
_FULL_SCALE = 0.999
_MOST_CLIPPED = 2e-3  # of the samples of speech
# Seconds of speech at rate 1: for a phoneme, and for the whole besides.
_SHORTEST, _SHORTEST_WHOLE = 0.03, 0.03
_LONGEST, _LONGEST_WHOLE = 0.17, 0.5
_LONGEST_PAUSE_S = 0.35
_PAUSE_DB = -45.0

# Takes of a text that represent it, chosen among so many.
_MEDOIDS = 3
_CANDIDATES = 12
_FEWEST_VOICES = 4
# A take is bad if the nearest of takes that say something else are nearer than its own text's: an
# unusual voice is far from both, and stays. The share of takes that count as the nearest.
_NEAREST_OTHERS = 0.1
# Or if it is farther from its own text than usual, by so many times the spread of the middle half.
_SPREADS = 5.0
_LEAST_SPREAD = 0.02
_FEWEST_FOR_SPREAD = 10


def fault(samples: np.ndarray, phonemes: int, rate: float = 1.0, words: int = 1) -> str:
    """What is wrong with a take by itself.

    Args:
      samples: float32 [n] at RATE, as rendered.
      phonemes: how many the text has.
      rate: how fast it was to be said.
      words: of the text; between two a pause may be.

    Returns:
      One of REASONS, or "".
    """
    if found := fault_of_sound(samples):
        return found
    speech = simulation.trim_silence(samples, RATE)
    seconds = len(speech) / RATE * rate
    if seconds < _SHORTEST * phonemes + _SHORTEST_WHOLE:
        return TOO_SHORT
    if seconds > _LONGEST * phonemes + _LONGEST_WHOLE:
        return TOO_LONG
    if words == 1 and _longest_pause(speech) > _LONGEST_PAUSE_S:
        return BROKEN
    return ""


def fault_of_sound(samples: np.ndarray) -> str:
    """The part of `fault` that does not depend on the text: SILENT, CLIPPED or ""."""
    speech = simulation.trim_silence(samples, RATE)
    if len(speech) == 0 or simulation.active_rms(speech, RATE) < _QUIETEST:
        return SILENT
    if np.mean(np.abs(speech) >= _FULL_SCALE) > _MOST_CLIPPED:
        return CLIPPED
    return ""


def _longest_pause(speech: np.ndarray) -> float:
    """Seconds of the longest stretch that is far below the loudest frame."""
    size = RATE // 100
    frames = speech[: len(speech) // size * size].reshape(-1, size)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    longest = now = 0
    for is_quiet in power < power.max(initial=0.0) * 10.0 ** (_PAUSE_DB / 10.0):
        now = now + 1 if is_quiet else 0
        longest = max(longest, now)
    return longest / 100


def disagreeing(
    takes: Sequence[np.ndarray], voices: Sequence[str], others: Sequence[np.ndarray]
) -> list[bool]:
    """Which takes of one text do not sound like it, judged by those of other voices.

    Args:
      takes: `agreement.spectra` of each.
      voices: whose each is; a take is never judged by its own voice.
      others: spectra of takes that say something else.

    Returns:
      True for a take that is farther from the most typical takes of other voices than from the
      nearest of `others`, or far beyond what most takes are. All False with fewer than four voices:
      then nobody is typical.
    """
    if len(set(voices)) < _FEWEST_VOICES:
        return [False] * len(takes)
    # One of each voice first, so that no voice is typical by its number.
    seen: dict[str, int] = {}
    turns = []
    for place, voice in enumerate(voices):
        turns.append((seen.get(voice, 0), place))
        seen[voice] = seen.get(voice, 0) + 1
    candidates = _spread([place for _, place in sorted(turns)], len(set(voices)))
    typical = [
        candidates[i]
        for i in agreement.medoids([takes[place] for place in candidates], _MEDOIDS + 1)
    ]
    judged = _to_typical(takes, voices, typical)
    most = np.full(len(takes), np.inf)
    if len(takes) >= _FEWEST_FOR_SPREAD:
        spread = np.percentile(judged, 75) - np.percentile(judged, 25)
        most[:] = np.median(judged) + _SPREADS * max(spread, _LEAST_SPREAD)
    if len(others):
        found = agreement.warped_distances([(take, other) for take in takes for other in others])
        foreign = np.quantile(found.reshape(len(takes), -1), _NEAREST_OTHERS, axis=1)
        most = np.minimum(most, foreign)
    return [bool(value) for value in judged > most]


def _spread(places: Sequence[int], voices: int) -> list[int]:
    """At most _CANDIDATES of the first `voices` places, evenly over them."""
    first = places[:voices]
    step = max(1.0, len(first) / _CANDIDATES)
    return [first[int(i * step)] for i in range(min(_CANDIDATES, len(first)))]


def _to_typical(
    takes: Sequence[np.ndarray], voices: Sequence[str], typical: Sequence[int]
) -> np.ndarray:
    """Median distance of each take to the `typical` ones of other voices."""
    pairs, owners = [], []
    for number, (take, voice) in enumerate(zip(takes, voices, strict=True)):
        for place in [place for place in typical if voices[place] != voice][:_MEDOIDS]:
            pairs.append((take, takes[place]))
            owners.append(number)
    found = agreement.warped_distances(pairs)
    numbers = np.array(owners)
    return np.array([np.median(found[numbers == number]) for number in range(len(takes))])
