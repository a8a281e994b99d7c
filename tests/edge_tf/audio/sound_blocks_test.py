"""Sound block by block: the samples of the whole file, or one line that names what is wrong."""

import os
import tracemalloc
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile

from edge_tf.audio import sound_blocks, wav
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import PCM, chunk, encode, fmt, riff, tone, wav_bytes

TONE = tone(440, seconds=0.1)
WHOLE = wav_bytes(TONE)
TEXT = chunk(b"LIST", b"INFOISFT\x05\0\0\0odd!\0")


def blocks(path: Path, samples: int) -> list[np.ndarray]:
    with sound_blocks.of_file(path, 16_000, samples) as found:
        return list(found)


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


@hypothesis.settings(
    max_examples=25,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    rate=st.sampled_from([8_000, 11_025, 16_000, 37_123, 44_100, 48_000]),
    channels=st.integers(1, 3),
    kind=st.sampled_from(["WAV PCM_24", "WAV FLOAT", "WAV ALAW", "FLAC PCM_16", "AIFF PCM_16"]),
    frames=st.integers(1, 200_000),
    samples=st.integers(1, 20_000),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_format_in_blocks_is_the_file(tmp_path, rate, channels, kind, frames, samples, seed):
    path = tmp_path / "x"
    sound = np.random.default_rng(seed).uniform(-1, 1, (frames, channels))
    container, subtype = kind.split()
    soundfile.write(path, sound, rate, format=container, subtype=subtype)
    whole = wav.read(path, 16_000)
    with sound_blocks.of_file(path, 16_000, samples) as found:
        assert found.seconds == frames / rate and f"{rate:,} Hz, {channels} ch" in found.about
        read = list(found)
    assert [len(block) for block in read[:-1]] == [samples] * (len(read) - 1)
    np.testing.assert_array_equal(np.concatenate(read or [whole.samples]), whole.samples)
    assert len(whole.samples) == round(frames * 16_000 / rate) and found.notes == whole.notes


@pytest.mark.parametrize("form", [(1, 16_000, 16), (2, 48_000, 16), (1, 44_100, 24)])
def test_a_long_file_of_any_format_needs_the_memory_of_a_block(tmp_path, form):
    """4 GB of it, sparse: an evening of television."""
    path = tmp_path / "long.wav"
    head = riff(fmt(PCM, *form), b"data" + (4_000_000_000).to_bytes(4, "little"))
    with path.open("wb") as out:
        out.write(head)
        out.truncate(len(head) + 4_000_000_000)  # takes no room
    tracemalloc.start()
    with sound_blocks.of_file(path, 16_000, 16_000) as found:
        assert found.seconds is not None and found.seconds > 20_000
        for _ in range(30):
            assert len(next(iter(found))) == 16_000
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "empty"),
        (b"hello, this is text and no sound at all", "not a sound file"),
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
    with sound_blocks.of_file(path, 16_000, 320) as reading:
        next(iter(reading))
        os.truncate(path, 44 + left)
        with pytest.raises(UserError, match=r"x\.wav: became shorter while it was read"):
            list(reading)
