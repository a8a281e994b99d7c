"""Fixed split lists: read as written, or refused with the list, the line and the cause."""

import csv
from pathlib import Path

import pytest

from edge_tf.data.dataset import SPLITS, Clip
from edge_tf.data.words import split_lists
from edge_tf.errors import UserError
from tests.edge_tf.data.words.word_folders import SPEAKERS, make

HEADER = "label\tclip\tstart\tgain\n"


@pytest.fixture
def places(tmp_path) -> tuple[Path, Path]:
    """A folder of two words, and lists of all of it with a second of noise in each."""
    root, lists = make(tmp_path / "words", ("größe", "turn on")), tmp_path / "lists"
    lists.mkdir()
    for split in SPLITS:
        rows = [
            f"{word}\t{word}/{speaker}_nohash_0.wav\t\t\n"
            for word in ("turn on", "größe")
            for speaker in SPEAKERS[split]
        ]
        noise = "_silence_\t_background_noise_/hum.wav\t800\t0.25\n"
        (lists / f"{split}.tsv").write_text(HEADER + noise + "".join(rows), encoding="utf-8")
    return root, lists


def test_rows_become_clips(places):
    data = split_lists.load(*places)
    assert data.labels == ("_silence_", "größe", "turn on")
    assert data.splits["training"] == (
        Clip(0, "_background_noise_/hum.wav", start=0.05, gain=0.25),
        Clip(2, "turn on/00000001_nohash_0.wav"),
        Clip(2, "turn on/00000003_nohash_0.wav"),
        Clip(1, "größe/00000001_nohash_0.wav"),
        Clip(1, "größe/00000003_nohash_0.wav"),
    )
    assert data.noise == ("_background_noise_/hum.wav",)
    assert data.description == "fixed lists lists"


def test_windows_line_ends_and_byte_order_mark(places):
    root, lists = places
    plain = split_lists.load(root, lists)
    for path in lists.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert split_lists.load(root, lists) == plain


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("turn on\t/etc/x.wav\t\t", r"testing\.tsv, line 7: '/etc/x.wav' leaves --data_dir"),
        ("turn on\t../x.wav\t\t", r"'../x.wav' leaves --data_dir"),
        ("turn on\ta/../../x.wav\t\t", "leaves --data_dir"),
        ("turn on\tturn on/gone.wav\t\t", r"lacks 1 of \d+ clips in .*, such as turn on/gone\.wav"),
        ("turn on\t\t\t", "line 7: expected label"),
        ("turn on\tx.wav", "line 7: expected label"),
        ("turn on\tx.wav\t\t\t", "line 7: expected label"),
        ("turn on\tx.wav\t-1\t1", "line 7: expected label"),
        ("turn on\tx.wav\t1.5\t1", "line 7: expected label"),
        ("turn on\tx.wav\t0\tnan", "line 7: expected label"),
        ("turn on\tx.wav\t0\t-1", "line 7: expected label"),
        ("turn on\tx.wav\t0\tloud", "line 7: expected label"),
        ("\tx.wav\t\t", "'' cannot be a label"),
        ("a\x07b\tx.wav\t\t", "cannot be a label"),
        ("new\tturn on/00000002_nohash_0.wav\t\t", "training.tsv has no clips of 'new'"),
        ("turn on\tturn on/00000001_nohash_0.wav\t\t", r"is in training\.tsv too; remove it"),
    ],
)
def test_a_bad_row_is_told(places, row, message):
    root, lists = places
    with (lists / "testing.tsv").open("a", encoding="utf-8") as out:
        out.write(row + "\n")
    with pytest.raises(UserError, match=message) as caught:
        split_lists.load(root, lists)
    assert "; " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not have the columns label, clip, start, gain"),
        (b"label,clip,start,gain\na,b,,\n", "does not have the columns"),
        (b"label\tclip\nyes\tyes/a.wav\n", "does not have the columns"),
        (b"clip\tlabel\tstart\tgain\n", "does not have the columns"),
        (HEADER.encode(), "lists no clips"),
        (HEADER.encode() + b"\xff\xfe\t\t\t\n", "cannot be read"),
    ],
)
def test_a_bad_list_is_told(places, content, message):
    root, lists = places
    (lists / "validation.tsv").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        split_lists.load(root, lists)
    assert str(lists / "validation.tsv") in str(caught.value)


def test_a_missing_list_and_a_single_label_are_told(places):
    root, lists = places
    for split in SPLITS:
        path = lists / f"{split}.tsv"
        rows = [row for row in path.read_text().splitlines() if "turn on" in row]
        path.write_text(HEADER + "\n".join(rows))
    with pytest.raises(UserError, match="only one label; a task needs two"):
        split_lists.load(root, lists)
    (lists / "testing.tsv").unlink()
    with pytest.raises(UserError, match=r"testing\.tsv cannot be read \(No such file"):
        split_lists.load(root, lists)


@pytest.mark.real_data
def test_the_published_lists_have_the_published_sizes(edge_tf_data, tmp_path):
    """Reading them needs no sound, so empty files stand for the clips."""
    lists = edge_tf_data / "kws12"
    for split in SPLITS:
        with (lists / f"{split}.tsv").open(newline="") as source:
            for row in csv.DictReader(source, delimiter="\t"):
                path = tmp_path / row["clip"]
                path.parent.mkdir(exist_ok=True)
                path.touch()
    data = split_lists.load(tmp_path, lists)
    assert {split: len(clips) for split, clips in data.splits.items()} == {
        "training": 20_488,
        "validation": 2_686,
        "testing": 2_540,
    }
    commands = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
    assert data.labels == ("_silence_", "_unknown_", *commands)
