"""Which files of a folder are clips, and how many others there are and why they are left out."""

import collections
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from edge_tf.audio.wav import EXTENSIONS, OTHER_EXTENSIONS

HIDDEN, DEEPER, NO_SOUND = "hidden", "in subfolders of words", "no sound"


@dataclasses.dataclass(frozen=True)
class Listing:
    """The clips of a folder.

    Attributes:
      names: relative to the folder, sorted.
      left_out: files that are no clips, by reason: an extension of OTHER_EXTENSIONS, HIDDEN,
        DEEPER, or NO_SOUND.
    """

    names: tuple[str, ...] = ()
    left_out: Mapping[str, int] = dataclasses.field(default_factory=dict)


def listed(
    folder: Path, levels: int = 1, extensions: Iterable[str] = EXTENSIONS, prefix: str = ""
) -> Listing:
    """The clips of a folder; hidden ones (such as ._x.wav from macOS) are left out.

    Args:
      folder: one that does not exist has none.
      levels: 1: files in the folder; 2: also those in its subfolders.
      extensions: lower-case suffixes of clips.
      prefix: for names, such as "SUBFOLDER/".
    """
    names: list[str] = []
    left_out: collections.Counter[str] = collections.Counter()
    for entry in os.scandir(folder) if folder.is_dir() else ():
        suffix = os.path.splitext(entry.name)[1].lower()
        if entry.is_dir() and suffix not in extensions:  # else it is reported when it is read
            if levels > 1 and not entry.name.startswith("."):
                inside = listed(
                    folder / entry.name, levels - 1, extensions, f"{prefix}{entry.name}/"
                )
                names += inside.names
                left_out.update(inside.left_out)
            else:
                left_out[DEEPER] += sum(_suffix(name) in extensions for name in _below(entry.path))
        elif entry.name.startswith("."):
            left_out[HIDDEN] += 1
        elif suffix in extensions:
            names.append(prefix + entry.name)
        else:
            left_out[suffix if suffix in OTHER_EXTENSIONS else NO_SOUND] += 1
    return Listing(tuple(sorted(names)), {why: n for why, n in left_out.items() if n})


def left_out_line(root: Path, left_out: Mapping[str, int], wanted: str = "WORD/FILE") -> str:
    """What is left out and how to use it, in one line; "" if it is nothing with sound.

    Args:
      root: the folder of all.
      left_out: as in Listing, over all of its folders.
      wanted: where clips must be.
    """
    foreign = {why: n for why, n in left_out.items() if why in OTHER_EXTENSIONS}
    if not foreign and DEEPER not in left_out:
        return ""
    parts = [f"{n} {why}" for why, n in sorted(left_out.items())]
    remedies = [
        f'convert them: for f in {_quoted(root)}/*/*{why}; do ffmpeg -i "$f" "${{f%.*}}.wav"; done'
        for why in sorted(foreign)
    ]
    if DEEPER in left_out:
        remedies.append(f"clips must be {root}/{wanted}")
    total = sum(left_out.values())
    return f"{root}: {total} files are left out ({', '.join(parts)}); {'; '.join(remedies)}"


def _below(folder: str) -> Iterator[str]:
    for _, _, names in os.walk(folder):
        yield from (name for name in names if not name.startswith("."))


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _quoted(path: Path) -> str:
    text = str(path)
    return "'" + text.replace("'", "'\\''") + "'"
