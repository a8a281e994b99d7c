"""The record of a set of takes: takes.tsv, a row per take as it is made; takes.json, the whole."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge_tf import files, records
from edge_tf.data.dataset import Split
from edge_tf.data.synthesis.take_request import TakeRequest
from edge_tf.errors import UserError

METADATA = "takes.json"
TAKES = "takes.tsv"
LISTS = {"validation": "validation_list.txt", "testing": "testing_list.txt"}
MADE_BY = "edge_tf pipelines.synthesize --takes"
FORMAT_VERSION = 1

# Kinds of takes besides those of sound_alikes.
WORD = "word"
UNKNOWN = "unknown"
HALF = "half"
SENTENCE = "sentence"


@dataclasses.dataclass(frozen=True)
class Take:
    """A take, as a row of takes.tsv.

    Attributes:
      path: relative to the set.
      kind: WORD: it says a wanted word; any other: it does not, and why it was made.
      word: the folder's name.
      text: what was said, with punctuation.
      split, speaker, synthesizer, voice, sex: who said it.
      rate, pitch: relative to the voice's own.
      seed: of the rendering.
      samples: at 16 kHz; 0 if it was dropped before it was written.
      dropped: why it is not in the set (take_checks.REASONS), or "".
      compared: "yes" if it was compared with other voices' takes.
    """

    path: str
    kind: str
    word: str
    text: str
    split: Split
    speaker: str
    synthesizer: str
    voice: str
    sex: str
    rate: float
    pitch: float
    seed: int
    samples: int = 0
    dropped: str = ""
    compared: str = ""

    def is_planned_as(self, other: "Take") -> bool:
        """Whether both are the same before they are made."""
        return dataclasses.replace(self, samples=0, dropped="", compared="") == (
            dataclasses.replace(other, samples=0, dropped="", compared="")
        )


_FIELDS = dataclasses.fields(Take)
_TYPES = {"rate": float, "pitch": float, "seed": int, "samples": int}
_HEADER = "\t".join(field.name for field in _FIELDS) + "\n"


def _row(take: Take) -> str:
    return "\t".join(str(value) for value in dataclasses.astuple(take)) + "\n"


def read(folder: Path) -> list[Take]:
    """The takes that a folder records, of each path the last; [] without a record.

    A row that was cut off by a kill is left out.

    Raises:
      UserError: takes.tsv cannot be read.
    """
    source = folder / TAKES
    if not source.exists():
        return []
    try:
        lines = files.read_bytes(source).decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise UserError(f"{source} is damaged", "remove the folder and make it again") from None
    found: dict[str, Take] = {}
    for line in lines[1:-1]:  # the last is empty, or cut off
        values = line.split("\t")
        if len(values) != len(_FIELDS):
            continue
        try:
            typed = {
                field.name: _TYPES.get(field.name, str)(value)
                for field, value in zip(_FIELDS, values, strict=True)
            }
        except ValueError:
            continue
        found[str(typed["path"])] = Take(**typed)
    return list(found.values())


def write(folder: Path, takes: Iterable[Take]) -> None:
    """Writes takes.tsv anew."""
    files.write_text(folder / TAKES, _HEADER + "".join(map(_row, takes)))


def request(folder: Path) -> TakeRequest | None:
    """What a set was asked to be; None if its record is of another version.

    Raises:
      UserError: takes.json cannot be read.
    """
    metadata = files.read_json(folder / METADATA)
    asked = metadata.get("request") if isinstance(metadata, dict) else None
    try:
        return records.from_json(asked, TakeRequest, METADATA, "request")
    except UserError:
        return None


def append(folder: Path, take: Take) -> None:
    """Adds a row; a kill loses at most this one."""
    with (folder / TAKES).open("a", encoding="utf-8") as out:
        out.write(_row(take))


def kept(takes: Iterable[Take]) -> list[Take]:
    """Those that are in the set."""
    return [take for take in takes if not take.dropped]


def write_lists(folder: Path, takes: Sequence[Take]) -> None:
    """validation_list.txt and testing_list.txt of the takes that are kept."""
    for split, name in LISTS.items():
        listed = sorted(take.path for take in kept(takes) if take.split == split)
        files.write_text(folder / name, "".join(f"{path}\n" for path in listed))


def drops(takes: Iterable[Take]) -> dict[str, Counter[str]]:
    """Voice to how many of its takes were dropped, by reason; voices without drops are left out."""
    found: dict[str, Counter[str]] = {}
    for take in takes:
        if take.dropped:
            found.setdefault(f"{take.synthesizer} {take.voice}", Counter())[take.dropped] += 1
    return found


def require_ours(out: Path) -> None:
    """Raises UserError if `out` exists and is no set of takes, whole or begun."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise UserError(f"--out={out} is a file", "name a folder")
    if not any(out.iterdir()):
        return
    metadata = files.read_json(out / METADATA) if (out / METADATA).exists() else None
    if not isinstance(metadata, dict) or metadata.get("made_by") != MADE_BY:
        raise UserError(f"--out={out} is not empty and not a set of takes", "name a new folder")
