"""Sound on a pipe: every sample at once, and a WAV file is not mistaken for samples."""

import os
import struct
import threading
from collections.abc import Callable

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.audio import piped_sound, riff, sound_blocks, wav
from edge_tf.audio.encodings import RawFormat
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import (
    FLOAT,
    PCM,
    chunk,
    encode,
    fmt,
    tone,
    wav_bytes,
)
from tests.edge_tf.audio.wav_files import riff as riff_bytes

RAW = RawFormat("s16le", 16_000)
TONE = tone(440, seconds=0.5)
STEREO = np.stack([tone(440, 48_000, 0.5), tone(600, 48_000, 0.5)], axis=1)


def through_a_pipe(
    write: Callable[[int], object] | bytes, samples: int = 700, raw: RawFormat = RAW
) -> tuple[list[np.ndarray], sound_blocks.SoundBlocks]:
    """Blocks of what `write` puts into a pipe before it is closed."""
    out, into = os.pipe()

    def work() -> None:
        try:
            if isinstance(write, bytes):
                os.write(into, write)
            else:
                write(into)
        except BrokenPipeError:  # the reader has seen enough
            pass
        finally:
            os.close(into)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        with open(out, "rb") as pipe:
            blocks = sound_blocks.of_pipe(pipe, 16_000, samples, raw)
            return list(blocks), blocks
    finally:
        writer.join()


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    cuts=st.lists(st.integers(1, 999), max_size=30),
    samples=st.integers(1, 700),
    is_wav=st.booleans(),
)
def test_a_pipe_that_cuts_samples_in_two_loses_none(cuts, samples, is_wav):
    pcm = np.random.default_rng(0).integers(-32_768, 32_768, 500).astype("<i2")
    data = pcm.tobytes()
    if is_wav:
        data = riff_bytes(fmt(PCM, 1, 16_000, 16), chunk(b"LIST", b"INFO"), chunk(b"data", data))

    def write(into: int) -> None:
        at = 0
        for cut in (*cuts, len(data)):
            os.write(into, data[at : at + cut])
            at += cut

    read, found = through_a_pipe(write, samples)
    assert all(0 < len(block) <= samples and block.dtype == np.int16 for block in read)
    np.testing.assert_array_equal(np.concatenate(read), pcm)
    assert found.about == ("WAV (PCM_16)" if is_wav else "raw s16le") + ", 16,000 Hz, 1 channel"


def test_what_a_pipe_has_is_given_at_once():
    """A block that is not full is not waited for: a word is detected when it is said."""
    out, into = os.pipe()
    with open(out, "rb") as pipe:
        os.write(into, b"\1\0\2")
        reading = iter(sound_blocks.of_pipe(pipe, 16_000, 1_600, RAW))
        assert next(reading).tolist() == [1]
        os.write(into, b"\0\3\0")
        assert next(reading).tolist() == [2, 3]
        os.close(into)
        assert list(reading) == []


def test_a_resampled_pipe_is_at_most_a_filter_late():
    out, into = os.pipe()
    with open(out, "rb") as pipe:
        os.write(into, encode(tone(440, 48_000, 0.1), 16))
        reading = iter(sound_blocks.of_pipe(pipe, 16_000, 1_600, RawFormat("s16le", 48_000)))
        assert 1_600 - 40 < len(next(reading)) <= 1_600
        os.close(into)
        list(reading)


def test_a_pipe_without_sound_gives_no_block():
    assert through_a_pipe(b"")[0] == []


@pytest.mark.parametrize(
    ("raw", "data", "part"),
    [
        (RAW, b"\1\0\2", "half a sample: 1 of 2 bytes"),
        (RawFormat("s24le", 16_000, 2), bytes(6 + 5), "a part of a frame: 5 of 6 bytes"),
    ],
)
def test_half_a_frame_at_the_end_of_a_pipe_is_told(raw, data, part):
    with pytest.raises(UserError, match=f"standard input ends with {part}; give 16-bit"):
        through_a_pipe(data, raw=raw)


@pytest.mark.parametrize(
    "content",
    [
        wav_bytes(TONE),
        wav_bytes(STEREO, rate=48_000),
        wav_bytes(STEREO, rate=48_000, bits=24),
        wav_bytes(STEREO, rate=48_000, bits=32, tag=FLOAT),
        wav_bytes(np.stack([TONE, -TONE], axis=1)),
        wav_bytes(TONE) + chunk(b"LIST", bytes(2_000)),
        b"ID3\x04\0\0\0\0\0\x05" + bytes(5) + wav_bytes(TONE),
    ],
    ids=["plain", "48 kHz", "24 bits", "floats", "inverted", "chunk last", "id3"],
)
def test_a_wav_file_through_a_pipe_is_the_file(tmp_path, content):
    (tmp_path / "x.wav").write_bytes(content)
    whole = wav.read(tmp_path / "x.wav", 16_000)
    read, found = through_a_pipe(content)
    np.testing.assert_array_equal(np.concatenate(read), whole.samples)
    assert found.notes == whole.notes and found.about.startswith("WAV (")


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_recorder_that_writes_wav_is_heard_to_its_end(length):
    content = wav_bytes(TONE)
    read, found = through_a_pipe(content[:40] + struct.pack("<I", length) + content[44:])
    assert sum(map(len, read)) == len(TONE) and found.notes == () and found.seconds is None


def test_other_lengths_than_promised_are_noted():
    content = wav_bytes(TONE)
    read, found = through_a_pipe(content[:-1_000])
    assert sum(map(len, read)) == len(TONE) - 500
    assert found.notes == (piped_sound.ENDED_EARLY,)
    read, found = through_a_pipe(content[:40] + struct.pack("<I", 16) + content[44:])
    assert sum(map(len, read)) == 8 and found.notes == (riff.SHORT_LENGTH,)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"fLaC\0\0\0\x22" + bytes(40), "FLAC"),
        (b"OggS\0\2" + bytes(40), "Ogg"),
        (b"ID3\4\0\0\0\0\0\0\xff\xfb" + bytes(40), "MP3"),
        (b"FORM\0\0\0\0AIFF" + bytes(9), "AIFF"),
        (riff_bytes(fmt(0x11, 1, 16_000, 4), chunk(b"data", bytes(99))), "coded WAV"),
        (b"\x1aE\xdf\xa3" + bytes(40), "Matroska or WebM"),
    ],
)
def test_what_must_be_a_file_is_refused(content, kind):
    with pytest.raises(UserError) as caught:
        through_a_pipe(content)
    assert str(caught.value) == (
        f"standard input is {kind}, which cannot be decoded as it arrives; save it to a file and "
        "give --wav=FILE"
    )


@pytest.mark.parametrize("begin", [b"RI", b"RIFF", b"RIFFxxxxAVI ", b"fLa", b"ID3\x09"])
def test_samples_that_begin_like_a_file_are_samples(begin):
    data = begin + bytes(len(begin) % 2 + 20)
    read, found = through_a_pipe(data)
    assert np.concatenate(read).astype("<i2").tobytes() == data
    assert found.about == str(RAW)
