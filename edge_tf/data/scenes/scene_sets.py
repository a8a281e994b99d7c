"""Acoustic scenes and sounds as a classification task, in the layout of TAU Urban or of ESC.

One fold is for testing; of the others, a tenth is for validation and the rest for training. Splits
share no location or source, since clips of one place or recording are alike. The weights of the
last epoch are tested, so validation selects nothing and only shows how training progresses.
"""

import collections
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edge_tf.audio import wav
from edge_tf.data import sound_files
from edge_tf.data.dataset import SPLITS, Clip, Dataset, check_labels, told
from edge_tf.data.scenes import scenes_esc, scenes_tau
from edge_tf.data.scenes.scene_clips import SceneClip, SceneLayout
from edge_tf.errors import UserError

# To add a layout, add its file and a line here.
LAYOUTS: tuple[SceneLayout, ...] = (scenes_tau.LAYOUT, scenes_esc.LAYOUT)

_VALIDATION_SHARE = 0.1


def load(root: Path, fold: int = 1, simulated_devices: int = -1, seed: int = 0) -> Dataset:
    """Reads a data set of scenes.

    Args:
      root: the folder, in one of the layouts of scenes_tau and scenes_esc.
      fold: the test fold: 1 for TAU, 1 to 5 for ESC.
      simulated_devices: each test clip is used once as it is, then filtered by each simulated
        device from 1 to this number; training and validation clips never. -1: 6 for ESC, 0 for TAU.
      seed: selects the locations or sources for validation.

    Raises:
      UserError: no such layout, fold or file; a malformed table; a split without clips of a class.
    """
    layout = _layout(root)
    listed = layout.read(root)
    folds = sorted({clip.fold for clip in listed} - {0})
    if fold not in folds:
        raise UserError(
            f"--fold={fold}: --data_dir={root} has no such fold",
            f"choose from {', '.join(map(str, folds))}",
        )
    if simulated_devices < 0:
        simulated_devices = layout.simulated_devices
    labels = tuple(sorted({clip.label for clip in listed}))
    check_labels(labels, root)
    if len(labels) < 2:
        raise UserError(f"--data_dir={root} has only one class", "a task needs two")
    testing = [clip for clip in listed if clip.fold == fold]
    others = [clip for clip in listed if clip.fold != fold]
    held_out = _held_out(others, seed)
    parts = {
        "training": [clip for clip in others if clip.group not in held_out],
        "validation": [clip for clip in others if clip.group in held_out],
        "testing": testing,
    }
    _check_labels_everywhere(root, labels, parts)
    _check_files(root, listed)
    splits = {
        split: tuple(
            Clip(labels.index(clip.label), clip.path, device=clip.device) for clip in parts[split]
        )
        for split in SPLITS
    }
    splits["testing"] = tuple(_with_devices(splits["testing"], simulated_devices))
    description = (
        f"scenes, {layout.name} layout, fold {fold}, seed {seed}, {simulated_devices} simulated "
        "devices"
    )
    notes = (*_left_out(root, listed), *_of_groups(root, testing, others))
    return told(Dataset(root, labels, splits, (), description, notes))


def clip_ms(root: Path) -> int:
    """Length in ms of a data set's clips, taken from the first one listed.

    Raises:
      UserError: no such layout, or the first clip cannot be read.
    """
    listed = _layout(root).read(root)
    return round(1000 * wav.duration(root / listed[0].path))


def _layout(root: Path) -> SceneLayout:
    if not root.is_dir():
        raise UserError(f"--data_dir={root} is not a folder", "name the folder of a data set")
    for layout in LAYOUTS:
        if any((root / sign).exists() for sign in layout.signs):
            return layout
    signs = (item for layout in LAYOUTS for item in layout.signs.items())
    known = [f"{sign} ({name})" for sign, name in signs if name]
    raise UserError(
        f"--data_dir={root} is not a data set of scenes",
        f"expected {', '.join(known[:-1])} or {known[-1]} in it",
    )


