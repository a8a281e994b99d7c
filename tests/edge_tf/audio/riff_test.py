"""Headers of WAV as recorders write them: the samples are found, odd lengths are noted."""

import io
import os
import struct
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile

from edge_tf.audio import riff, wav
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import (
    PCM,
    chunk,
    encode,
    extensible,
    fmt,
    tone,
    wav_bytes,
)
from tests.edge_tf.audio.wav_files import riff as riff_bytes

TONE = tone(440, seconds=0.5)
PCM16 = encode(TONE, 16)
WHOLE = wav_bytes(TONE)
FMT = fmt(PCM, 1, 16_000, 16)
ODD = b"LIST" + struct.pack("<I", 13) + b"INFOISFT\x01\0\0\0A"  # without padding
LYING = riff.SHORT_LENGTH


class Bytes:
    """A file in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size: int | None = len(content)

    def at(self, position: int, count: int) -> bytes:
        return self._content[position : position + count]


def with_length(length: int, content: bytes = PCM16) -> bytes:
    return WHOLE[:40] + struct.pack("<I", length) + content


def rf64(length: int, content: bytes = PCM16, magic: bytes = b"RF64") -> bytes:
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, length, 0, 0))
    data = b"data\xff\xff\xff\xff" + content
    return magic + b"\xff\xff\xff\xffWAVE" + ds64 + FMT + data


def read(tmp_path: Path, content: bytes) -> wav.Sound:
    (tmp_path / "x.wav").write_bytes(content)
    return wav.read(tmp_path / "x.wav", 16_000)


@pytest.mark.parametrize(
    "length",
    [0, 0x7FFFF000, 0x7FFFFFBC, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDB, 0xFFFF0000],
)
def test_a_length_of_a_pipe_means_to_the_end(tmp_path, length):
    sound = read(tmp_path, with_length(length))
    np.testing.assert_array_equal(sound.samples, np.frombuffer(PCM16, "<i2"))
    assert sound.notes == (riff.PIPE_LENGTH,)
    assert wav.duration(tmp_path / "x.wav") == 0.5


def test_a_recording_of_more_than_a_pipes_length_goes_to_its_end(tmp_path):
    """SoX writes 0x7FFFF000 however long it records."""
    path = tmp_path / "x.wav"
    with path.open("wb") as out:
        out.write(with_length(0x7FFFF000, b""))
        out.truncate(44 + 3_000_000_000)  # takes no room
    with pytest.raises(UserError, match="larger than 1 GiB"):
        wav.read(path, 16_000)
    assert wav.duration(path) == 1_500_000_000 / 16_000


@pytest.mark.parametrize("length", [2, 16, 10_000])
def test_a_length_that_leaves_sound_out_is_noted(tmp_path, length):
    sound = read(tmp_path, with_length(length))
    assert len(sound.samples) == length // 2 and sound.notes == (LYING,)


def test_chunks_after_the_samples_are_no_sound(tmp_path):
    picture = chunk(b"id3 ", bytes(50_000))
    for tail in (picture, ODD + picture, picture + ODD, b"junk"):
        assert read(tmp_path, riff_bytes(FMT, chunk(b"data", PCM16)) + tail).notes == ()
    assert read(tmp_path, riff_bytes(FMT, chunk(b"data", PCM16)) + bytes(50_000)).notes == (LYING,)
    second = chunk(b"data", PCM16)
    assert read(tmp_path, riff_bytes(FMT, second, second)).notes == (LYING,)


@pytest.mark.parametrize(
    "content",
    [
        riff_bytes(FMT, ODD, chunk(b"data", PCM16)),
        riff_bytes(ODD, FMT, ODD, ODD, chunk(b"data", PCM16)),
        riff_bytes(ODD + b"\0", FMT, ODD + b" ", chunk(b"data", PCM16)),
        riff_bytes(FMT, chunk(b"data", b""), chunk(b"data", PCM16)),
        riff_bytes(FMT, chunk(b"data", b""), ODD, chunk(b"LIST", b"INFO"), chunk(b"data", PCM16)),
        b"ID3\x04\0\0\0\0\x01\x02" + bytes(130) + WHOLE,
        b"ID3\x04\0\x10\0\0\0\x02" + bytes(2 + 10) + WHOLE,
        rf64(len(PCM16)),
        rf64(len(PCM16), magic=b"BW64"),
        b"RF64" + WHOLE[4:],
    ],
    ids=["unpadded", "all unpadded", "odd padding", "empty data first", "empty data, more first",
         "id3", "id3 with footer", "rf64", "bw64", "rf64 of 32 bits"],
)  # fmt: skip
def test_samples_are_found(tmp_path, content):
    sound = read(tmp_path, content)
    np.testing.assert_array_equal(sound.samples, np.frombuffer(PCM16, "<i2"))
    assert sound.notes == ()


def test_24_bits_in_four_bytes_are_the_upper_ones(tmp_path):
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 64_000, 4, 24)
    sound = read(tmp_path, riff_bytes(form, chunk(b"data", encode(TONE, 32))))
    np.testing.assert_allclose(sound.samples / 32768.0, TONE, atol=2**-15)


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_coded_samples_of_a_pipe_go_to_their_end_too(tmp_path, length):
    out = io.BytesIO()
    soundfile.write(out, TONE, 16_000, format="WAV", subtype="IMA_ADPCM")
    whole = out.getvalue()
    at = whole.index(b"data") + 4
    expected = read(tmp_path, whole)
    sound = read(tmp_path, whole[:at] + struct.pack("<I", length) + whole[at + 4 :])
    np.testing.assert_array_equal(sound.samples, expected.samples)
    assert expected.notes == () and sound.notes == (riff.PIPE_LENGTH,)


def test_big_endian_files_are_read(tmp_path):
    swapped = np.frombuffer(PCM16, "<i2").astype(">i2").tobytes()
    form = struct.pack(">4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    odd = b"LIST" + struct.pack(">I", 4) + b"INFO"
    data = b"data" + struct.pack(">I", len(swapped)) + swapped
    sound = read(tmp_path, b"RIFX\0\0\0\0WAVE" + form + odd + data + odd)
    np.testing.assert_array_equal(sound.samples, np.frombuffer(PCM16, "<i2"))
    assert sound.notes == ()


@pytest.mark.parametrize("length", [0, 2**63 - 1, 2**64 - 1, 0xFFFFFFFF])
def test_rf64_of_a_pipe_goes_to_its_end(tmp_path, length):
    sound = read(tmp_path, rf64(length))
    assert len(sound.samples) == len(TONE) and sound.notes == (riff.PIPE_LENGTH,)


def test_rf64_that_was_cut_off_is_refused(tmp_path):
    with pytest.raises(UserError, match="truncated: 5000000000 of 5000016000 bytes"):
        read(tmp_path, rf64(5_000_016_000))


def test_a_pipe_is_read_no_further_than_the_samples():
    out, into = os.pipe()
    os.write(into, riff_bytes(FMT, ODD, chunk(b"data", PCM16))[: -len(PCM16)] + b"ab")
    source = riff.PipeSource(out)
    header = riff.parse(source, "pipe")  # would wait for ever
    assert header.frames == len(TONE) and header.offset == len(source.head)
    os.close(into)
    assert source.at(header.offset, 10) == b"ab" and source.at(header.offset + 2, 1) == b""
    os.close(out)


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_on_a_pipe_such_a_length_is_usual(length):
    out, into = os.pipe()
    os.write(into, with_length(length, b"\1\0\2\0abcd"))
    os.close(into)
    header = riff.parse(riff.PipeSource(out), "pipe")
    os.close(out)
    assert header.frames is None and header.notes == () and header.offset == 44


def test_a_header_without_end_is_not_kept():
    out, into = os.pipe()
    os.write(into, WHOLE[:12] + b"LIST\xff\xff\xff\x7f")
    with pytest.raises(UserError, match=r"no sound within its first 16 MiB; save it to a file"):
        riff.parse(riff.PipeSource(out), "pipe")
    os.close(into)
    os.close(out)


def test_a_file_of_nothing_but_chunks_ends():
    looks = 0

    class Counting(Bytes):
        def at(self, position: int, count: int) -> bytes:
            nonlocal looks
            looks += 1
            return super().at(position, count)

    with pytest.raises(UserError, match="no sound data"):
        riff.parse(Counting(WHOLE[:12] + b"LIST\0\0\0\0" * 200_000), "x.wav")
    assert looks < 20_000


def _parses_or_refuses(data: bytes) -> None:
    try:
        header = riff.parse(Bytes(data), "x.wav")
    except UserError as error:
        assert str(error).startswith("x.wav: ")
    else:
        assert 1 <= header.channels <= 64 and header.offset >= 20
        if header.encoding:
            assert header.frames is not None and header.frames >= 1
            size = header.frames * header.channels * header.encoding.width
            assert header.offset + size <= len(data)
            one = header.channels * header.encoding.width
            decoded = header.encoding.decode(data[header.offset :][:one], header.channels)
            assert decoded.shape == (1, header.channels)


@hypothesis.given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    _parses_or_refuses(data)
    for begin in (b"RIFF\0\0\0\0WAVE", b"RIFX\0\0\0\0WAVE", b"RF64\0\0\0\0WAVE", WHOLE[:36]):
        _parses_or_refuses(begin + data)


@hypothesis.given(
    base=st.sampled_from(
        [
            WHOLE[:200],
            with_length(0)[:300],
            wav_bytes(TONE[:30]),
            rf64(60, bytes(60)),
            riff_bytes(ODD, extensible(PCM, 2, 44_100, 24), ODD, chunk(b"data", bytes(60)), ODD),
        ]
    ),
    changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 250),
)
def test_damaged_headers_are_read_or_refused(base, changes, cut):
    data = bytearray(base)
    for position, value in changes:
        data[position % len(data)] = value
    _parses_or_refuses(bytes(data))
    _parses_or_refuses(bytes(data[:cut]))


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    channels=st.integers(1, 4),
    frames=st.integers(1, 50),
    bits=st.sampled_from([8, 16, 24, 32]),
    tail=st.binary(max_size=40),
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_parses_decodes(channels, frames, bits, tail, seed):
    content = np.random.default_rng(seed).bytes(channels * frames * bits // 8)
    data = riff_bytes(fmt(PCM, channels, 16_000, bits), chunk(b"data", content)) + tail
    header = riff.parse(Bytes(data), "x.wav")
    assert header.frames == frames and header.encoding is not None and not header.notes
    assert header.encoding.decode(content, channels).shape == (frames, channels)
