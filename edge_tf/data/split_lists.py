"""Fixed split lists: training, validation and testing.tsv (label, clip, start, gain)."""

import csv
from pathlib import Path

from edge_tf.data.dataset import SILENCE, SPLITS, UNKNOWN, Clip, Dataset
from edge_tf.data.folder_of_words import noise_files
from edge_tf.errors import UserError

LIST_RATE = 16_000  # of the recordings that `start` counts samples of
_COLUMNS = ["label", "clip", "start", "gain"]


def load(root: Path, lists: Path) -> Dataset:
    """Reads a task that names each clip of each split.

    A row without start is a whole file; with start and gain, one second of a longer file.
    Labels are ordered: silence, unknown, then the words alphabetically.

    Raises:
      UserError: a list is missing or malformed, or names a clip that is not below root.
    """
    rows = {split: _read(lists / f"{split}.tsv") for split in SPLITS}
    names = {row["label"] for split in rows.values() for row in split}
    special = [name for name in (SILENCE, UNKNOWN) if name in names]
    labels = (*special, *sorted(names - set(special)))
    if len(labels) < 2:
        raise UserError(f"--split_lists={lists} name one label only", "a task needs two")
    splits = {
        split: tuple(
            _clip(row, labels, lists / f"{split}.tsv", n) for n, row in enumerate(found, 2)
        )
        for split, found in rows.items()
    }
    _check_files(root, lists, splits)
    return Dataset(root, labels, splits, noise_files(root), f"fixed lists {lists.name}")


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as source:
            reader = csv.DictReader(source, delimiter="\t")
            if reader.fieldnames != _COLUMNS:
                raise UserError(f"{path} must have the columns {', '.join(_COLUMNS)}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{path} cannot be read ({error})", "--split_lists names a folder of three .tsv lists"
        ) from None
    if not rows:
        raise UserError(f"{path} lists no clips")
    return rows


def _clip(row: dict[str, str], labels: tuple[str, ...], path: Path, line: int) -> Clip:
    try:
        start = int(row["start"]) / LIST_RATE if row["start"] else None
        gain = float(row["gain"]) if row["gain"] else 1.0
        if not row["clip"] or (start is not None and start < 0) or not 0 <= gain <= 1000:
            raise ValueError
    except (TypeError, ValueError):
        raise UserError(f"{path}, line {line}: expected label, clip, start, gain") from None
    if Path(row["clip"]).is_absolute() or ".." in Path(row["clip"]).parts:
        raise UserError(f"{path}, line {line}: '{row['clip']}' leaves --data_dir")
    return Clip(labels.index(row["label"]), row["clip"], start, gain)


def _check_files(root: Path, lists: Path, splits: dict[str, tuple[Clip, ...]]) -> None:
    paths = {clip.path for clips in splits.values() for clip in clips}
    missing = sorted(path for path in paths if not (root / path).is_file())
    if missing:
        raise UserError(
            f"--data_dir={root} lacks {len(missing)} of {len(paths)} clips in {lists}, first "
            f"{missing[0]}",
            "unpack the whole set, or use lists made for it",
        )
