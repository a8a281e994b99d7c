"""ESC-50 and ESC-10: environmental sounds, 5 s each, in five folds (K. J. Piczak, ACM MM 2015).

As published:   ROOT/meta/esc50.csv    filename, fold, target, category, esc10, src_file, take
                ROOT/audio/FOLD-SOURCE-TAKE-TARGET.wav
By folders:     ROOT/folds.csv         name, class, fold
                ROOT/CLASS/NAME.wav    or another format, with NAME as FOLD-SOURCE-TAKE

All tables are comma-separated. A source is a freesound.org recording that one or more clips were
cut from. The rows of the table define the task: meta/esc50.csv with only its ESC-10 rows is ESC-10,
even if all of the audio is present.
"""

import os
from pathlib import Path

from edge_tf.audio.wav import EXTENSIONS
from edge_tf.data.scenes import tables
from edge_tf.data.scenes.scene_clips import SceneClip, SceneLayout
from edge_tf.errors import UserError

PUBLISHED = "meta/esc50.csv"
FOLDERS = "folds.csv"
DEVICE = "recorded"


def read(root: Path) -> list[SceneClip]:
    """The clips of every fold, from whichever table exists.

    Raises:
      UserError: the table is missing or malformed, or lists a clip twice.
    """
    published = (root / PUBLISHED).exists()
    path = root / (PUBLISHED if published else FOLDERS)
    clips: dict[str, SceneClip] = {}
    for clip, line in _published(path) if published else _by_folders(path):
        if clip.path in clips:
            raise UserError(f"{path}, line {line}: {clip.path} is listed twice", "remove one")
        clips[clip.path] = clip
    return list(clips.values())


def _published(path: Path) -> list[tuple[SceneClip, int]]:
    result = []
    for line, row in tables.read(path, ("filename", "fold", "category", "src_file"), ","):
        name = tables.inside(path, line, f"audio/{row['filename']}")
        fold = _fold(path, line, row["fold"])
        result.append((SceneClip(name, row["category"], row["src_file"], DEVICE, fold), line))
    return result


def _by_folders(path: Path) -> list[tuple[SceneClip, int]]:
    result = []
    for line, row in tables.read(path, ("name", "class", "fold"), ","):
        name = tables.inside(path, line, f"{row['class']}/{row['name']}")
        parts = row["name"].split("-")
        # A name without a source counts as a separate source.
        known = len(parts) >= 3
        source = parts[1] if known else row["name"]
        fold = _fold(path, line, row["fold"])
        clip = SceneClip(_file(path.parent, name), row["class"], source, DEVICE, fold, known)
        result.append((clip, line))
    return result


def _file(root: Path, name: str) -> str:
    """A name with the suffix of its file: .wav, or another format that can be read."""
    for suffix in (".wav", *EXTENSIONS):
        if os.path.isfile(os.path.join(root, name + suffix)):
            return name + suffix
    return f"{name}.wav"


def _fold(path: Path, line: int, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 4 and int(text) > 0):
        raise UserError(f"{path}, line {line}: '{text}' is not a fold", "expected 1, 2, ...")
    return int(text)


LAYOUT = SceneLayout(
    name="ESC",
    signs={PUBLISHED: "ESC-50", FOLDERS: "folders of classes"},
    read=read,
    simulated_devices=6,  # its recording devices are unknown
)