def _held_out(clips: list[SceneClip], seed: int) -> set[str]:
    """Groups for validation: per class, whole groups in random order until the share is full.

    If no group of a class fits into the share, its smallest is used.
    """
    sizes: dict[str, dict[str, int]] = {}  # class to group to clips
    for clip in clips:
        of_class = sizes.setdefault(clip.label, {})
        of_class[clip.group] = of_class.get(clip.group, 0) + 1
    rng = np.random.default_rng(seed)
    result: set[str] = set()
    for label in sorted(sizes):
        of_class = sizes[label]
        names = sorted(of_class)
        room = share = round(_VALIDATION_SHARE * sum(of_class.values()))
        for name in (names[i] for i in rng.permutation(len(names))):
            if of_class[name] <= room:
                result.add(name)
                room -= of_class[name]
        if room == share:
            result.add(min(names, key=lambda name: (of_class[name], name)))
    return result


def _with_devices(clips: Iterable[Clip], devices: int) -> Iterable[Clip]:
    """Each clip, then its versions for the simulated devices."""
    for clip in clips:
        yield clip
        for number in range(1, devices + 1):
            yield Clip(clip.label, clip.path, device=f"sim{number}", simulated=number)


def _of_groups(root: Path, testing: list[SceneClip], others: list[SceneClip]) -> list[str]:
    """What is not as it should be with locations and sources."""
    notes = []
    shared = sorted({clip.group for clip in testing} & {clip.group for clip in others})
    if shared:
        notes.append(
            f"{root}: {len(shared)} locations or sources of the test fold are also in other folds "
            f"({', '.join(shared[:4])}): accuracy is not measured on unseen ones"
        )
    clips = [*testing, *others]
    unknown = [clip.path for clip in clips if not clip.group_known]
    if unknown:
        notes.append(
            f"{root}: the sources of {len(unknown)} of {len(clips)} clips are not known (such as "
            f"{unknown[0]}), so training and test may have the same ones; name clips "
            "FOLD-SOURCE-TAKE"
        )
    return notes


def _left_out(root: Path, clips: list[SceneClip]) -> list[str]:
    """Sound files in the folders of the clips that the tables do not list."""
    listed = {clip.path for clip in clips}
    folders = sorted({os.path.dirname(path) for path in listed})
    unlisted: list[str] = []
    others: collections.Counter[str] = collections.Counter()
    for folder in folders:
        found = sound_files.listed(root / folder, prefix=f"{folder}/" if folder else "")
        unlisted += [name for name in found.names if name not in listed]
        others.update({why: n for why, n in found.left_out.items() if why.startswith(".")})
    parts = [f"{n} {why}" for why, n in sorted(others.items())]
    if unlisted:
        parts.insert(0, f"{len(unlisted)} in no fold, such as {unlisted[0]}")
    if not parts:
        return []
    total = len(unlisted) + sum(others.values())
    return [
        f"{root}: {total} sound files are left out ({', '.join(parts)}); to use them, add them to "
        "the tables, in a format that can be read"
    ]


def _check_labels_everywhere(
    root: Path, labels: tuple[str, ...], parts: dict[str, list[SceneClip]]
) -> None:
    for split in SPLITS:
        there = {clip.label for clip in parts[split]}
        missing = [label for label in labels if label not in there]
        if missing:
            raise UserError(
                f"--data_dir={root}: the {split} split has no clips of '{missing[0]}'",
                "each class needs three locations or sources, one of them in the test fold",
            )


def _check_files(root: Path, clips: list[SceneClip]) -> None:
    missing = [clip.path for clip in clips if not os.path.isfile(os.path.join(root, clip.path))]
    if missing:
        raise UserError(
            f"--data_dir={root} lacks {len(missing)} of {len(clips)} listed clips, such as "
            f"{missing[0]}",
            "unpack the whole set",
        )
