"""Short streams as a device may hear them: words among other sound, in a room.

A stream is one line of speech (other sound, a word, other sound; or no word), noise, and what room,
device and level make of them. Words stand anywhere, so that what precedes a word teaches nothing;
some streams are digitally silent where nobody speaks, others have a microphone's floor.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.signal

from edge_tf.audio import devices, simulation
from edge_tf.data.streams import codecs
from edge_tf.data.streams.sound_bank import Choice

RATE = 16_000
_ROOMS = _DEVICES = 300
_RECORDED = 0.5  # of the rooms, if there are recorded ones
_MOST_WORDS = 3
_CLIPPED_DB = (0.0, 12.0)  # beyond full scale


@dataclasses.dataclass(frozen=True)
class Spoken:
    """A word in a stream: samples start to end, of class `label`; 0 for other sound."""

    start: int
    end: int
    label: int


@dataclasses.dataclass(frozen=True)
class Mix:
    """How streams are mixed; shares are probabilities, decibels are drawn uniformly.

    Attributes:
      word: streams that hold words.
      again: of these, that hold another one; of those, that hold a third.
      talk: gaps beside words, and streams without words, that hold other sound.
      noise: streams with noise.
      noise_db: level of the loud parts of speech above the noise.
      room, device: streams that are heard in a room, through a device.
      speed: words are spoken up to this factor faster or slower, formants included.
      silent: streams whose floor is digital silence, not a microphone's.
      floor_db: level of a microphone's own noise, relative to full scale.
      level_db: level of the loud parts of speech, relative to full scale.
      clipped: streams that clip.
      codec: streams that went through a codec.
      gap_s: pause between sounds.
      near_s: pause between a word and what is beside it.
    """

    word: float = 0.5
    again: float = 0.15
    talk: float = 0.75
    noise: float = 0.8
    noise_db: tuple[float, float] = (-3.0, 25.0)
    room: float = 0.7
    device: float = 0.5
    speed: float = 1.15
    silent: float = 0.1
    floor_db: tuple[float, float] = (-90.0, -55.0)
    level_db: tuple[float, float] = (-42.0, -12.0)
    clipped: float = 0.05
    codec: float = 0.1
    gap_s: tuple[float, float] = (0.0, 0.6)
    near_s: tuple[float, float] = (0.0, 0.7)


@dataclasses.dataclass(frozen=True)
class Sounds:
    """What streams are mixed of.

    Attributes:
      words: for each class that is detected, from label 1.
      others: sound that holds none of the words.
      noise: what noise is cut from.
      rooms: recorded responses (rooms.py); half of the rooms are of these, if there are any.
    """

    words: Sequence[Choice]
    others: Choice
    noise: Choice
    rooms: Sequence[np.ndarray] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
    """A mixed stream.

    Attributes:
      wave: (length,) float32 within [-1, 1].
      words: in it.
      others: where other sound is heard; not the noise under it.
    """

    wave: np.ndarray
    words: list[Spoken]
    others: list[Spoken]


class Mixer:
    """Mixes streams of `length` samples; all randomness comes from the caller's generator.

    Args:
      sounds: what they are mixed of.
      mix: how.
      length: samples of a stream.
      seed: for the pools of rooms and devices.
    """

    def __init__(self, sounds: Sounds, mix: Mix, length: int, seed: int = 0) -> None:
        self._sounds, self._mix, self._length = sounds, mix, length
        self._rooms = _rooms(seed, _ROOMS)
        self._devices = devices.pool(seed, _DEVICES, RATE)

    def __call__(self, rng: np.random.Generator) -> tuple[np.ndarray, list[Spoken]]:
        """A stream, (length,) float32 within [-1, 1], and the words in it."""
        stream = self.stream(rng)
        return stream.wave, stream.words

    def stream(self, rng: np.random.Generator) -> Stream:
        """A stream, and what is in it."""
        mix = self._mix
        voice = np.zeros(self._length, np.float32)
        words = self._with_words(voice, rng) if rng.random() < mix.word else []
        if not words and rng.random() < mix.talk:
            self._talk(voice, 0, self._length, rng)
        others = _others(voice, words)
        level = 10 ** (rng.uniform(*mix.level_db) / 20)
        loud = simulation.active_rms(voice, RATE)
        if loud > 0:
            voice *= level / loud
        voice = self._in_a_room(voice, rng)
        if rng.random() < mix.noise:
            noise = self._sounds.noise.cut(rng, self._length)
            power = float(np.sqrt(np.mean(np.square(noise))))
            if power > 0:
                voice += noise * (level / power * 10 ** (-rng.uniform(*mix.noise_db) / 20))
        voice = self._through_a_device(voice, rng)
        if rng.random() >= mix.silent:
            floor = 10 ** (rng.uniform(*mix.floor_db) / 20)
            voice += rng.standard_normal(self._length, np.float32) * np.float32(floor)
        if rng.random() < mix.clipped:
            gain = 10 ** (rng.uniform(*_CLIPPED_DB) / 20)
            voice *= np.float32(gain / max(np.abs(voice).max(), 1e-6))
        voice = np.clip(voice, -1.0, 1.0)
        return Stream(np.rint(voice * 32767) * np.float32(1 / 32768), words, others)

    def _with_words(self, voice: np.ndarray, rng: np.random.Generator) -> list[Spoken]:
        """Puts up to three words anywhere, and other sound beside them."""
        mix = self._mix
        words: list[Spoken] = []
        free, count = 0, 1
        while count < _MOST_WORDS and rng.random() < mix.again:
            count += 1
        for left in range(count, 0, -1):
            label = int(rng.integers(len(self._sounds.words)))
            sound = self._spoken(self._sounds.words[label].pick(rng), rng)
            latest = self._length - len(sound)
            if latest <= free:
                break
            # Those that follow are left as much room each.
            start = int(rng.integers(free, free + -(-(latest - free) // left)))
            before = start - int(rng.uniform(*mix.near_s) * RATE)
            if rng.random() < mix.talk and before > free:
                self._talk(voice, free, before, rng, at_end=True)
            voice[start : start + len(sound)] += sound
            free = start + len(sound)
            words.append(Spoken(start, free, label + 1))
            free += int(rng.uniform(*mix.near_s) * RATE)
        if words and free < self._length and rng.random() < mix.talk:
            self._talk(voice, free, self._length, rng)
        return words

    def _spoken(self, sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        ratio = self._mix.speed ** rng.uniform(-1.0, 1.0)
        return simulation.resample(sound, ratio) * np.float32(10 ** (rng.uniform(-3.0, 3.0) / 20))

    def _talk(
        self,
        voice: np.ndarray,
        start: int,
        end: int,
        rng: np.random.Generator,
        at_end: bool = False,
    ) -> None:
        """Fills voice[start:end] with other sound, cut where it does not fit."""
        line = []
        length = 0
        while length < end - start:
            sound = self._sounds.others.pick(rng)
            longest = end - start - length
            if len(sound) > longest:
                begin = int(rng.integers(len(sound) - longest + 1))
                sound = simulation.fade_ends(sound[begin : begin + longest], RATE // 200)
            loud = simulation.active_rms(sound, RATE)
            if loud > 0:
                sound = sound * np.float32(0.1 / loud * 10 ** (rng.uniform(-6.0, 3.0) / 20))
            line += [sound, np.zeros(int(rng.uniform(*self._mix.gap_s) * RATE), np.float32)]
            length += len(sound) + len(line[-1])
        joined = np.concatenate(line)
        voice[start:end] += joined[-(end - start) :] if at_end else joined[: end - start]

    def _in_a_room(self, voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if rng.random() >= self._mix.room:
            return voice
        recorded = self._sounds.rooms
        rooms = recorded if recorded and rng.random() < _RECORDED else self._rooms
        room = rooms[int(rng.integers(len(rooms)))]
        return scipy.signal.oaconvolve(voice, room)[: self._length].astype(np.float32, copy=False)

    def _through_a_device(self, voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < self._mix.device:
            taps = self._devices[int(rng.integers(len(self._devices)))].astype(np.float32)
            voice = scipy.signal.oaconvolve(voice, taps)[: self._length].astype(np.float32)
        if rng.random() < self._mix.codec:
            voice = codecs.through(np.clip(voice, -1.0, 1.0), rng)
        return voice


def _others(voice: np.ndarray, words: Sequence[Spoken]) -> list[Spoken]:
    """Where a line of speech is not silent outside of words, in steps of 10 ms."""
    step = RATE // 100
    heard = np.pad(voice != 0, (0, -len(voice) % step))
    for word in words:
        heard[word.start : word.end] = False
    steps = heard.reshape(-1, step).any(axis=1)
    edges = np.flatnonzero(np.diff(steps, prepend=False, append=False)) * step
    return [Spoken(int(start), int(end), 0) for start, end in edges.reshape(-1, 2)]


def _rooms(seed: int, count: int) -> list[np.ndarray]:
    """Responses of small to large rooms, near and far, each float32."""
    rng = np.random.default_rng([seed, 0x0300])
    return [
        simulation.Room(
            rt60=float(rng.uniform(0.1, 0.8)),
            direct_to_reverberant_db=float(rng.uniform(-3.0, 15.0)),
            early_reflections=int(rng.integers(3, 12)),
            seed=int(rng.integers(2**31)),
        ).impulse_response(RATE)
        for _ in range(count)
    ]
