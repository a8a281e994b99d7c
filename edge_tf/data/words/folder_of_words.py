"""Folders of words: the Speech Commands layout (arXiv:1804.03209) and any folder like it.

ROOT/WORD/SPEAKER_nohash_N.wav     one clip per file; other names: see speakers.py
ROOT/_unknown_/*.wav               more clips that are none of the words
ROOT/_silence_/*.wav               clips of silence, in addition to those made of noise
ROOT/_background_noise_/*.wav      long recordings; other names: see background.py
ROOT/validation_list.txt, testing_list.txt     the official split; without them, by hash
"""

import collections
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from edge_tf.data import cache_folder, sound_files
from edge_tf.data.dataset import (
    NOISE_FOLDER,
    SILENCE,
    SPLITS,
    UNKNOWN,
    Clip,
    Dataset,
    Split,
    told,
)
from edge_tf.data.words import background, class_notes, splits
from edge_tf.data.words.reading import Folders, chosen_words, read, some
from edge_tf.data.words.speakers import Speakers
from edge_tf.errors import UserError
from edge_tf.settings import FOLDER_RULES

COMMANDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
TASKS = ("kws12", "kws35", "words")

# Without unknown_share, so many other words are trained on, if there are as many.
_MANY_OTHERS = 4_000


@dataclasses.dataclass(frozen=True)
class Options:
    """How a folder is read.

    Attributes:
      seed: selects the unknown clips, and the noise in the silence clips of validation and test.
      clip_ms: length of the network's input.
      unknown_share: clips of other words in each split, as a multiple of the mean of its words;
        None: as many as there are, at most _MANY_OTHERS in training, but at least 1.
      speaker_pattern: see Speakers.
      background: labels that are not reported by detectors, so that nobody is warned of them.
      rules: FOLDER_RULES, or 1 to read a folder as runs did that were recorded without it.
      cache: folder for made background noise; None: the default one.
    """

    seed: int = 0
    clip_ms: int = 1000
    unknown_share: float | None = None
    speaker_pattern: str = ""
    background: Collection[str] = ()
    rules: int = FOLDER_RULES
    cache: Path | None = None


def load(
    root: Path, task: str, words: Sequence[str] = (), options: Options | None = None
) -> Dataset:
    """What `unlogged` gives; its notes are logged."""
    return told(unlogged(root, task, words, options or Options()))


def unlogged(root: Path, task: str, words: Sequence[str], options: Options) -> Dataset:
    """Reads a folder of words as a classification task.

    Args:
      root: the folder.
      task: "kws12": silence, unknown and the ten commands, as BC-ResNet's authors set it up.
        "kws35": every word folder, no silence. "words": `words` with silence and unknown (all
        other folders); without `words`, every folder is a word and only _unknown_ is unknown.
      words: only for "words".
      options: how to read it.

    Raises:
      UserError: the folder, its clips, or a word is missing.
    """
    if task not in TASKS:
        raise UserError(f"--task={task} is unknown", f"choose one of {', '.join(TASKS)}")
    if words and task != "words":
        raise UserError(f"--words goes with --task=words, not {task}")
    speakers = Speakers(options.speaker_pattern)
    chosen = COMMANDS if task == "kws12" else words if task == "words" else ()
    folders = read(root, chosen, task, speakers.levels, options.rules)
    words = chosen_words(root, folders.words, chosen, task)
    label_of = {
        clip: word if word in words else UNKNOWN
        for word, clips in sorted(folders.words.items())
        for clip in clips
    }
    label_of |= {clip: label for label, clips in folders.special.items() for clip in clips}
    division = splits.divide(root, label_of, speakers)
    noise = _noise(root, folders.noise, task, options)
    others = [word for word in folders.words if word not in words]
    with_silence = task != "kws35" and bool(noise.paths or SILENCE in folders.special)
    with_unknown = task != "kws35" and bool(others or UNKNOWN in folders.special)
    if task == "kws12" and not (with_silence and with_unknown):
        lacking = "words other than the ten" if with_silence else f"{NOISE_FOLDER}/*.wav"
        raise UserError(
            f"--data_dir={root} has no {lacking}, which --task=kws12 needs",
            "add them, or choose --task=words",
        )
    labels = (*[SILENCE] * with_silence, *[UNKNOWN] * with_unknown, *sorted(words))
    of_ones_own = not noise.made or SILENCE in folders.special
    if len(words) + with_unknown + (with_silence and of_ones_own) < 2:
        raise UserError(f"--data_dir={root} has only one class", "add a second word or noise")

    by_split = _by_split(label_of, division.of, folders)
    share = _unknown_share(by_split["training"], len(words), task, options.unknown_share)
    rng = np.random.default_rng(options.seed)
    result: dict[Split, tuple[Clip, ...]] = {}
    for split in SPLITS:
        there = by_split[split]
        clips = [Clip(labels.index(word), clip) for word in sorted(words) for clip in there[word]]
        mean = len(clips) / len(words)
        if with_unknown:
            own = folders.special.get(UNKNOWN, ())
            unknown = _unknown(there[UNKNOWN], own, round(share * mean), rng)
            clips += [Clip(labels.index(UNKNOWN), clip) for clip in unknown]
        if with_silence:
            label = labels.index(SILENCE)
            clips += [Clip(label, clip) for clip in there[SILENCE]]
            more = max(0, round(mean) - len(there[SILENCE]))
            clips += background.silence(
                root, noise.seconds, more, split, label, options.clip_ms, rng
            )
        result[split] = tuple(clips)
    dataset = Dataset(
        root,
        labels,
        result,
        noise.paths,
        f"{task}, {division.origin}, seed {options.seed}"
        + ", synthetic background noise" * noise.made,
        (*folders.notes, *noise.notes, *division.notes),
    )
    _check_complete(dataset, label_of)
    notes = class_notes.of(dataset, task, words, by_split, options.background)
    return dataclasses.replace(dataset, notes=(*dataset.notes, *notes))


