"""clips.json of a run: the clips it was trained and is tested on, each with a hash of its sound."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from edge_tf import files, records
from edge_tf.data.dataset import Split
from edge_tf.data.waveform_cache import Waveforms

_HEX = 16  # digits of a hash: equal ones by chance are out of the question within a run

# A clip: name, label, start of the SHA-256 of its samples.
_Clip = tuple[str, str, str]


def save(path: Path, splits: Mapping[Split, Waveforms], labels: Sequence[str]) -> None:
    """Writes the clips of all splits, one a line."""
    lists = {split: _clips(waves, labels) for split, waves in splits.items()}
    text = msgspec.json.encode(lists).decode().replace("],[", "],\n[")
    files.write_text(path, text + "\n")


def difference(path: Path, split: Split, waves: Waveforms, labels: Sequence[str]) -> str:
    """What has changed in a split since `save`: how many clips, and an example.

    Raises:
      UserError: the file is damaged.
    """
    before = records.load(path, dict[str, list[_Clip]]).get(split, [])
    now = _clips(waves, labels)
    new, gone = list(set(now) - set(before)), list(set(before) - set(now))
    if not new and not gone:
        return "their order or number is another"
    old, names = {clip[0]: clip for clip in before}, {clip[0] for clip in now}
    changed = sorted(clip for clip in new if clip[0] in old)
    added = sorted(clip[0] for clip in new if clip[0] not in old)
    missing = sorted({clip[0] for clip in gone} - names)
    parts = []
    if changed:
        name, label, _ = changed[0]
        was = old[name][1]
        how = "has another sound" if was == label else f"is {label} and was {was}"
        parts.append(f"{len(changed)} changed, such as {name}, which {how}")
    if missing:
        parts.append(f"{len(missing)} missing, such as {missing[0]}")
    if added:
        parts.append(f"{len(added)} new, such as {added[0]}")
    return ", ".join(parts)


def _clips(waves: Waveforms, labels: Sequence[str]) -> list[_Clip]:
    digests = (row.tobytes().hex()[:_HEX] for row in waves.digests)
    return [
        (_text(name), labels[label], digest)
        for name, label, digest in zip(waves.names, waves.labels, digests, strict=True)
    ]


def _text(name: str) -> str:
    """A name as JSON can hold it: it need not be Unicode."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
