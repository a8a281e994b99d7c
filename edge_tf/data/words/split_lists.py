"""Fixed split lists: training, validation and testing.tsv (label, clip, start, gain)."""

import csv
from collections.abc import Mapping
from pathlib import Path

from edge_tf.data.dataset import SILENCE, SPLITS, UNKNOWN, Clip, Dataset, Split, check_labels
from edge_tf.data.words import background
from edge_tf.errors import UserError
from edge_tf.settings import FOLDER_RULES

LIST_RATE = 16_000  # Hz; `start` counts samples at this rate
_COLUMNS = ["label", "clip", "start", "gain"]
_EXPECTED = (
    "expected label, clip, start (a sample, 0 or more, or empty), gain (0 to 1000, or empty)"
)


def load(root: Path, lists: Path, clip_ms: int = 1000, rules: int = FOLDER_RULES) -> Dataset:
    """Reads a task from lists that name each clip of each split.

    A row without start is a whole file; with start and gain, one second of a longer file.
    Labels are ordered: silence, unknown, then the words alphabetically.

    Args:
      root: clips are relative to it.
      lists: folder of the lists.
      clip_ms: length of the network's input.
      rules: FOLDER_RULES of the run.

    Raises:
      UserError: a list is missing or malformed, or names a clip that is not below root.
    """
    rows = {split: _read(lists / f"{split}.tsv") for split in SPLITS}
    names = {row["label"] for split in rows.values() for row in split}
    check_labels(sorted(names), lists)
    special = [name for name in (SILENCE, UNKNOWN) if name in names]
    labels = (*special, *sorted(names - set(special)))
    if len(labels) < 2:
        raise UserError(f"--split_lists={lists} has only one label", "a task needs two")
    splits = {
        split: tuple(
            _clip(row, labels, lists / f"{split}.tsv", n) for n, row in enumerate(found, 2)
        )
        for split, found in rows.items()
    }
    _check_disjoint(lists, splits)
    _check_labels_everywhere(lists, labels, splits)
    _check_files(root, lists, splits)
    if rules > 1:
        noise = background.recorded(root, background.folder_of(root, labels), clip_ms)
    else:
        noise = background.listed(root)
    return Dataset(root, labels, splits, noise.paths, f"fixed lists {lists.name}", noise.notes)


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
            columns = reader.fieldnames
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{path} cannot be read ({reason})",
            "--split_lists names a folder of three .tsv lists; name it again if it has moved",
        ) from None
    if columns != _COLUMNS:
        raise UserError(
            f"{path} does not have the columns {', '.join(_COLUMNS)}",
            "name them in the first line, separated by tabs",
        )
    for line, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise UserError(f"{path}, line {line}: {_EXPECTED}", "fix the list")
    if not rows:
        raise UserError(f"{path} lists no clips", "a task needs clips in every split")
    return rows


def _clip(row: dict[str, str], labels: tuple[str, ...], path: Path, line: int) -> Clip:
    try:
        start = int(row["start"]) / LIST_RATE if row["start"] else None
        gain = float(row["gain"]) if row["gain"] else 1.0
        if not row["clip"] or (start is not None and start < 0) or not 0 <= gain <= 1000:
            raise ValueError
    except (TypeError, ValueError):
        raise UserError(f"{path}, line {line}: {_EXPECTED}", "fix the list") from None
    if Path(row["clip"]).is_absolute() or ".." in Path(row["clip"]).parts:
        raise UserError(
            f"{path}, line {line}: '{row['clip']}' leaves --data_dir",
            "name clips relative to it, such as WORD/FILE.wav",
        )
    return Clip(labels.index(row["label"]), row["clip"], start, gain)


def _check_disjoint(lists: Path, splits: Mapping[Split, tuple[Clip, ...]]) -> None:
    """A file in two splits would leak training data into the test; noise excerpts may be shared."""
    seen: dict[str, str] = {}
    for split, clips in splits.items():
        for clip in clips:
            if clip.start is None and seen.setdefault(clip.path, split) != split:
                raise UserError(
                    f"{lists / split}.tsv: {clip.path} is in {seen[clip.path]}.tsv too",
                    "remove it from one of them",
                )


def _check_labels_everywhere(
    lists: Path, labels: tuple[str, ...], splits: Mapping[Split, tuple[Clip, ...]]
) -> None:
    for split, clips in splits.items():
        there = {clip.label for clip in clips}
        missing = [name for label, name in enumerate(labels) if label not in there]
        if missing:
            raise UserError(
                f"{lists / split}.tsv has no clips of '{missing[0]}'",
                "add some, or take the label out of the other lists",
            )


def _check_files(root: Path, lists: Path, splits: Mapping[Split, tuple[Clip, ...]]) -> None:
    paths = {clip.path for clips in splits.values() for clip in clips}
    missing = sorted(path for path in paths if not (root / path).is_file())
    if missing:
        raise UserError(
            f"--data_dir={root} lacks {len(missing)} of {len(paths)} clips in {lists}, such as "
            f"{missing[0]}",
            "unpack the whole set, or use lists made for it",
        )