def with_test_folder(dataset: Dataset, folder: Path) -> Dataset:
    """Replaces the test clips with those of an official test set: folder/LABEL/*.wav.

    Raises:
      UserError: a label has no folder or no clips there.
    """
    clips = []
    left_out: collections.Counter[str] = collections.Counter()
    for label, name in enumerate(dataset.labels):
        place = (folder / name).resolve()
        found = sound_files.listed(place)
        if not found.names:
            raise UserError(
                f"--test_dir={folder} has no clips of '{name}'",
                f"put them in {folder / name}, or give the --test_dir they have moved to",
            )
        clips += [Clip(label, str(place / n)) for n in found.names]
        left_out.update(found.left_out)
    line = sound_files.left_out_line(folder, left_out, "LABEL/FILE")
    return dataclasses.replace(
        dataset,
        splits={**dataset.splits, "testing": tuple(clips)},
        description=f"{dataset.description}, test set {folder.name}",
        notes=(*dataset.notes, *filter(None, [line])),
    )


def _noise(root: Path, folder: str, task: str, options: Options) -> background.Recordings:
    """The background recordings: those of the folder, else made ones where a task has silence."""
    if options.rules == 1:
        return background.listed(root)
    recordings = background.recorded(root, folder, options.clip_ms)
    if recordings.paths or task == "kws35":
        return recordings
    cache = options.cache or cache_folder.default_folder()
    made = background.made(root, cache, options.seed, options.clip_ms)
    return dataclasses.replace(made, notes=(*recordings.notes, *made.notes))


def _by_split(
    labels: Mapping[str, str], split_of: Mapping[str, Split], folders: Folders
) -> dict[Split, dict[str, list[str]]]:
    """Split to label to clips, in the order of `labels`."""
    names = (*folders.words, SILENCE, UNKNOWN)
    result: dict[Split, dict[str, list[str]]] = {s: {name: [] for name in names} for s in SPLITS}
    for clip, label in labels.items():
        result[split_of[clip]][label].append(clip)
    return result


def _unknown_share(
    training: Mapping[str, Sequence[str]], words: int, task: str, given: float | None
) -> float:
    if given is not None or task != "words":
        return 1.0 if given is None else given
    mean = sum(len(c) for name, c in training.items() if name not in (SILENCE, UNKNOWN)) / words
    return max(1.0, _MANY_OTHERS / max(1.0, mean))


def _unknown(
    clips: Sequence[str], own: Collection[str], count: int, rng: np.random.Generator
) -> list[str]:
    """`count` clips that are none of the words: those of one's own, then others at random."""
    own = set(own)
    first = [clip for clip in clips if clip in own]
    others = [clip for clip in clips if clip not in own]
    chosen = sorted(rng.permutation(len(others))[: max(0, count - len(first))])
    return first + [others[i] for i in chosen]


def _check_complete(dataset: Dataset, labels: Mapping[str, str]) -> None:
    for split in SPLITS:
        empty = [label for label, n in dataset.counts(split).items() if n == 0]
        if empty:
            total = collections.Counter(labels.values())
            least = min(empty, key=lambda label: total[label] or len(labels))
            raise UserError(
                f"--data_dir={dataset.root}: the {split} split has no clips of {some(empty)}; "
                f"{least} has {total[least]} clips, of too few speakers or files for three splits",
                "record more speakers, or write validation_list.txt and testing_list.txt",
            )
