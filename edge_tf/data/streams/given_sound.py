"""Sound in the folders that a user names.

That of --negatives is divided like this: by lists in the folder, as in Speech Commands; else files
by their speaker or name, and recordings longer than a minute by time.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge_tf.audio import wav
from edge_tf.data import sound_files
from edge_tf.data.dataset import SPLITS, Split
from edge_tf.data.streams import sound_bank
from edge_tf.data.streams.mixing import RATE
from edge_tf.data.streams.package_list import PACKAGES
from edge_tf.data.streams.sound_bank import SoundBank
from edge_tf.data.words.speakers import Speakers
from edge_tf.errors import UserError

LISTS: tuple[tuple[Split, str], ...] = (
    ("validation", "validation_list.txt"),
    ("testing", "testing_list.txt"),
)
QUIET_DB = -30.0  # relative to the loudest: what is softer around a sound is room
_HELD_OUT = 0.15  # of files for validation, and as many for the test
_LONG_S = 60.0


def names(folder: Path, flag: str) -> tuple[str, ...]:
    """The files of a folder that a flag names. Raises UserError if there are none."""
    if folder.name in {package.kind for package in PACKAGES} and not folder.is_dir():
        raise UserError(
            f"{folder} ({flag}) is not there any more",
            f"put it back, or fetch it: python -m pipelines.ambient --out={folder.parent}",
        )
    found = sound_files.listed(folder, levels=3).names
    if not found:
        raise UserError(f"{flag}={folder} has no sound", "name a folder of WAV or FLAC files")
    return found


def whole(folder: Path, flag: str) -> SoundBank:
    """All sound of a folder.

    Raises:
      UserError: it has no sound, or a file cannot be read.
    """
    return sound_bank.of(wav.read(folder / name, RATE).samples for name in names(folder, flag))


def negatives(folder: Path, split: Split) -> SoundBank:
    """The part of a folder of other sound that belongs to a split; see the module.

    Raises:
      UserError: it has no sound, or a file cannot be read.
    """
    return sound_bank.of(_part(folder, split))


def _part(folder: Path, split: Split) -> Iterator[np.ndarray]:
    listed = {
        line.strip(): which
        for which, name in LISTS
        if (folder / name).is_file()
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
    }
    speakers = Speakers()
    for name in names(folder, "--negatives"):
        if listed:
            if listed.get(name, "training") == split:
                yield wav.read(folder / name, RATE).samples
        elif wav.duration(folder / name) > _LONG_S:
            yield by_time(wav.read(folder / name, RATE).samples, split)
        elif split_of(speakers.group(name)) == split:
            yield wav.read(folder / name, RATE).samples


def split_of(group: str) -> Split:
    """The split of all files of a speaker, or of a file, by name."""
    place = zlib.crc32(group.encode()) / 2**32
    if place < _HELD_OUT:
        return "validation"
    return "testing" if place < 2 * _HELD_OUT else "training"


def by_time(samples: np.ndarray, split: Split) -> np.ndarray:
    """A split's part of a recording: training comes first, then validation, then the test."""
    bounds = [0.0, 1.0 - 2 * _HELD_OUT, 1.0 - _HELD_OUT, 1.0]
    place = SPLITS.index(split)
    first, last = (round(bound * len(samples)) for bound in bounds[place : place + 2])
    return samples[first:last]
