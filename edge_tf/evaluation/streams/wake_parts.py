"""Sound that a wake word's detector is chosen and tested on: words at levels of noise, and hours
of sound of each kind that holds none of them.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from edge_tf.audio import simulation
from edge_tf.data.streams.sound_bank import Choice
from edge_tf.data.streams.wake_sounds import TAKES, WakeSounds
from edge_tf.evaluation.streams.stream_scene import Event

_WORD_RMS = 0.05  # of the loud frames, of full scale
_FLOOR_RMS = 3e-5  # a microphone's own noise
_PAUSE_S = (1.5, 3.0)
_MOST_WORDS = 150  # at each level


@dataclasses.dataclass(frozen=True)
class SoundPart:
    """A piece of sound to listen to from its beginning.

    Attributes:
      kind: of sound, in words.
      samples: (n,) int16.
      events: the keywords in it, in order.
    """

    kind: str
    samples: np.ndarray
    events: Sequence[Event] = ()


def of(
    sounds: WakeSounds, snrs_db: Sequence[float | None], sample_rate: int, seed: int
) -> list[SoundPart]:
    """The parts of a split.

    Args:
      sounds: of the split.
      snrs_db: levels of noise around the words; None: no noise.
      sample_rate: Hz.
      seed: for order, pauses and noise.
    """
    mixed = sounds.sounds()
    parts = []
    for number, snr in enumerate(snrs_db):
        rng = np.random.default_rng([seed, 0x9A27, number])
        parts.append(_words(sounds, mixed.noise, snr, sample_rate, rng))
    for kind, bank in sounds.others.items():
        # Said without a pause, what sounds like the word tells nothing of an hour of life.
        if kind != TAKES and len(bank):
            parts.append(SoundPart(kind, bank.samples))
    parts.append(SoundPart("synthetic noise", sounds.noise.samples))
    return parts


def _words(
    sounds: WakeSounds,
    noise: Choice,
    snr_db: float | None,
    sample_rate: int,
    rng: np.random.Generator,
) -> SoundPart:
    pieces: list[np.ndarray] = []
    events: list[Event] = []
    at = 0
    for sound, label in _said(sounds, rng):
        pause = round(rng.uniform(*_PAUSE_S) * sample_rate)
        pieces += [np.zeros(pause, np.float32), sound]
        at += pause
        events.append(Event(at, at + len(sound), label, snr_db))
        at += len(sound)
    pieces.append(np.zeros(round(_PAUSE_S[1] * sample_rate), np.float32))
    stream = np.concatenate(pieces)
    if snr_db is not None:
        for begin in range(0, len(stream), 10 * sample_rate):
            part = stream[begin : begin + 10 * sample_rate]
            cut = noise.cut(rng, len(part))
            part += simulation.set_rms(cut, _WORD_RMS * 10 ** (-snr_db / 20))
    stream += rng.standard_normal(len(stream), np.float32) * np.float32(_FLOOR_RMS)
    samples = np.rint(stream * 32768.0).clip(-32768, 32767).astype(np.int16)
    kind = "words, no noise" if snr_db is None else f"words, noise at {snr_db:g} dB"
    return SoundPart(kind, samples, events)


def _said(sounds: WakeSounds, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, int]]:
    """Takes and recordings at one level, in random order, at most _MOST_WORDS of each word."""
    found: list[tuple[np.ndarray, int]] = []
    for label, banks in enumerate(sounds.words, 1):
        all_of_it = [_leveled(bank[at]) for bank in banks for at in range(len(bank))]
        order = rng.permutation(len(all_of_it))[:_MOST_WORDS]
        found += [(all_of_it[at], label) for at in order]
    yield from (found[at] for at in rng.permutation(len(found)))


def _leveled(sound: np.ndarray) -> np.ndarray:
    loud = simulation.active_rms(sound, 16_000)
    return sound * np.float32(_WORD_RMS / loud) if loud > 0 else sound
