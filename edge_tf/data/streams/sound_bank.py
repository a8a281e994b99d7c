"""Many sounds in one array, as training picks and cuts them."""

import dataclasses
from collections.abc import Iterable

import numpy as np

_FULL_SCALE = np.float32(1 / 32768)


@dataclasses.dataclass(frozen=True)
class SoundBank:
    """Sounds behind each other.

    Attributes:
      samples: (total,) int16.
      starts: (n + 1,) int64; sound i is samples[starts[i] : starts[i + 1]].
    """

    samples: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        """(length,) float32, full scale 1."""
        return self.samples[self.starts[index] : self.starts[index + 1]] * _FULL_SCALE

    def apart(self, samples: int) -> "SoundBank":
        """The same sounds, each followed by so many samples of silence."""
        silence = np.zeros(samples, np.int16)
        sounds = (self.samples[a:b] for a, b in zip(self.starts, self.starts[1:], strict=False))
        return of(np.concatenate([sound, silence]) for sound in sounds)

    def pick(self, rng: np.random.Generator) -> np.ndarray:
        """One sound, each as likely."""
        return self[int(rng.integers(len(self)))]

    def cut(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """`length` samples from anywhere, float32; behind the last sound the first follows."""
        begin = int(rng.integers(len(self.samples)))
        places = np.arange(begin, begin + length)
        return self.samples.take(places, mode="wrap") * _FULL_SCALE


def of(sounds: Iterable[np.ndarray]) -> SoundBank:
    """A bank of int16 sounds; empty ones are left out."""
    kept = [sound for sound in sounds if len(sound)]
    lengths = np.array([0, *(len(sound) for sound in kept)], np.int64)
    samples = np.concatenate(kept) if kept else np.zeros(0, np.int16)
    return SoundBank(samples, np.cumsum(lengths))


@dataclasses.dataclass(frozen=True)
class Choice:
    """Banks to draw from, each with how often it is drawn; empty ones are left out.

    Raises:
      ValueError: all are empty.
    """

    banks: tuple[tuple[float, SoundBank], ...]

    def __post_init__(self) -> None:
        kept = tuple((share, bank) for share, bank in self.banks if len(bank) and share > 0)
        if not kept:
            raise ValueError("no bank has a sound")
        object.__setattr__(self, "banks", kept)

    def bank(self, rng: np.random.Generator) -> SoundBank:
        at = rng.random() * sum(share for share, _ in self.banks)
        for share, bank in self.banks:
            at -= share
            if at < 0:
                return bank
        return self.banks[-1][1]

    def pick(self, rng: np.random.Generator) -> np.ndarray:
        """One sound of one of the banks."""
        return self.bank(rng).pick(rng)

    def cut(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """`length` samples of one of the banks."""
        return self.bank(rng).cut(rng, length)
