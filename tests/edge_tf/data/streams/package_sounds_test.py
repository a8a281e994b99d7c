"""Sounds inside packages: files, an archive with a table, raw bytes; and damaged ones."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_tf.data.streams import package_sounds
from edge_tf.data.streams.package_list import Stored
from edge_tf.errors import UserError

RATE = 16_000
TONE = (8000 * np.sin(np.arange(11_025) * 0.2)).astype(np.int16)  # a second at 11,025 Hz


def encoded(folder: Path, kind: str) -> bytes:
    path = folder / f"piece.{kind.lower()}"
    soundfile.write(path, TONE, 11_025, format=kind)
    return path.read_bytes()


def archive(pieces: dict[str, bytes], encoding: int = 1) -> bytes:
    """An archive as the game has it: table, then what it names."""
    offset = 15 + 21 * len(pieces)
    table, content = b"", b""
    for name, piece in pieces.items():
        where = offset + len(content)
        table += struct.pack(">12sBII", name.encode(), 1, where, len(piece))
        content += piece
    return struct.pack(">4s8sBH", b"QTBL", b"CEM10", encoding, len(pieces)) + table + content


def frequency(samples: np.ndarray) -> float:
    """Hz of a tone at 16 kHz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * RATE / len(samples)


@pytest.mark.parametrize(("encoding", "kind"), [(1, "MP3"), (2, "OGG"), (3, "FLAC")])
def test_an_archive_holds_speech_in_one_of_three_encodings(tmp_path, encoding, kind):
    speech = encoded(tmp_path, kind)
    package = tmp_path / "package"
    package.mkdir()
    made = archive({"010001.SB": speech, "ROOM.PCX": b"no sound", "010002.SB": speech}, encoding)
    (package / "queen.1c").write_bytes(made)
    found = package_sounds.find(package, Stored.QUEEN, RATE)
    assert [sound.name for sound in found] == ["010001.SB", "010002.SB"]
    samples = found[1].read()
    assert samples.dtype == np.int16 and abs(len(samples) - RATE) < 4000  # MP3 pads
    assert frequency(samples) == pytest.approx(0.2 * 11_025 / (2 * np.pi), abs=2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"QTBL",
        b"RIFF" + bytes(100),
        archive({"A.SB": b"x"}, encoding=0),
        struct.pack(">4s8sBH", b"QTBL", b"", 1, 60_000),
    ],
    ids=["empty", "header", "other", "encoding", "table"],
)
def test_what_is_no_archive_is_told(tmp_path, content):
    (tmp_path / "queen.1c").write_bytes(content)
    with pytest.raises(UserError, match=r"queen\.1c is no archive of this game; leave out"):
        package_sounds.find(tmp_path, Stored.QUEEN, RATE)


def test_an_entry_beyond_the_end_is_damaged_and_others_are_read(tmp_path):
    content = archive({"A.SB": encoded(tmp_path, "FLAC"), "B.SB": b""}, encoding=3)
    beyond = struct.pack(">II", len(content) + 100, 50)
    content = content[: 15 + 21 + 13] + beyond + content[15 + 42 :]
    (tmp_path / "queen.1c").write_bytes(content)
    first, second = package_sounds.find(tmp_path, Stored.QUEEN, RATE)
    assert len(first.read()) == RATE
    with pytest.raises(UserError):
        second.read()


def test_bytes_are_unsigned_around_128(tmp_path):
    raw = (TONE / 256 + 128).round().astype(np.uint8)
    (tmp_path / "1.ALS").write_bytes(raw.tobytes())
    (tmp_path / "2.ALG").write_bytes(b"a picture")
    (found,) = package_sounds.find(tmp_path, Stored.BYTES, RATE)
    assert found.name == "1.ALS"
    samples = found.read()
    assert len(samples) == RATE
    assert abs(float(samples.mean())) < 100
    assert np.abs(samples).max() == pytest.approx(8000, rel=0.05)
    assert frequency(samples) == pytest.approx(0.2 * 11_025 / (2 * np.pi), abs=2)


def test_files_are_those_of_known_suffixes_and_no_links(tmp_path):
    soundfile.write(tmp_path / "a.ogg", TONE, 11_025)
    (tmp_path / "b.png").write_bytes(b"x")
    (tmp_path / "c.wav").symlink_to("/etc/passwd")
    (found,) = package_sounds.find(tmp_path, Stored.FILES, RATE)
    assert found.name == "a.ogg" and len(found.read()) == RATE
