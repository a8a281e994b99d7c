"""Reading WAV: every format a user may bring is read right, or refused by name and cause."""

import functools
import io
import os
import struct
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile

from edge_tf.audio import wav
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import (
    EXTENSIBLE,
    FLOAT,
    PCM,
    chunk,
    encode,
    extensible,
    fmt,
    riff,
    tone,
    wav_bytes,
    write,
)  # fmt: skip

TONE = tone(440, seconds=0.1)
PCM16 = encode(TONE, 16)
WHOLE = riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", PCM16))
TEXT = chunk(b"LIST", b"INFOISFT\x05\0\0\0odd!\0")  # 13 bytes, so one of padding follows


def read(tmp_path: Path, content: bytes, rate: int = 16_000) -> wav.Sound:
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    return wav.read(path, rate)


def test_sixteen_bits_at_the_right_rate_come_unchanged(tmp_path):
    sound = read(tmp_path, WHOLE)
    np.testing.assert_array_equal(sound.samples, np.frombuffer(PCM16, "<i2"))
    assert sound.samples.dtype == np.int16
    assert sound.notes == ()


@pytest.mark.parametrize(
    ("content", "step"),
    [
        (wav_bytes(TONE, bits=8), 2**-7),
        (wav_bytes(TONE, bits=24), 2**-15),
        (wav_bytes(TONE, bits=32), 2**-15),
        (wav_bytes(TONE, bits=32, tag=FLOAT), 2**-15),
        *((riff(extensible(PCM, 1, 16_000, b), chunk(b"data", encode(TONE, b))), 2.0**-min(7, b))
          for b in (8, 16, 24, 32)),
        (riff(extensible(FLOAT, 1, 16_000, 32), chunk(b"data", encode(TONE, 32, FLOAT))), 2**-15),
    ],
    ids=["8", "24", "32", "float", "ext8", "ext16", "ext24", "ext32", "extfloat"],
)  # fmt: skip
def test_every_width_and_encoding_gives_the_same_sound(tmp_path, content, step):
    sound = read(tmp_path, content)
    assert sound.samples.shape == TONE.shape
    assert np.abs(sound.samples / 32768.0 - TONE).max() <= step


@pytest.mark.parametrize(
    "content",
    [
        riff(TEXT, fmt(PCM, 1, 16_000, 16), chunk(b"data", PCM16)),
        riff(fmt(PCM, 1, 16_000, 16), TEXT, chunk(b"data", PCM16)),
        riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", PCM16), TEXT),
        riff(chunk(b"JUNK", b"x"), chunk(b"bext", b"y" * 602), fmt(PCM, 1, 16_000, 16), TEXT,
             chunk(b"fact", struct.pack("<I", len(TONE))), chunk(b"data", PCM16)),
        riff(fmt(PCM, 1, 16_000, 16, b"\0\0"), chunk(b"data", PCM16)),
        riff(fmt(PCM, 1, 16_000, 16, b"\0" * 6), chunk(b"data", PCM16)),
        b"RIFF\0\0\0\0" + WHOLE[8:],
        b"RIFF\xff\xff\xff\xff" + WHOLE[8:],
        b"RIFF\xff\xff\xff\xff" + WHOLE[8:40] + b"\xff\xff\xff\xff" + WHOLE[44:],
        riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", PCM16 + b"x")),
        WHOLE + b"rubbish",
        riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", PCM16)) + b"data\xf8\xff\xff\xff",
    ],
    ids=["list first", "odd list between", "odd list last", "many chunks", "fmt of 18",
         "fmt of 22", "riff size 0", "riff size all ones", "written to a pipe", "half a frame",
         "rubbish after", "negative size after"],
)  # fmt: skip
def test_unusual_chunks_and_sizes_do_not_matter(tmp_path, content):
    np.testing.assert_array_equal(read(tmp_path, content).samples, np.frombuffer(PCM16, "<i2"))


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_channels_are_averaged(tmp_path, channels):
    parts = np.stack([tone(300 * (n + 1), seconds=0.1) for n in range(channels)], axis=1)
    sound = read(tmp_path, wav_bytes(parts))
    assert sound.notes == ("down-mixed to mono",)
    np.testing.assert_allclose(sound.samples / 32768.0, parts.mean(axis=1), atol=2**-14)


