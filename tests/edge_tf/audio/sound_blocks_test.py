"""Sound block by block: the samples of the whole file, or one line that names what is wrong."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.audio import sound_blocks, wav
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import FLOAT, PCM, chunk, encode, fmt, riff, tone, wav_bytes

TONE = tone(440, seconds=0.1)
WHOLE = wav_bytes(TONE)
STEREO = np.stack([TONE, tone(600, seconds=0.1)], axis=1)
TEXT = chunk(b"LIST", b"INFOISFT\x05\0\0\0odd!\0")


def blocks(path: Path, samples: int) -> list[np.ndarray]:
    return list(sound_blocks.of_file(path, 16_000, samples))


@pytest.mark.parametrize("samples", [1, 7, 160, 1_599, 1_600, 1_601, 16_000])
@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        WHOLE + b"rubbish",
        riff(TEXT, fmt(PCM, 1, 16_000, 16), TEXT, chunk(b"data", encode(TONE, 16)), TEXT),
        WHOLE[:40] + b"\xff\xff\xff\xff" + WHOLE[44:],
        riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", encode(TONE, 16) + b"x")),
    ],
    ids=["plain", "rubbish after", "many chunks", "written to a pipe", "half a sample more"],
)
def test_a_file_in_blocks_is_the_file(tmp_path, content, samples):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    read = blocks(path, samples)
    assert all(block.dtype == np.int16 for block in read)
    assert [len(block) for block in read[:-1]] == [samples] * (len(read) - 1)
    assert 1 <= len(read[-1]) <= samples
    np.testing.assert_array_equal(np.concatenate(read), wav.read(path, 16_000).samples)


@pytest.mark.parametrize(
    "content",
    [
        wav_bytes(tone(440, 44_100, 0.1), rate=44_100),
        wav_bytes(tone(440, 8_000, 0.1), rate=8_000, bits=8),
        wav_bytes(STEREO),
        wav_bytes(STEREO, rate=48_000, bits=24),
        wav_bytes(TONE, bits=32, tag=FLOAT),
    ],
    ids=["44.1 kHz", "8 kHz of 8 bits", "stereo", "stereo at 48 kHz of 24 bits", "floats"],
)
def test_other_formats_are_decoded_first(tmp_path, content):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    read = blocks(path, 300)
    assert [len(block) for block in read[:-1]] == [300] * (len(read) - 1)
    np.testing.assert_array_equal(np.concatenate(read), wav.read(path, 16_000).samples)


def test_a_file_is_not_read_further_than_it_is_heard(tmp_path):
    """Nor decoded as a whole: a file of a day needs no more memory than a block."""
    path = tmp_path / "long.wav"
    samples = 600_000_000
    head = WHOLE[:40] + (2 * samples).to_bytes(4, "little")
    with path.open("wb") as out:
        out.write(head)
        out.truncate(len(head) + 2 * samples)  # takes no room
    reading = sound_blocks.of_file(path, 16_000, 16_000)
    assert [len(next(reading)) for _ in range(3)] == [16_000] * 3


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "empty"),
        (b"hello, this is text and no sound at all", "not a WAV"),
        (WHOLE[:1_000], "truncated: 2244 of 3200 bytes"),
        (WHOLE[:-1], "truncated: 1 of 3200 bytes"),
        (WHOLE[:36], "no sound data"),
        (riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", b"")), "no samples"),
        (riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", b"x")), "no samples"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(tmp_path, content, cause):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        blocks(path, 160)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and cause in message
    assert "; " in message and "\n" not in message


def test_what_is_no_file_is_told_and_never_waited_for(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    for name, cause in (
        ("folder.wav", "not a file"),
        ("pipe.wav", "not a file"),
        ("loop.wav", "symbolic links"),
        ("missing.wav", "No such file"),
    ):
        with pytest.raises(UserError, match=cause) as caught:
            blocks(tmp_path / name, 160)
        assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("left", [2 * 320, 2 * 320 + 1, 2 * 100])
def test_a_file_that_shrinks_while_it_is_read_is_told(tmp_path, left):
    path = tmp_path / "x.wav"
    # Longer than what a reader takes ahead of what it is asked for.
    path.write_bytes(wav_bytes(tone(440, seconds=20)))
    reading = sound_blocks.of_file(path, 16_000, 320)
    next(reading)
    os.truncate(path, 44 + left)
    with pytest.raises(UserError, match=r"x\.wav: became shorter while it was read"):
        list(reading)


def through_a_pipe(write: Callable[[int], None], samples: int) -> list[np.ndarray]:
    """Blocks of what `write` puts into a pipe before it is closed."""
    out, into = os.pipe()

    def work() -> None:
        write(into)
        os.close(into)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        with open(out, "rb") as pipe:
            return list(sound_blocks.of_pipe(pipe, samples))
    finally:
        writer.join()


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    cuts=st.lists(st.integers(1, 999), max_size=30),
    samples=st.integers(1, 700),
)
def test_a_pipe_that_cuts_samples_in_two_loses_none(cuts, samples):
    pcm = np.random.default_rng(0).integers(-32_768, 32_768, 500).astype("<i2")
    data = pcm.tobytes()

    def write(into: int) -> None:
        at = 0
        for cut in (*cuts, len(data)):
            os.write(into, data[at : at + cut])
            at += cut

    read = through_a_pipe(write, samples)
    assert all(0 < len(block) <= samples and block.dtype == np.int16 for block in read)
    np.testing.assert_array_equal(np.concatenate(read), pcm)


def test_what_a_pipe_has_is_given_at_once():
    """A block that is not full is not waited for: a word is detected when it is said."""
    out, into = os.pipe()
    with open(out, "rb") as pipe:
        reading = sound_blocks.of_pipe(pipe, 1_600)
        for value in (b"\1\0\2", b"\0\3\0"):
            os.write(into, value)
            next_block = next(reading)
            assert next_block.tolist() == ([1] if value[0] == 1 else [2, 3])
        os.close(into)
        assert list(reading) == []


def test_a_pipe_without_sound_gives_no_block():
    assert through_a_pipe(lambda into: None, 160) == []


def test_half_a_sample_at_the_end_of_a_pipe_is_told():
    with pytest.raises(UserError, match="standard input ends with half a sample; give 16-bit"):
        through_a_pipe(lambda into: os.write(into, b"\1\0\2") and None, 160)
