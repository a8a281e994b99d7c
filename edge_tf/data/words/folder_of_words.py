"""Folders of words: the Speech Commands layout (arXiv:1804.03209) and any folder like it.

ROOT/WORD/SPEAKER_nohash_N.wav     one clip per file
ROOT/_background_noise_/*.wav      long recordings
ROOT/validation_list.txt, testing_list.txt     the official split; without them, by hash
"""

import dataclasses
import hashlib
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from edge_tf.audio import wav
from edge_tf.data.dataset import (
    NOISE_FOLDER,
    SILENCE,
    SPLITS,
    UNKNOWN,
    Clip,
    Dataset,
    Split,
    check_labels,
)
from edge_tf.errors import UserError

COMMANDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
TASKS = ("kws12", "kws35", "words")
_log = logging.getLogger(__name__)

_MAX_CLIPS_PER_WORD = 2**27 - 1


def hash_split(file_name: str, validation: float = 10.0, testing: float = 10.0) -> Split:
    """The split of a clip by its speaker, as Speech Commands defines it.

    The name up to "_nohash_" is hashed, so all takes of one speaker share a split, forever.

    Args:
      file_name: such as "0a7c2a8d_nohash_0.wav".
      validation, testing: percent of speakers.
    """
    speaker = re.sub(r"_nohash_.*$", "", Path(file_name).name)
    digest = int(hashlib.sha1(speaker.encode("utf-8", "surrogateescape")).hexdigest(), 16)
    percent = digest % (_MAX_CLIPS_PER_WORD + 1) * (100.0 / _MAX_CLIPS_PER_WORD)
    if percent < validation:
        return "validation"
    return "testing" if percent < validation + testing else "training"


def load(root: Path, task: str, words: Sequence[str] = (), seed: int = 0) -> Dataset:
    """Reads a folder of words as a classification task.

    Args:
      root: the folder.
      task: "kws12": silence, unknown and the ten commands, as BC-ResNet's authors set it up.
        "kws35": every word folder, no silence. "words": `words` with silence and unknown (all
        other folders); without `words`, every folder is a word and nothing is unknown.
      words: only for "words".
      seed: selects the unknown clips, and the noise in the silence clips of validation and test.

    Raises:
      UserError: the folder, its clips, or a word is missing.
    """
    if task not in TASKS:
        raise UserError(f"--task={task} is unknown", f"choose one of {', '.join(TASKS)}")
    if words and task != "words":
        raise UserError(f"--words goes with --task=words, not {task}")
    folders = _word_folders(root)
    if task == "kws12":
        words = COMMANDS
    elif task == "kws35" or not words:
        words = sorted(folders)
    else:  # "é" may be one character or two, depending on who made the folder
        composed = {unicodedata.normalize("NFC", folder): folder for folder in folders}
        words = [composed.get(unicodedata.normalize("NFC", word), word) for word in words]
    missing = [word for word in words if word not in folders]
    if missing:
        raise UserError(
            f"--data_dir={root} has no folder for {', '.join(missing[:4])}",
            f"add the clips, or choose --task and --words for what is there ({_some(folders)})"
            + "; names that begin with _ or . are not words" * missing[0].startswith(("_", ".")),
        )
    if len(words) != len(set(words)) or (len(words) < 2 and task == "kws35"):
        raise UserError(f"--words={','.join(words)} must name different words")
    noise = noise_files(root)
    with_silence = task != "kws35" and bool(noise)
    with_unknown = task != "kws35" and len(folders) > len(words)
    if task == "kws12" and not (with_silence and with_unknown):
        lacking = "words other than the ten" if with_silence else f"{NOISE_FOLDER}/*.wav"
        raise UserError(
            f"--data_dir={root} has no {lacking}, which --task=kws12 needs",
            "add them, or choose --task=words",
        )
    labels = (*[SILENCE] * with_silence, *[UNKNOWN] * with_unknown, *sorted(words))
    if len(labels) < 2:
        raise UserError(f"--data_dir={root} has only one class", "add a second word or noise")

    by_split = _split_clips(root, folders)
    rng = np.random.default_rng(seed)
    splits = {}
    for split in SPLITS:
        clips = [
            Clip(labels.index(word), path)
            for word in sorted(words)
            for path in by_split[split].get(word, ())
        ]
        others = [
            p for w, paths in sorted(by_split[split].items()) if w not in words for p in paths
        ]
        mean = round(len(clips) / len(words))
        if with_unknown:
            chosen = sorted(rng.permutation(len(others))[:mean])
            clips += [Clip(labels.index(UNKNOWN), others[i]) for i in chosen]
        if with_silence:
            clips += _silence(root, noise, mean, split, labels.index(SILENCE), rng)
        splits[split] = tuple(clips)
    dataset = Dataset(root, labels, splits, noise, f"{task}, {_origin(root)}, seed {seed}")
    _check_complete(dataset)
    return dataset