def test_floats_that_are_no_sound_become_silence_or_the_limit(tmp_path):
    wild = np.array([np.nan, np.inf, -np.inf, 7.0, -7.0, 0.5], np.float32)
    sound = read(tmp_path, wav_bytes(wild, bits=32, tag=FLOAT))
    assert sound.samples.tolist() == [0, 32767, -32768, 32767, -32768, 16384]


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampling_keeps_time_amplitude_and_length(tmp_path, rate):
    """A tone comes out as the same tone, in phase, to a 16-bit step or two in the middle."""
    sound = read(tmp_path, wav_bytes(tone(1_000, rate), rate=rate))
    assert sound.notes == ("resampled",) and sound.samples.shape == (16_000,)
    error = np.abs(sound.samples / 32768.0 - tone(1_000))
    assert error[200:-200].max() < 2**-14
    assert error.max() < 0.1  # at the ends the tone begins at once, which no filter follows


def test_resampling_does_not_move_a_click(tmp_path):
    click = np.zeros(44_100)
    click[22_050] = 0.9
    samples = read(tmp_path, wav_bytes(click, rate=44_100)).samples.astype(float)
    assert abs((samples * np.arange(16_000)).sum() / samples.sum() - 8_000) < 0.05


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_what_sixteen_kilohertz_cannot_hold_is_gone(tmp_path, rate):
    for hertz in (9_000, 10_000):
        samples = read(tmp_path, wav_bytes(tone(hertz, rate), rate=rate)).samples
        level = np.sqrt(np.mean((samples[500:-500] / 32768.0) ** 2)) / (0.5 / np.sqrt(2))
        assert 20 * np.log10(level + 1e-9) < -70  # below a 16-bit step
    kept = read(tmp_path, wav_bytes(tone(6_500, rate), rate=rate)).samples[500:-500]
    assert np.sqrt(np.mean((kept / 32768.0) ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("frames", [1, 2, 3, 160, 441, 1_000, 44_099])
def test_resampled_length_is_the_duration(tmp_path, frames):
    for rate in (8_000, 44_100):
        sound = read(tmp_path, wav_bytes(np.full(frames, 0.25), rate=rate))
        assert len(sound.samples) == round(frames * 16_000 / rate)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "empty"),
        (b"RIFF", "not a WAV"),
        (b"RIFFxxxxAVI LIST", "not a WAV"),
        (b"ID3\x04" + b"\0" * 100, "cannot be decoded ("),
        (b"ID3\x04 no sound at all", "cannot be decoded ("),
        (b"hello, this is text and no sound at all", "not a sound file that can be read"),
        (b"\0\0\0\x18ftypM4A ", "MPEG-4 (.m4a, .mp4) cannot be read; convert it (ffmpeg"),
        (b"\xff\xf1\x50\x80" + bytes(40), "AAC cannot be read; convert it (ffmpeg"),
        (b"\x1aE\xdf\xa3webm", "Matroska or WebM cannot be read; convert it (ffmpeg"),
        (WHOLE[:36], "no sound data"),
        (riff(fmt(PCM, 1, 16_000, 16)), "no sound data"),
        (riff(chunk(b"data", PCM16)), "before the format"),
        (WHOLE[:30], "format chunk is cut off"),
        (WHOLE[:-1], "truncated: 1 of 3200 bytes"),
        (WHOLE[:1000], "truncated: 2244 of 3200 bytes"),
        (riff(fmt(PCM, 1, 16_000, 16), chunk(b"data", b"")), "no samples"),
        (riff(fmt(PCM, 2, 16_000, 16), chunk(b"data", b"ab")), "no samples"),
        (WHOLE[:40] + b"\xff\xff\xff\xff", "no samples"),
        (riff(fmt(FLOAT, 1, 16_000, 16), chunk(b"data", bytes(80))), "16 bits (floats)"),
        (riff(fmt(PCM, 1, 16_000, 64), chunk(b"data", bytes(80))), "64 bits (integers)"),
        (riff(fmt(PCM, 1, 16_000, 12), chunk(b"data", bytes(30))), "block size"),
        (riff(fmt(0x11, 1, 8_000, 4), chunk(b"data", bytes(30))), "format 17"),
        (riff(fmt(0x161, 1, 16_000, 16), chunk(b"data", PCM16)), "format 353"),
        (riff(fmt(EXTENSIBLE, 1, 16_000, 16), chunk(b"data", PCM16)), "format 65534"),
        (riff(fmt(PCM, 0, 16_000, 16), chunk(b"data", PCM16)), "0 channels"),
        (riff(fmt(PCM, 1, 0, 16), chunk(b"data", PCM16)), "0 Hz"),
        (riff(fmt(PCM, 1, 2**31, 8), chunk(b"data", PCM16)), "make no sense"),
        (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 0, 9, 16)),
              chunk(b"data", PCM16)), "block size"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_a_line(tmp_path, content, cause):
    with pytest.raises(UserError) as caught:
        read(tmp_path, content)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'clip.wav'}: ") and cause in message
    assert "; " in message and "\n" not in message  # a remedy, one line


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
            wav.read(tmp_path / name, 16_000)
        assert name in str(caught.value)


