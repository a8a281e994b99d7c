"""The written record of a synthetic set: lists, clips.tsv, synthesis.json, README.md."""

import dataclasses
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_tf import __version__, files, records
from edge_tf.audio.espeak import loader_version
from edge_tf.data.dataset import NOISE_FOLDER, Split
from edge_tf.data.synthesis.synthetic_request import RATE, Request
from edge_tf.data.synthesis.synthetic_speakers import Speaker
from edge_tf.errors import UserError

METADATA = "synthesis.json"
CLIPS = "clips.tsv"
README = "README.md"
MADE_BY = "edge_tf pipelines.synthesize"
FORMAT_VERSION = 1

_LISTS = {"validation": "validation_list.txt", "testing": "testing_list.txt"}

_README = """# Synthetic spoken words: {words}

No person speaks here. Every clip was spoken by the speech synthesizer espeak-ng {espeak} (GPL-3.0;
the licence covers the program, not its output) and changed by edge_tf {edge_tf}: vocal tract
length, room, microphone, loudness, position in the second and background noise are simulated.

Layout as in Google's Speech Commands: `WORD/SPEAKER_nohash_N.wav`, 16 kHz, mono, 16 bit, one
second; validation_list.txt and testing_list.txt name the held-out clips, all others are for
training. No speaker, and no voice variant of espeak-ng, is in two splits.

- {clips} clips of {speakers} invented speakers; classes: {words}
- other words, for the class "unknown": {unknown}
- clips.tsv: one row per clip (text, speed, pitch, loudness, noise, whether sped up or cut to fit)
- synthesis.json: the request, all parameters of every speaker, versions

Made with:

    {command}

A model trained on this is a first model, to try a device and a pipeline with. Accuracy measured on
it says nothing about people: measure on recordings of people before relying on it. Words that sound
like yours cause false alarms: name them in --unknown_words.
"""


@dataclasses.dataclass(frozen=True)
class Clip:
    """One clip, as a row of clips.tsv. `path` is relative to the set, `start` in samples."""

    path: str
    word: str
    split: Split
    speaker: str
    text: str
    rate: int
    pitch: int
    fit: str
    start: int
    level_db: float
    noise: str
    snr_db: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metadata:
    """synthesis.json.

    Attributes:
      command: makes the same set again.
      request: the settings.
      versions: versions of all that the sounds depend on.
      clips: number of clips per split.
      sped_up_to_fit, cut_to_fit: number of clips that were too long at first.
      speakers: fixed parameters of each.
    """

    made_by: str = MADE_BY
    format_version: int = FORMAT_VERSION
    speech: str = "synthetic: spoken by espeak-ng, no person was recorded"
    command: str
    request: Request
    versions: dict[str, str]
    sample_rate: int = RATE
    clips: dict[Split, int]
    sped_up_to_fit: int
    cut_to_fit: int
    speakers: tuple[Speaker, ...]


def command(request: Request) -> str:
    """The command line that makes the same set again."""
    unknown = ",".join(request.unknown_words)
    return (
        f"python -m pipelines.synthesize --words={','.join(request.words)} "
        f"--unknown_words={unknown} --clips_per_word={request.clips_per_word} "
        f"--clips_per_unknown_word={request.clips_per_unknown_word} "
        f"--speakers={request.speakers} --language={request.language} "
        f"--noise_seconds={request.noise_seconds} --seed={request.seed} --out=DIR"
    )


def write(
    folder: Path,
    request: Request,
    speakers: Sequence[Speaker],
    clips: Sequence[Clip],
    espeak_version: str,
) -> None:
    """Writes everything but the sounds into `folder`. `clips` are sorted by path."""
    for split, name in _LISTS.items():
        listed = "".join(f"{clip.path}\n" for clip in clips if clip.split == split)
        files.write_text(folder / name, listed)
    rows = [[field.name for field in dataclasses.fields(clips[0])]]
    rows += [[str(value) for value in dataclasses.astuple(clip)] for clip in clips]
    files.write_text(folder / CLIPS, "".join("\t".join(row) + "\n" for row in rows))
    fits = Counter(clip.fit for clip in clips)
    versions = {
        "edge_tf": __version__,
        "espeak-ng": espeak_version,
        "espeakng-loader": loader_version(),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    metadata = Metadata(
        command=command(request),
        request=request,
        versions=versions,
        clips=dict(Counter(clip.split for clip in clips)),
        sped_up_to_fit=fits["sped_up"],
        cut_to_fit=fits["trimmed"],
        speakers=tuple(speakers),
    )
    files.write_json(folder / METADATA, records.to_json(metadata))
    text = _README.format(
        words=", ".join(request.words),
        unknown=", ".join(request.unknown_words) or "none",
        espeak=espeak_version,
        edge_tf=__version__,
        clips=len(clips),
        speakers=len(speakers),
        command=command(request),
    )
    files.write_text(folder / README, text)


def _written(folder: Path) -> set[str]:
    """Relative paths of all that the synthesis wrote into `folder`, according to its record."""
    paths = {METADATA, CLIPS, README, *_LISTS.values()}
    lines = (folder / CLIPS).read_text(encoding="utf-8").splitlines()
    return paths | {line.split("\t", 1)[0] for line in lines[1:]}


def require_replaceable(out: Path) -> None:
    """Raises UserError if `out` contains anything that a synthesis did not write."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise UserError(f"--out={out} is a file", "name a folder")
    present = {p.relative_to(out).as_posix() for p in out.rglob("*") if not p.is_dir()}
    if not present:
        return
    foreign = UserError(f"--out={out} is not empty and not a synthetic set", "name a new folder")
    if METADATA not in present or CLIPS not in present:
        raise foreign
    metadata = files.read_json(out / METADATA)
    if not isinstance(metadata, dict) or metadata.get("made_by") != MADE_BY:
        raise foreign
    others = sorted(
        path for path in present - _written(out) if not path.startswith(f"{NOISE_FOLDER}/")
    )
    if others:
        raise UserError(
            f"--out={out} has files that the synthesis did not write, such as {others[0]}",
            "move them away or name a new folder",
        )
