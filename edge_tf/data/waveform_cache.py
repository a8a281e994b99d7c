"""Decoded clips on disk, so that only the first epoch of the first run decodes anything.

A split is one memory-mapped array of 16-bit samples; the operating system keeps in memory what
fits. The key covers the clip list and the content of each file, and a checksum per clip tells
damage whenever an entry is opened.
"""

import dataclasses
import functools
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from edge_tf import arrays, files, progress, records
from edge_tf.audio import devices, wav
from edge_tf.data import cache_folder, file_contents, sound_faults
from edge_tf.data.cache_folder import DIGESTS, NOTES, SAMPLES
from edge_tf.data.dataset import SILENCE, Clip, Dataset, Split
from edge_tf.errors import UserError

_log = logging.getLogger(__name__)

_LISTED = 20  # unreadable clips that are logged in addition to the first
_NAMED = 4  # labels that a note names
_DIGEST_BYTES = 16
_CHECKED_ROWS = 256  # clips that are read at once to compare checksums


@dataclasses.dataclass(frozen=True)
class Notes:
    """notes.json of an entry.

    Attributes:
      sha256: of samples and labels.
      counts: for each change, the number of clips per label, in the order of the labels.
      check: of both and of the clips' checksums.
    """

    sha256: str
    counts: dict[str, list[int]]
    check: str


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
      notes: how many clips of which label were resampled, down-mixed, padded, cropped, filtered by
        a simulated device, are without sound or clipped.
      digests: (clips, 16) uint8, the start of the SHA-256 of each clip's samples.
    """

    samples: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    is_silence: np.ndarray
    devices: tuple[str, ...]
    fingerprint: str
    notes: Mapping[str, Mapping[str, int]]
    digests: np.ndarray


def load(
    dataset: Dataset, split: Split, sample_rate: int, clip_samples: int, folder: Path
) -> Waveforms:
    """Decodes a split, or maps it if it has been decoded before.

    Short clips are padded with zeros at the end, long ones cropped to their middle.

    Raises:
      UserError: a clip cannot be read, or the folder not written; no partial entry is left.
    """
    clips = dataset.splits[split]
    contents = _contents(dataset, clips, folder)
    target = folder / f"{split}-{_key(contents, clips, sample_rate, clip_samples)}"
    shape = (len(clips), clip_samples)
    seen = _inode(target)
    entry = _open(target, shape) if seen else None
    if entry is None:
        with cache_folder.writing(target):
            if _inode(target) != seen:  # written by another process while this one waited
                entry = _open(target, shape)
            if entry is None:
                with files.atomic_path(target) as temporary:
                    temporary.mkdir()
                    _decode(dataset, split, sample_rate, clip_samples, temporary)
                    if _contents(dataset, clips, folder) != contents:
                        raise UserError(
                            f"the {split} clips in {dataset.root} changed while they were read",
                            "run the same command again",
                        )
                entry = _open(target, shape)
            cache_folder.prune(folder)
        if entry is None:
            raise UserError(f"{target} does not contain what was written to it", "check the disk")
    notes = {
        what: {label: n for label, n in zip(dataset.labels, counts, strict=False) if n}
        for what, counts in entry.notes.counts.items()
    }
    _tell(split, len(clips), notes)
    return Waveforms(
        samples=entry.samples,
        labels=np.array([clip.label for clip in clips], np.int32),
        names=tuple(clip.path or "(silence)" for clip in clips),
        is_silence=np.array([not clip.path for clip in clips]),
        devices=tuple(clip.device for clip in clips),
        fingerprint=entry.notes.sha256,
        notes=notes,
        digests=entry.digests,
    )


def note(count: int, clips: int, what: str, by_label: Mapping[str, int]) -> str:
    """One line: 12 of 800 clips resampled (lamp 8, stop 4)."""
    most = sorted(by_label.items(), key=lambda item: -item[1])
    named = [f"{label} {n}" for label, n in most[:_NAMED]] + ["..."] * (len(most) > _NAMED)
    return f"{count} of {clips} clips {what} ({', '.join(named)})"


def _tell(split: Split, clips: int, notes: Mapping[str, Mapping[str, int]]) -> None:
    for what, by_label in notes.items():
        level = logging.WARNING if what in sound_faults.ALL else logging.INFO
        _log.log(level, "%s: %s", split, note(sum(by_label.values()), clips, what, by_label))


def _inode(target: Path) -> int:
    """Tells an entry from another one of its name; 0 if there is none."""
    try:
        return os.stat(target).st_ino
    except OSError:
        return 0


@dataclasses.dataclass(frozen=True, eq=False)
class _Entry:
    samples: np.ndarray
    digests: np.ndarray
    notes: Notes


def _open(target: Path, shape: tuple[int, int]) -> _Entry | None:
    """An entry; None if it is damaged."""
    try:
        for name in (NOTES, SAMPLES, DIGESTS):
            files.check_regular(target / name)
        notes = records.load(target / NOTES, Notes)
        samples = np.load(target / SAMPLES, mmap_mode="r")
        digests = np.load(target / DIGESTS, mmap_mode="r")
        if samples.shape != shape or samples.dtype != np.int16:
            raise ValueError("other samples")
        if digests.shape != (shape[0], _DIGEST_BYTES) or digests.dtype != np.uint8:
            raise ValueError("other checksums")
        if notes.check != _check(notes.sha256, notes.counts, digests):
            raise ValueError("a checksum of its notes differs")
        damaged = _damaged(target / SAMPLES, samples.offset, shape, digests)
        if damaged:
            raise ValueError(f"the checksums of {damaged} of {shape[0]} clips differ")
        cache_folder.reading(target)
        return _Entry(samples, np.array(digests), notes)
    except (UserError, ValueError, *arrays.DAMAGE) as error:
        _log.warning("%s is damaged (%s): decoding again", target, error)
        return None


def _check(sha256: str, counts: Mapping[str, list[int]], digests: np.ndarray) -> str:
    about = json.dumps([sha256, counts], sort_keys=True).encode()
    return hashlib.sha256(about + digests.tobytes()).hexdigest()


def _damaged(path: Path, offset: int, shape: tuple[int, int], digests: np.ndarray) -> int:
    """Number of clips whose checksum differs.

    Read, not mapped: a disk that cannot read would kill the process with a signal.
    """

    def compare(first: int) -> int:
        rows = min(_CHECKED_ROWS, shape[0] - first)
        content = np.fromfile(
            path, "<i2", rows * shape[1], offset=offset + 2 * first * shape[1]
        ).reshape(rows, shape[1])
        return sum(
            _digest(clip.data) != digests[first + row].tobytes() for row, clip in enumerate(content)
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(compare, range(0, shape[0], _CHECKED_ROWS)))


def _digest(samples: memoryview | bytes) -> bytes:
    return hashlib.sha256(samples).digest()[:_DIGEST_BYTES]


def load_noise(dataset: Dataset, sample_rate: int, clip_samples: int) -> list[np.ndarray]:
    """Background recordings, each (n,) int16; those shorter than a clip are left out."""
    recordings = [wav.read(dataset.root / path, sample_rate).samples for path in dataset.noise]
    kept = [samples for samples in recordings if len(samples) >= clip_samples]
    if len(kept) < len(recordings):
        _log.warning("%d noise files are shorter than a clip", len(recordings) - len(kept))
    return kept


def _contents(dataset: Dataset, clips: tuple[Clip, ...], folder: Path) -> dict[str, str]:
    """SHA-256 of each file that clips are read from."""
    return file_contents.of(dataset.root, (clip.path for clip in clips if clip.path), folder)


def _key(
    contents: Mapping[str, str], clips: tuple[Clip, ...], sample_rate: int, clip_samples: int
) -> str:
    digest = hashlib.sha256(f"2 {sample_rate} {clip_samples}\n".encode())
    for clip in clips:
        sound = contents.get(clip.path, "")
        digest.update(f"{clip.label} {sound} {clip.start} {clip.gain} {clip.simulated}\n".encode())
    for taps in _simulated(clips, sample_rate).values():
        digest.update(taps.tobytes())
    return digest.hexdigest()[:24]


def _simulated(clips: tuple[Clip, ...], sample_rate: int) -> dict[int, np.ndarray]:
    """Filters of the simulated devices that clips use, by number."""
    numbers = sorted({clip.simulated for clip in clips} - {0})
    return {number: devices.simulated(number, sample_rate) for number in numbers}


def _decode(
    dataset: Dataset, split: Split, sample_rate: int, clip_samples: int, folder: Path
) -> None:
    """Writes the files of an entry.

    Not through a memory map: on a full disk that would kill the process with a signal.
    """
    clips = dataset.splits[split]
    counts: dict[str, list[int]] = {}

    def count(clip: Clip, what: str) -> None:
        counts.setdefault(what, [0] * len(dataset.labels))[clip.label] += 1

    whole = hashlib.sha256()
    each = bytearray()
    header = {"descr": "<i2", "fortran_order": False, "shape": (len(clips), clip_samples)}
    with (folder / SAMPLES).open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for one in _decoded(dataset, split, sample_rate, clip_samples, count):
            content = one.astype("<i2").tobytes()
            whole.update(content)
            each += _digest(content)
            out.write(content)
    whole.update(np.array([clip.label for clip in clips], np.int32).tobytes())
    digests = np.frombuffer(each, np.uint8).reshape(-1, _DIGEST_BYTES)
    np.save(folder / DIGESTS, digests)
    sha256 = whole.hexdigest()
    notes = Notes(sha256, counts, _check(sha256, counts, digests))
    files.write_json(folder / NOTES, records.to_json(notes))


def _decoded(
    dataset: Dataset,
    split: Split,
    sample_rate: int,
    clip_samples: int,
    count: Callable[[Clip, str], None],
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
            heard = sound.samples
            one = fit_length(heard, clip_samples)
            if len(heard) < clip_samples:
                count(clip, "zero-padded at the end")
            elif len(heard) > clip_samples:
                count(clip, "cropped to their middle")
                heard = one
        else:
            if clip.path not in long_files:
                long_files[clip.path] = wav.read(path, sample_rate)
            sound = long_files[clip.path]
            start = round(clip.start * sample_rate)
            one = heard = sound.samples[start : start + clip_samples]
            if len(one) < clip_samples:
                raise UserError(
                    f"{path}: a clip at {clip.start:g} s needs {clip_samples} samples, the file "
                    f"has {len(sound.samples)}",
                    "fix the split list, or use the recordings it was made for",
                )
        is_silence = dataset.labels[clip.label] == SILENCE
        for what in (*sound.notes, *sound_faults.of(heard)):
            if not (is_silence and what == sound_faults.WITHOUT_SOUND):
                count(clip, what)
        if clip.gain != 1.0:
            one = np.clip(np.rint(one * clip.gain), -32768, 32767).astype(np.int16)
        if clip.simulated:
            one = devices.apply(one, filters[clip.simulated])
            count(clip, "heard through a simulated device")
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