def test_a_file_without_permission_is_told(tmp_path, monkeypatch):
    path = write(tmp_path / "x.wav", TONE)
    if os.geteuid() == 0:  # root may read anything

        def refuse(path: Path, flags: int) -> int:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "open", refuse)
    path.chmod(0)
    with pytest.raises(UserError, match=r"x\.wav: Permission denied; check the path"):
        wav.read(path, 16_000)


def test_a_file_of_more_than_a_gigabyte_is_not_loaded(tmp_path):
    path = tmp_path / "long.wav"
    with path.open("wb") as out:
        out.truncate((1 << 30) + 1)  # takes no room
    with pytest.raises(UserError, match="larger than 1 GiB"):
        wav.read(path, 16_000)


def test_duration_needs_no_decoding(tmp_path):
    assert wav.duration(write(tmp_path / "x.wav", tone(440, 48_000, 0.25), rate=48_000)) == 0.25


# Other formats. Each is written by libsndfile, and read as what was written.

STEREO = np.stack([tone(440, seconds=0.5), tone(600, seconds=0.5)], axis=1)
FORMATS = {
    ("FLAC", "PCM_16"): 2**-14,
    ("FLAC", "PCM_24"): 2**-14,
    ("AIFF", "PCM_16"): 2**-14,
    ("AIFF", "FLOAT"): 2**-14,
    ("AU", "PCM_16"): 2**-14,
    ("AU", "ULAW"): 0.02,
    ("CAF", "PCM_24"): 2**-14,
    ("CAF", "ALAC_16"): 2**-14,
    ("W64", "PCM_16"): 2**-14,
    ("RF64", "PCM_16"): 2**-14,
    ("RF64", "FLOAT"): 2**-14,
    ("NIST", "PCM_16"): 2**-14,
    ("WAV", "DOUBLE"): 2**-14,
    ("WAV", "ALAW"): 0.02,
    ("WAV", "ULAW"): 0.02,
    ("WAV", "IMA_ADPCM"): 0.03,
    ("WAV", "MS_ADPCM"): 0.05,
    ("OGG", "VORBIS"): 0.1,
    ("OGG", "OPUS"): 0.1,
    ("MP3", "MPEG_LAYER_III"): 0.1,
}


def encoded(samples: np.ndarray, container: str, subtype: str, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=container, subtype=subtype)
    return out.getvalue()


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_every_format_gives_the_sound_that_was_written(tmp_path, container, subtype):
    sound = read(tmp_path, encoded(STEREO, container, subtype))
    assert sound.notes == ("down-mixed to mono",)
    assert 0 <= len(sound.samples) - len(STEREO) < 2_500  # ADPCM fills its last block
    error = np.abs(sound.samples[: len(STEREO)] / 32768.0 - STEREO.mean(axis=1))
    assert error[100:-400].max() <= FORMATS[container, subtype]
    seconds = wav.duration(tmp_path / "clip.wav")
    assert seconds == pytest.approx(len(sound.samples) / 16_000, abs=1e-3)