def noise_files(root: Path) -> tuple[str, ...]:
    """Background recordings, relative to root."""
    return tuple(f"{NOISE_FOLDER}/{name}" for name in _wav_names(root / NOISE_FOLDER))


def with_test_folder(dataset: Dataset, folder: Path) -> Dataset:
    """Replaces the test clips with those of an official test set: folder/LABEL/*.wav.

    Raises:
      UserError: a label has no folder or no clips there.
    """
    clips = []
    for label, name in enumerate(dataset.labels):
        place = (folder / name).resolve()
        found = _wav_names(place)
        if not found:
            raise UserError(
                f"--test_dir={folder} has no clips of '{name}'", f"put them in {folder / name}"
            )
        clips += [Clip(label, str(place / n)) for n in found]
    splits = {**dataset.splits, "testing": tuple(clips)}
    description = f"{dataset.description}, test set {folder.name}"
    return dataclasses.replace(dataset, splits=splits, description=description)


def _word_folders(root: Path) -> dict[str, list[str]]:
    """Word to the names of its clips. Raises UserError if there are none."""
    if not root.is_dir():
        raise UserError(f"--data_dir={root} is not a folder", "name a folder of word folders")
    folders = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        if folder.name.startswith("_"):
            if folder.name not in (NOISE_FOLDER, SILENCE, UNKNOWN):
                _log.warning("%s is left out: words do not begin with _", folder)
            continue
        names = _wav_names(folder)
        if not names:
            raise UserError(f"{folder} has no .wav clips", "add some, or remove the folder")
        folders[folder.name] = names
    if not folders:
        raise UserError(
            f"--data_dir={root} has no word folders",
            "expected a folder ROOT/WORD/*.wav per word",
        )
    check_labels(folders, root)
    return folders


def _wav_names(folder: Path) -> list[str]:
    """WAV files of a folder except hidden ones (such as ._x.wav from macOS), sorted."""
    if not folder.is_dir():
        return []
    names = (path.name for path in folder.iterdir() if path.suffix.lower() == ".wav")
    return sorted(name for name in names if not name.startswith("."))


def _split_clips(root: Path, folders: dict[str, list[str]]) -> dict[Split, dict[str, list[str]]]:
    """Split to word to clip paths: by the lists if they exist, else by the hash."""
    listed = _official_lists(root)
    result: dict[Split, dict[str, list[str]]] = {split: {} for split in SPLITS}
    for word, names in folders.items():
        for name in names:
            relative = f"{word}/{name}"
            split = listed.get(relative, "training") if listed else hash_split(name)
            result[split].setdefault(word, []).append(relative)
    if listed:
        found = {path for words in result.values() for paths in words.values() for path in paths}
        missing = [path for path in listed if path not in found]
        if len(missing) == len(listed):
            raise UserError(
                f"{_list_path(root, 'validation')} and {_list_path(root, 'testing').name} name no "
                f"existing clip (first: '{missing[0]}')",
                "expected WORD/FILE.wav on each line; fix the lists, or remove both",
            )
        if missing:
            _log.info("%d of %d listed clips are not in %s", len(missing), len(listed), root)
    return result


def _official_lists(root: Path) -> dict[str, Split]:
    """Clip path to its split, by validation_list.txt and testing_list.txt; empty without them."""
    held_out: tuple[Split, ...] = ("validation", "testing")
    paths = {split: _list_path(root, split) for split in held_out}
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


def _silence(
    root: Path, noise: Sequence[str], count: int, split: Split, label: int, rng: np.random.Generator
) -> Iterable[Clip]:
    """Training: digital silence; augmentation adds noise. Else: fixed seconds of noise."""
    if split == "training":
        return [Clip(label, "")] * count
    lengths = {path: wav.duration(root / path) for path in noise}
    noise = [path for path in noise if lengths[path] >= 1.0]
    if not noise:
        raise UserError(f"{root / NOISE_FOLDER}: no recording is a second long", "add longer ones")
    clips = []
    for _ in range(count):
        path = noise[rng.integers(len(noise))]
        start = round(float(rng.uniform(0.0, lengths[path] - 1.0)), 4)
        clips.append(Clip(label, path, start, round(float(rng.uniform()), 3)))
    return clips


def _check_complete(dataset: Dataset) -> None:
    for split in SPLITS:
        empty = [label for label, n in dataset.counts(split).items() if n == 0]
        if empty:
            raise UserError(
                f"--data_dir={dataset.root}: the {split} split has no clips of {_some(empty)}",
                "record more speakers, or write validation_list.txt and testing_list.txt",
            )


def _origin(root: Path) -> str:
    return "official lists" if _list_path(root, "testing").exists() else "split by speaker hash"


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
