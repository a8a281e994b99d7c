"""A long test stream for a wake word: keywords, other words, pauses and noise."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

# Level of words, -26 dB of full scale: far from clipping, as from a close microphone.
_WORD_RMS = 10 ** (-26 / 20) * 32768
_LOUD_SHARE = 0.3  # of a clip's frames: the word itself, not the silence around it
_WORD_DB = -20.0  # of the word's frames to its loudest ones; what is softer is around the word
_PAUSE_S = (1.0, 3.0)
_SECTION_S = 60.0  # length with one signal-to-noise ratio


@dataclasses.dataclass(frozen=True)
class Event:
    """A spoken keyword.

    Attributes:
      start, end: of the word, in samples from the start of the stream; its clip may be longer.
      label: index of its class.
      snr_db: of the word to the noise around it; None: no noise.
    """

    start: int
    end: int
    label: int
    snr_db: float | None


@dataclasses.dataclass(frozen=True)
class Scene:
    """The stream and what is in it.

    Attributes:
      samples: (n,) int16.
      sample_rate: Hz.
      events: keywords, in order.
      other_words: number of spoken words that are not keywords.
      clips: number of distinct clips among keywords and other words.
      snrs_db: signal-to-noise ratio of each section; None: no noise.
      section: length of a section, in samples; no clip is in two.
    """

    samples: np.ndarray
    sample_rate: int
    events: Sequence[Event]
    other_words: int
    clips: int
    snrs_db: Sequence[float | None]
    section: int

    @property
    def hours(self) -> float:
        return len(self.samples) / self.sample_rate / 3600

    def levels(self) -> "list[Level]":
        """The sections of each level of noise as a stream of their own, levels as they came."""
        return [self._level(snr) for snr in dict.fromkeys(self.snrs_db)]

    def _level(self, snr_db: float | None) -> "Level":
        parts, events = [], []
        length = 0
        for number, snr in enumerate(self.snrs_db):
            if snr != snr_db:
                continue
            begin = number * self.section
            part = self.samples[begin : begin + self.section]
            for event in self.events:
                if begin <= event.start < begin + len(part):
                    moved = length - begin
                    events.append(
                        dataclasses.replace(event, start=event.start + moved, end=event.end + moved)
                    )
            parts.append(part)
            length += len(part)
        return Level(snr_db, np.concatenate(parts), events)


@dataclasses.dataclass(frozen=True)
class Level:
    """The part of a stream that has one level of noise.

    Attributes:
      snr_db: signal-to-noise ratio; None: no noise.
      samples: (n,) int16.
      events: keywords, in order.
    """

    snr_db: float | None
    samples: np.ndarray
    events: Sequence[Event]

    @property
    def kind(self) -> str:
        """Of sound, in words."""
        return "words, no noise" if self.snr_db is None else f"words, noise at {self.snr_db:g} dB"


def build(
    words: np.ndarray,
    labels: np.ndarray,
    is_keyword: Sequence[bool],
    others: Sequence[bool],
    noise: Sequence[np.ndarray],
    sample_rate: int,
    minutes: float,
    snrs_db: Sequence[float | None] = (None, 20.0, 10.0, 5.0),
    seed: int = 0,
) -> Scene:
    """Composes a stream.

    Clips are separated by pauses of 1 to 3 s. Each minute, a section, has another noise, at the
    next signal-to-noise ratio: root mean square of a word's loudest third over that of the noise.
    Every clip is used once before any is repeated.

    Args:
      words: (n, samples) int16 clips; clips of neither kind, such as silence, are not used.
      labels: (n,) class of each.
      is_keyword: per class, whether it should be detected.
      others: per class, whether its clips are words that must not be detected.
      noise: recordings of background noise, (m,) int16 each.
      sample_rate: Hz.
      minutes: length.
      snrs_db: ratios, used in turn; None: no noise.
      seed: of all choices.

    Raises:
      ValueError: no clip is a keyword, noise is missing for a ratio, or the stream is too short for
        a keyword.
    """
    rng = np.random.default_rng(seed)
    keywords = np.flatnonzero(np.asarray(is_keyword)[labels])
    unknown = np.flatnonzero(np.asarray(others)[labels])
    if not len(keywords) or (not noise and any(snr is not None for snr in snrs_db)):
        raise ValueError("a stream needs keywords, and noise for its signal-to-noise ratios")
    length = round(minutes * 60 * sample_rate)
    samples = np.zeros(length, np.float64)
    section = round(_SECTION_S * sample_rate)
    snr_at = [snrs_db[i % len(snrs_db)] for i in range(-(-length // section))]
    for i, snr in enumerate(snr_at):
        if snr is not None:
            part = samples[i * section : (i + 1) * section]
            part += _noise(rng, noise, len(part)) * _WORD_RMS * 10 ** (-snr / 20)
    kinds = [_in_turns(rng, keywords), _in_turns(rng, unknown) if len(unknown) else None]
    events, other_words, used = [], 0, set()
    at = round(_PAUSE_S[1] * sample_rate)
    while at + words.shape[1] < length:
        if at // section != (at + words.shape[1]) // section:  # not in two sections
            at = (at // section + 1) * section
        if at % section < _PAUSE_S[0] * sample_rate:  # a section begins with a pause, too
            at += round(_PAUSE_S[1] * sample_rate)
            continue
        kind = int(rng.random() < 0.5 and kinds[1] is not None)
        turns = kinds[kind]
        assert turns is not None
        row = next(turns)
        used.add(row)
        clip = words[row].astype(np.float64)
        loud, begin, end = _word(clip, sample_rate // 100)
        if loud > 0:
            samples[at : at + len(clip)] += clip * (_WORD_RMS / loud)
        if kind == 0:
            snr = snr_at[at // section]
            events.append(Event(at + begin, at + end, int(labels[row]), snr))
        else:
            other_words += 1
        at += len(clip) + round(rng.uniform(*_PAUSE_S) * sample_rate)
    if not events:
        raise ValueError(f"no keyword fits into {minutes:g} minutes")
    clipped = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
    return Scene(clipped, sample_rate, events, other_words, len(used), snr_at, section)


def _in_turns(rng: np.random.Generator, rows: np.ndarray) -> Iterator[int]:
    """Endless rows in random order, each used once before any is repeated."""
    while True:
        yield from rng.permutation(rows).tolist()


def _word(clip: np.ndarray, frame: int) -> tuple[float, int, int]:
    """Root mean square of the loudest third of a clip's frames; start and end of the word in it.

    The word is from the first to the last frame above _WORD_DB: the whole clip, if it has noise.
    """
    frames = clip[: len(clip) // frame * frame].reshape(-1, frame)
    power = np.mean(frames**2, axis=1)
    loudest = np.sort(power)[::-1][: max(1, round(_LOUD_SHARE * len(power)))]
    mean = float(np.mean(loudest))
    spoken = np.flatnonzero(power >= mean * 10 ** (_WORD_DB / 10))
    return math.sqrt(mean), int(spoken[0]) * frame, int(spoken[-1] + 1) * frame


def _noise(rng: np.random.Generator, noise: Sequence[np.ndarray], length: int) -> np.ndarray:
    """A recording from a random position, repeated, with a root mean square of 1."""
    recording = noise[int(rng.integers(len(noise)))].astype(np.float64)
    begin = int(rng.integers(len(recording)))
    repeated = np.resize(np.roll(recording, -begin), length)
    level = float(np.sqrt(np.mean(repeated**2)))
    return repeated / level if level > 0 else repeated
