"""Words for few-shot learning: those of training, validation and test differ, and so do speakers.

The words of Speech Commands with 500 clips or more, divided as splitGSC does (arXiv:2206.13691,
whose own lists are not known). A clip is used if its speaker is in the split of its word.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from edge_tf.data.dataset import SPLITS, Clip, Dataset, Split
from edge_tf.data.words import background, splits
from edge_tf.data.words.reading import Folders, read, some
from edge_tf.data.words.speakers import Speakers
from edge_tf.errors import UserError
from edge_tf.settings import FOLDER_RULES

WORDS: Mapping[Split, tuple[str, ...]] = {
    "training": ("bed", "five", "go", "happy", "no", "off", "on", "one", "three", "yes"),
    "validation": ("cat", "eight", "up", "zero"),
    "testing": ("down", "four", "left", "marvin", "right", "stop", "two"),
}
_OURS = frozenset(word for words in WORDS.values() for word in words)
_TASK = "fewshot"


@dataclasses.dataclass(frozen=True)
class Options:
    """How folders are read.

    Attributes:
      clip_ms: length of the network's input.
      speaker_pattern: see Speakers.
      auxiliary: folders of further words to train on.
    """

    clip_ms: int = 1000
    speaker_pattern: str = ""
    auxiliary: Sequence[Path] = ()


def load(root: Path, options: Options) -> Dataset:
    """The clips of WORDS, each word in one split.

    Words of `auxiliary` that are in none of WORDS are further words of the training split. Labels
    are all words, sorted.

    Args:
      root: a folder of words.
      options: how to read it.

    Raises:
      UserError: a folder or a word is missing, a word has no clips of its split's speakers, or an
        auxiliary folder has no other words.
    """
    speakers = Speakers(options.speaker_pattern)
    folders = read(root, (), _TASK, speakers.levels, FOLDER_RULES)
    missing = sorted(_OURS - set(folders.words))
    if missing:
        raise UserError(
            f"--data_dir={root} has no folder for {some(missing)}",
            "add them: --task=fewshot is defined on words of Speech Commands",
        )
    division = _divide(root, folders, speakers)
    of_word = {
        word: [clip for clip in folders.words[word] if division.of[clip] == split]
        for split in SPLITS
        for word in WORDS[split]
    }
    held_out = frozenset(
        speaker
        for clip, split in division.of.items()
        if split != "training" and (speaker := speakers.known(clip)) is not None
    )
    notes = [*folders.notes, *division.notes]
    for folder in options.auxiliary:
        found, more = _auxiliary(folder, speakers, held_out)
        notes += more
        for word, clips in found.items():
            of_word.setdefault(word, []).extend(clips)
    empty = sorted(word for word, clips in of_word.items() if not clips)
    if empty:
        split = next(split for split in SPLITS if empty[0] in WORDS[split])
        raise UserError(
            f"--data_dir={root}: no speaker of the {split} split says '{empty[0]}'",
            "add clips of more speakers",
        )
    labels = tuple(sorted(of_word))
    at = {word: place for place, word in enumerate(labels)}
    others = [word for word in labels if word not in _OURS]
    listed = {**WORDS, "training": (*WORDS["training"], *others)}
    noise = background.recorded(root, folders.noise, options.clip_ms)
    return Dataset(
        root,
        labels,
        {
            split: tuple(Clip(at[word], clip) for word in listed[split] for clip in of_word[word])
            for split in SPLITS
        },
        noise.paths,
        f"{_TASK}, {division.origin}" + f", {len(others)} auxiliary words" * bool(others),
        tuple(dict.fromkeys([*notes, *noise.notes])),
    )


def _divide(root: Path, folders: Folders, speakers: Speakers) -> splits.Division:
    """The split of each clip by its speaker, over all words, so that no speaker is in two."""
    label_of = {clip: word for word, clips in folders.words.items() for clip in clips}
    return splits.divide(root, label_of, speakers)


def _auxiliary(
    folder: Path, speakers: Speakers, held_out: AbstractSet[str]
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Clips, as absolute paths, of training speakers by word, and notes."""
    if not folder.is_dir():
        raise UserError(
            f"--auxiliary={folder} is not a folder", "name a folder of word folders, or restore it"
        )
    folders = read(folder, (), _TASK, speakers.levels, FOLDER_RULES)
    division = _divide(folder, folders, speakers)
    found = {
        word: [
            str((folder / clip).resolve())
            for clip in clips
            if division.of[clip] == "training" and speakers.known(clip) not in held_out
        ]
        for word, clips in folders.words.items()
        if word not in _OURS
    }
    found = {word: clips for word, clips in found.items() if clips}
    if not found:
        raise UserError(
            f"--auxiliary={folder} has no clips to train on of other words than --task=fewshot has",
            "add folders of other words, or leave it out",
        )
    return found, (*folders.notes, *division.notes)