@pytest.mark.parametrize(
    ("container", "subtype", "cause"),
    [
        ("FLAC", "PCM_16", "cannot be decoded"),
        ("OGG", "VORBIS", "no samples"),
        ("MP3", "MPEG_LAYER_III", "truncated"),
        ("NIST", "PCM_16", "truncated"),
        ("RF64", "PCM_16", "truncated"),
        ("WAV", "IMA_ADPCM", "truncated"),
        ("CAF", "PCM_16", "cannot be decoded"),
    ],
)
def test_a_file_that_was_cut_off_is_refused(tmp_path, container, subtype, cause):
    whole = encoded(np.tile(STEREO, (4, 1)), container, subtype)
    with pytest.raises(UserError, match=cause) as caught:
        read(tmp_path, whole[: len(whole) * 2 // 3])
    assert "; " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("container", ["AIFF", "AU", "W64"])
def test_a_length_that_does_not_fit_another_container_is_noted(tmp_path, container):
    whole = encoded(TONE, container, "PCM_16")
    assert read(tmp_path, whole).notes == ()
    sound = read(tmp_path, whole[:-1_000])
    assert sound.notes == ("had a length field that does not fit: read to the end",)
    np.testing.assert_array_equal(
        sound.samples, read(tmp_path, whole).samples[: len(sound.samples)]
    )
    assert len(sound.samples) == len(TONE) - 500


def test_ogg_without_its_last_page_is_noted(tmp_path):
    whole = encoded(np.tile(STEREO, (8, 1)), "OGG", "OPUS")
    assert read(tmp_path, whole).notes == ("down-mixed to mono",)
    cut = read(tmp_path, whole[: len(whole) * 2 // 3])
    assert "had no last page: perhaps cut off" in cut.notes
    assert 8_000 < len(cut.samples) < 60_000


def test_flac_of_a_pipe_which_has_no_length_is_read_to_its_end(tmp_path):
    whole = encoded(TONE, "FLAC", "PCM_16")
    unknown = bytearray(whole)
    unknown[21] &= 0xF0  # 36 bits in STREAMINFO: 0 for unknown
    unknown[22:26] = bytes(4)
    known = read(tmp_path, whole).samples
    np.testing.assert_array_equal(read(tmp_path, bytes(unknown)).samples, known)
    assert wav.duration(tmp_path / "clip.wav") == 0.1


def test_the_name_does_not_matter_but_the_content(tmp_path):
    content = encoded(TONE, "FLAC", "PCM_16")
    for name in ("x.wav", "x.flac", "x", "caf\udce9.ogg"):
        (tmp_path / name).write_bytes(content)
        assert len(wav.read(tmp_path / name, 16_000).samples) == len(TONE)


def test_known_suffixes_do_not_overlap():
    suffixes = wav.EXTENSIONS + wav.OTHER_EXTENSIONS
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)


# What was noticed


def test_stereo_that_cancels_is_one_of_its_channels(tmp_path):
    one = tone(440)
    sound = read(tmp_path, wav_bytes(np.stack([one, -0.97 * one], axis=1)))
    cancelling = "had channels that cancel out: one of them was used"
    assert sound.notes == ("down-mixed to mono", cancelling)
    np.testing.assert_array_equal(sound.samples, read(tmp_path, wav_bytes(one)).samples)
    four = np.stack([0.1 * one, -0.1 * one, 0.5 * one, -0.5 * one], axis=1)
    sound = read(tmp_path, wav_bytes(four))
    assert cancelling in sound.notes and np.abs(sound.samples).max() > 8_000


@pytest.mark.parametrize("other", [0.0, 0.3, -0.5, 1.0])
def test_other_stereo_is_averaged(tmp_path, other):
    sound = read(tmp_path, wav_bytes(np.stack([TONE, other * TONE], axis=1)))
    assert sound.notes == ("down-mixed to mono",)
    np.testing.assert_allclose(sound.samples / 32768.0, (1 + other) / 2 * TONE, atol=2**-14)


def test_silent_stereo_cancels_nothing(tmp_path):
    assert read(tmp_path, wav_bytes(np.zeros((100, 2)))).notes == ("down-mixed to mono",)


def test_floats_as_integers_are_noted_as_clipped(tmp_path):
    """As some tools write them: full scale is 32768."""
    loud = read(tmp_path, wav_bytes(TONE * 32768, bits=32, tag=FLOAT))
    assert loud.notes == ("went beyond full scale: clipped",)
    peaks = TONE.copy()
    peaks[100] = 1.2  # a coder's overshoot
    assert read(tmp_path, wav_bytes(peaks, bits=32, tag=FLOAT)).notes == ()
    peaks[100] = np.nan
    noted = read(tmp_path, wav_bytes(peaks, bits=32, tag=FLOAT)).notes
    assert noted == ("had values that are no numbers: made 0",)


# Hostile content


@hypothesis.settings(
    max_examples=60,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    base=st.sampled_from([(*key,) for key in FORMATS]),
    changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 3_000),
)
def test_damaged_files_are_read_or_refused(tmp_path, base, changes, cut):
    data = bytearray(_short(*base))
    for position, value in changes:
        data[position % len(data)] = value
    for content in (bytes(data), bytes(data[:cut])):
        try:
            sound = read(tmp_path, content)
        except UserError as error:
            assert "\n" not in str(error)
        else:
            assert sound.samples.dtype == np.int16


@functools.cache
def _short(container: str, subtype: str) -> bytes:
    return encoded(STEREO[:1_000], container, subtype)
