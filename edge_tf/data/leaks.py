"""Sound that is in two splits, or has two labels: compared by content, whatever the files' names.

Nothing is left out. An accuracy measured on training clips is told as such, and what to do about it
is the user's choice.
"""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge_tf import files, records
from edge_tf.data import file_contents, likeness, sound_faults, waveform_cache
from edge_tf.data.dataset import SILENCE, SPLITS, Dataset, Split
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.errors import UserError
from edge_tf.run_records import DataChecks, SharedClips

_VERSION = 1
_PAIRS: tuple[tuple[Split, Split], ...] = (
    ("testing", "training"),
    ("validation", "training"),
    ("testing", "validation"),
)
_log = logging.getLogger(__name__)


def check(
    dataset: Dataset, splits: Mapping[Split, Waveforms], sample_rate: int, folder: Path
) -> DataChecks:
    """Compares the clips of all splits.

    Silence, and versions of a clip for simulated devices, are not compared. The result is kept in
    the cache.

    Args:
      dataset: the task.
      splits: its clips, all splits.
      sample_rate: Hz.
      folder: of the cache.
    """
    noise, noise_in_test = _noise(dataset, folder)
    facts = {
        "version": _VERSION,
        "labels": dataset.labels,
        "splits": {
            split: (waves.fingerprint, waves.names, waves.notes) for split, waves in splits.items()
        },
        "simulated": {
            split: [clip.simulated for clip in dataset.splits[split]] for split in splits
        },
        "noise": (noise, noise_in_test),
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
    kept = folder / f"checks-{key}.json"
    if kept.exists():
        try:
            return records.load(kept, DataChecks)
        except UserError as error:
            _log.warning("%s: comparing the clips again", error)
    checks = _compared(dataset, splits, sample_rate, noise, noise_in_test)
    try:
        files.write_json(kept, records.to_json(checks))
    except OSError as error:
        _log.info("%s is not kept: %s", kept, error.strerror)
    return checks


def sentences(checks: DataChecks) -> list[str]:
    """What a reader of the accuracy must know, most important first; empty if all is well."""
    lines = []
    for one in checks.shared:
        parts = [f"{one.equal:,} equal"] * bool(one.equal)
        parts += [f"{one.alike:,} shifted, louder or compressed"] * bool(one.alike)
        lines.append(
            f"{one.equal + one.alike:,} of {one.clips:,} {one.split} clips are copies of "
            f"{one.other} clips ({', '.join(parts)}), such as {one.example[0]} of {one.example[1]}"
        )
    if checks.other_labels:
        example = " and ".join(checks.other_labels_example)
        count = f"{checks.other_labels:,} clips are equal to a clip with another label"
        lines.append(f"{count}, such as {example}")
    for split, repeated in checks.repeated.items():
        clips = checks.clips.get(split, 0)
        lines.append(f"{repeated:,} of {clips:,} {split} clips repeat another of them")
    if checks.noise_in_test:
        lines.append(
            f"silence in the test, and noise in a stream test, is cut from {checks.noise_in_test} "
            f"of the {checks.noise} noise recordings that training adds to clips"
        )
    for split, notes in checks.notes.items():
        for what in sound_faults.ALL:
            if by_label := notes.get(what):
                clips = checks.clips.get(split, 0)
                told = waveform_cache.note(sum(by_label.values()), clips, what, by_label)
                lines.append(f"{split}: {told}")
    return lines


def warn(checks: DataChecks) -> None:
    """Logs what is shared or contradictory; notes of clips were told as they were decoded.

    Noise that training and test share is for the record and the report: the usual tasks are so.
    """
    for line in sentences(dataclasses.replace(checks, notes={}, noise_in_test=0)):
        _log.warning("%s", line)


def _noise(dataset: Dataset, folder: Path) -> tuple[int, int]:
    """Number of background recordings, and of those that are in silence clips of the test."""
    cut = {clip.path for clip in dataset.splits["testing"] if clip.start is not None}
    contents = file_contents.of(dataset.root, [*dataset.noise, *sorted(cut)], folder)
    tested = {contents[path] for path in cut}
    training = {contents[path] for path in dataset.noise}
    return len(training), len(training & tested)


def _compared(
    dataset: Dataset,
    splits: Mapping[Split, Waveforms],
    sample_rate: int,
    noise: int,
    noise_in_test: int,
) -> DataChecks:
    rows = {split: _rows(dataset, split, splits[split]) for split in SPLITS}
    by_sound: dict[bytes, list[tuple[Split, int]]] = {}
    for split in SPLITS:
        for row in rows[split]:
            by_sound.setdefault(splits[split].digests[row].tobytes(), []).append((split, int(row)))
    several = {digest: places for digest, places in by_sound.items() if len(places) > 1}
    repeated = dict.fromkeys(SPLITS, 0)
    contradicting = []
    for places in several.values():
        for split in SPLITS:
            repeated[split] += max(0, sum(there == split for there, _ in places) - 1)
        labels = [int(splits[split].labels[row]) for split, row in places]
        if len(set(labels)) > 1:
            other = next(i for i, label in enumerate(labels) if label != labels[0])
            contradicting.append((len(places), places[0], places[other]))
    example = contradicting[0][1:] if contradicting else ()
    return DataChecks(
        clips={split: len(splits[split].labels) for split in SPLITS},
        shared=_shared(splits, rows, several, sample_rate),
        repeated={split: count for split, count in repeated.items() if count},
        other_labels=sum(count for count, *_ in contradicting),
        other_labels_example=tuple(splits[split].names[row] for split, row in example),
        noise=noise,
        noise_in_test=noise_in_test,
        notes={split: {w: dict(n) for w, n in splits[split].notes.items()} for split in SPLITS},
    )


def _rows(dataset: Dataset, split: Split, waves: Waveforms) -> np.ndarray:
    """Clips that are compared: as recorded, with sound, and not silence."""
    clips = dataset.splits[split]
    rows = [
        row
        for row, clip in enumerate(clips)
        if clip.path and not clip.simulated and dataset.labels[clip.label] != SILENCE
    ]
    if waves.notes.get(sound_faults.WITHOUT_SOUND):
        rows = [
            row
            for row in rows
            if sound_faults.of(waves.samples[row]) != [sound_faults.WITHOUT_SOUND]
        ]
    return np.array(rows, np.int64)


def _shared(
    splits: Mapping[Split, Waveforms],
    rows: Mapping[Split, np.ndarray],
    several: Mapping[bytes, list[tuple[Split, int]]],
    sample_rate: int,
) -> tuple[SharedClips, ...]:
    summary = {
        split: likeness.summaries(
            splits[split].samples, rows[split], sample_rate, f"comparing {split}"
        )
        for split in SPLITS
    }
    result = []
    for split, other in _PAIRS:
        equal = {
            row: next(twin for where, twin in places if where == other)
            for places in several.values()
            if any(where == other for where, _ in places)
            for there, row in places
            if there == split
        }
        rest = np.array([row not in equal for row in rows[split]], bool)
        alike = likeness.copies(
            splits[split].samples,
            rows[split][rest],
            splits[other].samples,
            rows[other],
            summary[split][rest],
            summary[other],
            sample_rate,
        )
        pairs = [*equal.items(), *alike]
        if pairs:
            row, twin = pairs[0]
            result.append(
                SharedClips(
                    split=split,
                    other=other,
                    clips=len(rows[split]),
                    equal=len(equal),
                    alike=len(alike),
                    example=(splits[split].names[row], splits[other].names[twin]),
                )
            )
    return tuple(result)
