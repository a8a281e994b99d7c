"""Decoded clips on disk, so that only the first epoch of the first run decodes anything.

A split is one memory-mapped array of 16-bit samples; the operating system keeps in memory what
fits. The key covers the clip list and each file's size and modification time.
"""

import collections
import dataclasses
import functools
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from edge_tf import files, progress, records
from edge_tf.audio import devices, wav
from edge_tf.data.dataset import Clip, Dataset, Split
from edge_tf.errors import UserError

_log = logging.getLogger(__name__)

_LISTED = 20  # unreadable clips that are logged in addition to the first


def default_folder() -> Path:
    """Default folder of caches: $XDG_CACHE_HOME/edge_tf."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge_tf"


@dataclasses.dataclass(frozen=True)
class Notes:
    """notes.json of an entry: digest of samples and labels, and number of clips per change."""

    sha256: str
    counts: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Waveforms:
    """A decoded split.

    Attributes:
      samples: (clips, clip_samples) int16, memory-mapped.
      labels: (clips,) int32.
      names: where each clip comes from.
      is_silence: (clips,) bool, clips of digital silence (they get noise in training).
      devices: recording device or simulated device of each clip; "" if unknown.
      fingerprint: SHA-256 of samples and labels, for the record.
      notes: how many clips were resampled, down-mixed, padded, cropped, filtered by a simulated
        device.
    """

    samples: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    is_silence: np.ndarray
    devices: tuple[str, ...]
    fingerprint: str
    notes: Mapping[str, int]


def load(
    dataset: Dataset, split: Split, sample_rate: int, clip_samples: int, folder: Path
) -> Waveforms:
    """Decodes a split, or maps it if it has been decoded before.

    Short clips are padded with zeros at the end, long ones cropped to their middle.

    Raises:
      UserError: a clip cannot be read; no partial entry is left.
    """
    clips = dataset.splits[split]
    target = folder / f"{split}-{_key(dataset, clips, sample_rate, clip_samples)}"
    shape = (len(clips), clip_samples)
    entry = _open(target, shape) if target.exists() else None
    if entry is None:
        with files.atomic_path(target) as temporary:
            temporary.mkdir()
            _decode(dataset, split, sample_rate, clip_samples, temporary)
        entry = _open(target, shape)
        if entry is None:
            raise UserError(f"{target} does not contain what was written to it", "check the disk")
    samples, fingerprint, counts = entry
    for what, count in counts.items():
        _log.info("%s: %d of %d clips %s", split, count, len(clips), what)
    return Waveforms(
        samples=samples,
        labels=np.array([clip.label for clip in clips], np.int32),
        names=tuple(clip.path or "(silence)" for clip in clips),
        is_silence=np.array([not clip.path for clip in clips]),
        devices=tuple(clip.device for clip in clips),
        fingerprint=fingerprint,
        notes=counts,
    )


def _open(target: Path, shape: tuple[int, int]) -> tuple[np.ndarray, str, dict[str, int]] | None:
    """Samples, fingerprint and notes of an entry; None if it is damaged."""
    try:
        notes = records.load(target / "notes.json", Notes)
        samples = np.load(target / "samples.npy", mmap_mode="r")
        if samples.shape != shape or samples.dtype != np.int16:
            raise ValueError("other samples")
        return samples, notes.sha256, notes.counts
    except (UserError, OSError, EOFError, ValueError) as error:
        _log.warning("%s is damaged (%s): decoding again", target, error)
        return None


def load_noise(dataset: Dataset, sample_rate: int, clip_samples: int) -> list[np.ndarray]:
    """Background recordings, each (n,) int16; those shorter than a clip are left out."""
    recordings = [wav.read(dataset.root / path, sample_rate).samples for path in dataset.noise]
    kept = [samples for samples in recordings if len(samples) >= clip_samples]
    if len(kept) < len(recordings):
        _log.warning("%d noise files are shorter than a clip", len(recordings) - len(kept))
    return kept


def _key(dataset: Dataset, clips: tuple[Clip, ...], sample_rate: int, clip_samples: int) -> str:
    digest = hashlib.sha256()

    def update(line: str) -> None:
        digest.update(line.encode("utf-8", "surrogateescape"))

    update(f"1 {dataset.root.resolve()} {sample_rate} {clip_samples}\n")
    for clip in clips:
        stamp = (0, 0)
        if clip.path:
            path = dataset.root / clip.path
            try:
                status = path.stat()
            except OSError as error:
                raise UserError(
                    f"{path}: {error.strerror}", "restore it, or take it out of the data"
                ) from None
            stamp = (status.st_size, status.st_mtime_ns)
        update(f"{clip.label}\t{clip.path}\t{clip.start}\t{clip.gain}\t{stamp}\n")
    filters = _simulated(clips, sample_rate)
    if filters:  # keys of other splits are unchanged, so their entries stay valid
        update(f"simulated {[clip.simulated for clip in clips]}\n")
        for taps in filters.values():
            digest.update(taps.tobytes())
    return digest.hexdigest()[:24]


def _simulated(clips: tuple[Clip, ...], sample_rate: int) -> dict[int, np.ndarray]:
    """Filters of the simulated devices that clips use, by number."""
    numbers = sorted({clip.simulated for clip in clips} - {0})
    return {number: devices.simulated(number, sample_rate) for number in numbers}


def _decode(
    dataset: Dataset, split: Split, sample_rate: int, clip_samples: int, folder: Path
) -> None:
    """Writes samples.npy and notes.json.

    Not through a memory map: on a full disk that would kill the process with a signal.
    """
    clips = dataset.splits[split]
    counts: collections.Counter[str] = collections.Counter()
    digest = hashlib.sha256()
    header = {"descr": "<i2", "fortran_order": False, "shape": (len(clips), clip_samples)}
    with (folder / "samples.npy").open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for one in _decoded(dataset, split, sample_rate, clip_samples, counts):
            content = one.astype("<i2").tobytes()
            digest.update(content)
            out.write(content)
    digest.update(np.array([clip.label for clip in clips], np.int32).tobytes())
    done = {what: n for what, n in counts.items() if n}
    notes = Notes(digest.hexdigest(), done)
    files.write_json(folder / "notes.json", records.to_json(notes))


def _decoded(
    dataset: Dataset,
    split: Split,
    sample_rate: int,
    clip_samples: int,
    counts: collections.Counter[str],
) -> Iterator[np.ndarray]:
    """The clips of a split, each (clip_samples,) int16; counts what was done to them."""
    clips = dataset.splits[split]
    filters = _simulated(clips, sample_rate)
    # The versions of a clip for the simulated devices are consecutive.
    read = functools.lru_cache(maxsize=1)(lambda path: wav.read(path, sample_rate))
    long_files: dict[str, wav.Sound] = {}
    for row, clip in enumerate(progress.bar(clips, desc=f"decoding {split}", unit="clip")):
        if not clip.path:
            yield np.zeros(clip_samples, np.int16)
            continue
        path = dataset.root / clip.path
        if clip.start is None:
            try:
                sound = read(path)
            except UserError as error:
                others = [other for other in clips[row + 1 :] if other.path != clip.path]
                raise _with_others(error, dataset, others) from None
            one = fit_length(sound.samples, clip_samples)
            counts["zero-padded at the end"] += len(sound.samples) < clip_samples
            counts["cropped to their middle"] += len(sound.samples) > clip_samples
        else:
            if clip.path not in long_files:
                long_files[clip.path] = wav.read(path, sample_rate)
            sound = long_files[clip.path]
            start = round(clip.start * sample_rate)
            one = sound.samples[start : start + clip_samples]
            if len(one) < clip_samples:
                raise UserError(
                    f"{path}: a clip at {clip.start:g} s needs {clip_samples} samples, the file "
                    f"has {len(sound.samples)}",
                    "fix the split list, or use the recordings it was made for",
                )
        counts.update(sound.notes)
        if clip.gain != 1.0:
            one = np.clip(np.rint(one * clip.gain), -32768, 32767).astype(np.int16)
        if clip.simulated:
            one = devices.apply(one, filters[clip.simulated])
            counts["heard through a simulated device"] += 1
        yield one


def _with_others(first: UserError, dataset: Dataset, clips: list[Clip]) -> UserError:
    """The error of one clip and how many of `clips` have one too, so that one pass fixes all."""
    others = []
    for path in sorted({clip.path for clip in clips if clip.path and clip.start is None}):
        try:
            wav.duration(dataset.root / path)
        except UserError as error:
            others.append(error)
    for other in others[:_LISTED]:
        _log.warning("%s", other)
    return UserError(f"{first} ({len(others)} more clips cannot be read)") if others else first


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Pads with zeros at the end, or crops to the middle."""
    if len(samples) > length:
        start = (len(samples) - length) // 2
        return samples[start : start + length]
    return np.pad(samples, (0, length - len(samples)))
