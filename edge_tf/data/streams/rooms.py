"""Recorded impulse responses of rooms, as streams are heard in them.

DIR/*.wav, or DIR/ROOM/*.wav if a room has several: no room is in two splits. Of files with several
channels the first is taken: their mean would be a comb.
"""

import collections
import logging
import zlib
from pathlib import Path

import numpy as np
import soundfile

from edge_tf.audio import simulation
from edge_tf.data import sound_files
from edge_tf.data.dataset import Split
from edge_tf.errors import UserError

_log = logging.getLogger(__name__)

RATE = 16_000
_LEVELS = 3  # of folders
_LONGEST_FILE_S = 10.0
_KEPT_S = 1.0  # of a response
_DIRECT = 0.1  # of the largest sample: where the direct sound begins
_EARLY_S, _EARLY_SHARE = 0.5, 0.5  # of the energy: later, and it is no response
_SILENT = 1e-5
_HELD_OUT = 0.15  # of rooms for validation, and as many for the test
_REMEDY = "name a folder of recorded impulse responses (WAV or FLAC)"


def names(folder: Path) -> tuple[str, ...]:
    """The files of a folder. Raises UserError if there are none."""
    found = sound_files.listed(folder, levels=_LEVELS).names
    if not found:
        raise UserError(f"--rooms={folder} has no sound", _REMEDY)
    return found


def tell(folder: Path) -> None:
    """Logs what is left out, and which splits have no room.

    Raises:
      UserError: there is no response, or none for training.
    """
    reasons: collections.Counter[str] = collections.Counter()
    found: collections.Counter[Split] = collections.Counter()
    files = names(folder)
    for name in files:
        response, reason = _read(folder / name)
        if response is None:
            reasons[reason] += 1
        else:
            found[_split(name)] += 1
    if reasons:
        _log.warning(
            "--rooms=%s: %d of %d files are left out (%s)",
            folder,
            reasons.total(),
            len(files),
            ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()),
        )
    if not found["training"]:
        raise UserError(
            f"--rooms={folder}: none of its {len(files)} files is a response to train on", _REMEDY
        )
    for split in ("validation", "testing"):
        if not found[split]:
            _log.warning(
                "--rooms=%s: none of its rooms is kept for %s, where rooms are simulated",
                folder,
                "the test" if split == "testing" else split,
            )


def load(folder: Path, split: Split) -> list[np.ndarray]:
    """The responses of a split, each (n,) float32 of energy 1 that begins with the direct sound.

    They are at most a second long. Files that are none are left out; see `tell`.

    Raises:
      UserError: the folder has no sound.
    """
    mine = (name for name in names(folder) if _split(name) == split)
    found = (_read(folder / name)[0] for name in mine)
    return [response for response in found if response is not None]


def _split(name: str) -> Split:
    """By the room: its folder, else the file."""
    place = zlib.crc32(name.split("/")[0].encode()) / 2**32
    if place < _HELD_OUT:
        return "validation"
    return "testing" if place < 2 * _HELD_OUT else "training"


def _read(path: Path) -> tuple[np.ndarray | None, str]:
    """A response; or None, and what is wrong with the file."""
    try:
        with soundfile.SoundFile(path) as source:
            if source.frames > _LONGEST_FILE_S * source.samplerate:
                return None, f"longer than {_LONGEST_FILE_S:g} s"
            samples = source.read(dtype="float32", always_2d=True)[:, 0]
            rate = source.samplerate
    except (soundfile.SoundFileError, OSError):
        return None, "cannot be read"
    if not np.isfinite(samples).all() or not (np.abs(samples) > _SILENT).any():
        return None, "silent"
    heard = samples if rate == RATE else simulation.resample(samples, RATE / rate)
    strength = np.abs(heard)
    heard = heard[int(np.argmax(strength >= _DIRECT * strength.max())) :].astype(np.float64)
    energy = np.sum(heard**2)
    if np.sum(heard[: round(_EARLY_S * RATE)] ** 2) < _EARLY_SHARE * energy:
        return None, "no impulse response: half of the energy comes late"
    kept = heard[: round(_KEPT_S * RATE)]
    return (kept / np.sqrt(np.sum(kept**2))).astype(np.float32), ""
