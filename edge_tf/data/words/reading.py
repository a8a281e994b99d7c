"""What is in a folder of words: clips of each word, clips of _unknown_ and _silence_, noise."""

import collections
import dataclasses
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edge_tf.data import sound_files
from edge_tf.data.dataset import NOISE_FOLDER, SILENCE, UNKNOWN, check_labels
from edge_tf.data.words import background
from edge_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Folders:
    """What is in the data's folder; clips are relative to it.

    Attributes:
      words: word to clips.
      special: UNKNOWN and SILENCE, if there are such folders, to clips.
      noise: name of the folder with background noise.
      notes: what is left out.
    """

    words: Mapping[str, Sequence[str]]
    special: Mapping[str, Sequence[str]]
    noise: str
    notes: tuple[str, ...]


def read(root: Path, words: Sequence[str], task: str, levels: int, rules: int) -> Folders:
    """What is in the folder. Raises UserError if there are no words, or one without clips."""
    if not root.is_dir():
        raise UserError(f"--data_dir={root} is not a folder", "name a folder of word folders")
    noise = NOISE_FOLDER
    if rules > 1:
        noise = background.folder_of(root, words or None)
    special_names = (UNKNOWN, SILENCE) if rules > 1 and task != "kws35" else ()
    extensions = sound_files.EXTENSIONS if rules > 1 else (".wav",)
    found: dict[str, tuple[str, ...]] = {}
    special: dict[str, tuple[str, ...]] = {}
    left_out: collections.Counter[str] = collections.Counter()
    notes = []
    for folder in sorted(root.iterdir()):
        name = folder.name
        if not folder.is_dir() or name.startswith("."):
            continue
        listing = sound_files.listed(folder, 1 if name == noise else levels, extensions)
        left_out.update(listing.left_out)
        if name == noise:
            continue
        if name.startswith("_") and name not in special_names:
            if name != NOISE_FOLDER and (listing.names or name not in (UNKNOWN, SILENCE)):
                notes.append(
                    f"{folder} is left out: words do not begin with _"
                    + f"; --task={task} has no such class" * (name in (UNKNOWN, SILENCE))
                )
            continue
        if not listing.names and name not in special_names:
            line = sound_files.left_out_line(root, listing.left_out)
            raise UserError(
                f"{folder} has no clips",
                f"{line.partition('; ')[2] or 'add some'}, or remove the folder",
            )
        if listing.names:
            place = special if name in special_names else found
            place[name] = tuple(f"{name}/{clip}" for clip in listing.names)
    if not found:
        raise UserError(
            f"--data_dir={root} has no word folders",
            "expected a folder ROOT/WORD/*.wav per word",
        )
    check_labels(found, root)
    if line := sound_files.left_out_line(root, left_out):
        notes.insert(0, line)
    return Folders(found, special, noise, tuple(notes))


def chosen_words(
    root: Path, folders: Mapping[str, object], words: Sequence[str], task: str
) -> Sequence[str]:
    """Names of the folders that are words. Raises UserError if one is missing or given twice."""
    if not words:
        words = sorted(folders)
    else:  # "é" may be one character or two, depending on who made the folder
        composed = {unicodedata.normalize("NFC", folder): folder for folder in folders}
        words = [composed.get(unicodedata.normalize("NFC", word), word) for word in words]
    missing = [word for word in words if word not in folders]
    if missing:
        raise UserError(
            f"--data_dir={root} has no folder for {', '.join(missing[:4])}",
            f"add the clips, or choose --task and --words for what is there ({some(folders)})"
            + "; names that begin with _ or . are not words" * missing[0].startswith(("_", ".")),
        )
    if len(words) != len(set(words)) or (len(words) < 2 and task == "kws35"):
        raise UserError(f"--words={','.join(words)} must name different words")
    return words


def some(names: Iterable[str]) -> str:
    """The first few names."""
    names = list(names)
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
