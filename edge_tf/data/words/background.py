"""Background recordings of a folder of words, and the clips of silence that come from them."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from edge_tf import files
from edge_tf.audio import noises, simulation, wav, wav_bytes
from edge_tf.data import sound_files
from edge_tf.data.dataset import NOISE_FOLDER, Clip, Split
from edge_tf.errors import UserError

# Other names of the folder; the last two are names of words as well.
_ALIASES = (NOISE_FOLDER, "background_noise", "_noise_", "_background_", "noise", "background")
_MAY_BE_WORDS = ("noise", "background")

_RATE = 16_000
_MADE_SECONDS = 30
_MADE_LEVELS = (0.0003, 0.3)  # RMS


@dataclasses.dataclass(frozen=True)
class Recordings:
    """Background recordings.

    Attributes:
      seconds: path, relative to the data or absolute, to length.
      notes: what is left out or was made.
      made: they are synthetic.
    """

    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    made: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """In order."""
        return tuple(self.seconds)


def folder_of(root: Path, words: Iterable[str] | None) -> str:
    """Name of the folder with background noise; NOISE_FOLDER if there is none.

    Args:
      root: the data.
      words: names that are words, not noise; None: every folder whose name can be a word is one.
    """
    found = {
        path.name.casefold().replace("-", "_").replace(" ", "_"): path.name
        for path in sorted(root.iterdir(), reverse=True)
        if path.is_dir() and path.name not in (words or ())
    }
    for name in _ALIASES:
        if words is None and name in _MAY_BE_WORDS:
            continue
        if name in found and sound_files.listed(root / found[name]).names:
            return found[name]
    return NOISE_FOLDER


def recorded(root: Path, folder: str, clip_ms: int) -> Recordings:
    """The usable recordings of a folder; empty, silent and short ones are left out.

    Raises:
      UserError: a recording cannot be read.
    """
    listing = sound_files.listed(root / folder)
    seconds: dict[str, float] = {}
    left_out: dict[str, int] = {}
    for name in listing.names:
        path = root / folder / name
        why = ""
        if path.stat().st_size == 0:
            why = "empty"
        elif not np.any(samples := wav.read(path, _RATE).samples):
            why = "silent"
        elif 1000 * len(samples) < clip_ms * _RATE:
            why = f"shorter than a clip of {clip_ms} ms"
        if why:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            seconds[f"{folder}/{name}"] = wav.duration(path)
    notes = []
    if folder != NOISE_FOLDER and seconds:
        notes.append(f"{root / folder} is background noise, as {NOISE_FOLDER} is")
    if left_out:
        counts = ", ".join(f"{n} {why}" for why, n in left_out.items())
        notes.append(
            f"{root / folder}: {sum(left_out.values())} of {len(listing.names)} background "
            f"recordings are left out ({counts})"
        )
    return Recordings(seconds, tuple(notes))


def listed(root: Path, folder: str = NOISE_FOLDER) -> Recordings:
    """All .wav recordings of a folder, unread, as runs before `rules` 2 used them."""
    names = sound_files.listed(root / folder, extensions=(".wav",)).names
    return Recordings({f"{folder}/{name}": wav.duration(root / folder / name) for name in names})


def made(root: Path, cache: Path, seed: int, clip_ms: int) -> Recordings:
    """Recordings for data without any: white, pink and brown noise, hum, and digital silence.

    Levels change from second to second. Files are written to the cache, if they are not there.

    Args:
      root: the data, for the note.
      cache: folder for the files.
      seed: the same one gives the same bytes.
      clip_ms: recordings are several clips long.
    """
    length = max(_MADE_SECONDS * 1000, 4 * clip_ms) * _RATE // 1000
    sounds = {
        "white": noises.coloured(_generator(seed, 0), length, 0.0),
        "pink": noises.coloured(_generator(seed, 1), length, 1.0),
        "brown": noises.coloured(_generator(seed, 2), length, 2.0),
        "hum": noises.hum(_generator(seed, 3), length),
        "digital_silence": np.zeros(length, np.float32),
    }
    folder = cache.resolve() / "made_noise" / f"{length}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    seconds = {}
    for number, (name, sound) in enumerate(sounds.items()):
        content = wav_bytes.encode(_at_levels(sound, _generator(seed, 10 + number)), _RATE)
        path = folder / f"{name}.wav"
        if not path.exists() or path.read_bytes() != content:
            files.write_bytes(path, content)
        seconds[str(path)] = length / _RATE
    note = (
        f"{root} has no background noise: the class _silence_ and the noise in training clips are "
        f"synthetic (white, pink, brown, hum); record some of the place of use and put it into "
        f"{root / NOISE_FOLDER}"
    )
    return Recordings(seconds, (note,), made=True)


def silence(
    root: Path,
    recordings: Mapping[str, float],
    count: int,
    split: Split,
    label: int,
    clip_ms: int,
    rng: np.random.Generator,
) -> list[Clip]:
    """Clips of the class silence.

    Training: digital silence; augmentation adds noise. Else: fixed pieces of noise.

    Args:
      root: the data, for the message.
      recordings: path to length in seconds.
      count: how many.
      split, label: of the clips.
      clip_ms: their length.
      rng: chooses recording, position and level.

    Raises:
      UserError: none is as long as a clip.
    """
    if split == "training":
        return [Clip(label, "")] * count
    paths = [path for path, seconds in recordings.items() if 1000 * seconds >= clip_ms]
    if count and not paths:
        raise UserError(f"{root}: no background recording is {clip_ms} ms long", "add longer ones")
    clips = []
    for _ in range(count):
        path = paths[rng.integers(len(paths))]
        latest = recordings[path] - clip_ms / 1000
        start = min(round(float(rng.uniform(0.0, latest)), 4), int(latest * 10_000) / 10_000)
        clips.append(Clip(label, path, start, round(float(rng.uniform()), 3)))
    return clips


def _generator(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, 5, number])


def _at_levels(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) float32 of RMS 0.1 to int16; each second has a level of its own, without steps."""
    low, high = np.log(_MADE_LEVELS)
    count = -(-len(sound) // _RATE) + 1
    levels = np.exp(rng.uniform(low, high, count)) / 0.1
    gains = np.interp(np.arange(len(sound)) / _RATE, np.arange(count), levels)
    return simulation.to_int16(sound * gains)
