"""Which clip is in which split: by the official lists, else by the hash of its speaker."""

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from edge_tf.data.dataset import SPLITS, Split
from edge_tf.data.words.speakers import EXAMPLE, Speakers
from edge_tf.errors import UserError

_MAX_CLIPS_PER_WORD = 2**27 - 1
_HELD_OUT: tuple[Split, ...] = ("validation", "testing")


@dataclasses.dataclass(frozen=True)
class Division:
    """The split of every clip.

    Attributes:
      of: clip to split.
      origin: where the split comes from, in a few words.
      notes: what of it is unknown or was mended.
    """

    of: Mapping[str, Split]
    origin: str
    notes: tuple[str, ...] = ()


def hash_split(file_name: str, validation: float = 10.0, testing: float = 10.0) -> Split:
    """The split of a clip by its speaker, as Speech Commands defines it.

    The name up to "_nohash_" is hashed, so all takes of one speaker share a split, forever.

    Args:
      file_name: such as "0a7c2a8d_nohash_0.wav".
      validation, testing: percent of speakers.
    """
    percent = _percent(re.sub(r"_nohash_.*$", "", Path(file_name).name))
    if percent < validation:
        return "validation"
    return "testing" if percent < validation + testing else "training"


def divide(root: Path, labels: Mapping[str, str], speakers: Speakers) -> Division:
    """Splits clips.

    Args:
      root: has validation_list.txt and testing_list.txt, or neither.
      labels: clip to its label; each label is to be in each split.
      speakers: no speaker is in two splits, unless the lists say so.

    Raises:
      UserError: the lists are damaged or name none of the clips, or the pattern matches none.
    """
    unknown = speakers.unknown(labels)  # also refuses a pattern that matches nothing
    official = _official_lists(root)
    if official:
        of = {clip: official.get(clip, "training") for clip in labels}
        return Division(of, "official lists", _check_listed(root, official, labels))
    groups = {clip: speakers.group(clip) for clip in labels}
    of_group = {group: hash_split(group) for group in set(groups.values())}
    moved = _mend(of_group, groups, labels)
    notes = []
    if unknown:
        notes.append(_unknown_note(root, unknown, len(labels), bool(speakers.pattern)))
    if moved:
        notes.append(
            f"{root}: {moved} of {len(of_group)} {'files' if unknown else 'speakers'} are moved to "
            "another split than their hash says, so that each class is in each split"
        )
    result = {clip: of_group[groups[clip]] for clip in labels}
    return Division(result, _origin(len(unknown), len(labels)), tuple(notes))


def _percent(group: str) -> float:
    """0 to 100, the same forever for a group."""
    digest = int(hashlib.sha1(group.encode("utf-8", "surrogateescape")).hexdigest(), 16)
    return digest % (_MAX_CLIPS_PER_WORD + 1) * (100.0 / _MAX_CLIPS_PER_WORD)


def _origin(unknown: int, clips: int) -> str:
    if not unknown:
        return "split by speaker hash"
    if unknown == clips:
        return "split by hash of file names, speakers unknown"
    return f"split by speaker hash, {unknown} of {clips} clips by their names, speakers unknown"


def _unknown_note(root: Path, unknown: list[str], clips: int, has_pattern: bool) -> str:
    name = PurePosixPath(unknown[0]).name
    remedy = (
        f"--speaker_pattern must match {unknown[0]} as well"
        if has_pattern
        else f"if names or folders tell them, say where, such as --speaker_pattern='{EXAMPLE}'"
    )
    return (
        f"{root}: the speakers of {_of_clips(len(unknown), clips)} are not known (such as "
        f"{name}), so the test may have speakers of the training, not only unseen ones; {remedy}"
    )


def _of_clips(unknown: int, clips: int) -> str:
    return f"all {clips} clips" if unknown == clips else f"{unknown} of {clips} clips"


def _mend(of_group: dict[str, Split], groups: Mapping[str, str], labels: Mapping[str, str]) -> int:
    """Moves groups until each label is in each split, where that is possible.

    A split that has all labels stays as it is. What moves is the group whose hash is nearest to
    the held-out splits, so a set that grows keeps its split for as long as possible.

    Returns:
      How many were moved.
    """
    of_label: dict[str, set[str]] = {}
    labels_of: dict[str, set[str]] = {}
    for clip, label in labels.items():
        of_label.setdefault(label, set()).add(groups[clip])
        labels_of.setdefault(groups[clip], set()).add(label)
    moved = set()

    def can_leave(group: str) -> bool:
        """Whether each of its labels stays in the split that it leaves."""
        split = of_group[group]
        return all(
            any(other != group and of_group[other] == split for other in of_label[label])
            for label in labels_of[group]
        )

    for label in sorted(of_label):
        ranked = sorted(of_label[label], key=lambda group: (_percent(group), group))
        for split in SPLITS:
            if any(of_group[group] == split for group in ranked):
                continue
            order = reversed(ranked) if split == "training" else ranked
            # From the training split first, if it is not the one that lacks the label.
            candidates = sorted(order, key=lambda group: of_group[group] != "training")
            found = next((group for group in candidates if can_leave(group)), None)
            if found is not None:
                of_group[found] = split
                moved.add(found)
    return len(moved)


def _check_listed(
    root: Path, official: Mapping[str, Split], clips: Iterable[str]
) -> tuple[str, ...]:
    there = set(clips)
    missing = [path for path in official if path not in there]
    if len(missing) == len(official):
        raise UserError(
            f"{_list_path(root, 'validation')} and {_list_path(root, 'testing').name} name no "
            f"existing clip (first: '{missing[0]}')",
            "expected WORD/FILE.wav on each line; fix the lists, or remove both",
        )
    note = f"{len(missing)} of {len(official)} listed clips are not in {root}"
    return (note,) if missing else ()


def _official_lists(root: Path) -> dict[str, Split]:
    """Clip path to its split, by validation_list.txt and testing_list.txt; empty without them."""
    paths = {split: _list_path(root, split) for split in _HELD_OUT}
    there = [path for path in paths.values() if path.exists()]
    if not there:
        return {}
    if len(there) == 1:
        other = next(path for path in paths.values() if path not in there)
        raise UserError(
            f"{there[0]} exists without {other.name}", f"add {other.name}, or remove the list"
        )
    listed: dict[str, Split] = {}
    for split, path in paths.items():
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError:
            raise UserError(
                f"{path} is not UTF-8 text", "expected one WORD/FILE.wav per line"
            ) from None
        for clip in filter(None, map(str.strip, lines)):
            if listed.setdefault(clip, split) != split:
                raise UserError(
                    f"{path}: {clip} is in {_list_path(root, listed[clip]).name} too",
                    "remove it from one of them",
                )
    if not listed:
        raise UserError(f"{there[0]} and {there[1].name} are empty", "fill them, or remove both")
    return listed


def _list_path(root: Path, split: Split) -> Path:
    return root / f"{split}_list.txt"
