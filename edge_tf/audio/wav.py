"""Reading WAV files: the one module that uses tensorflow-io.

tensorflow-io's native library fails on first use, not on import, when it does not match the
installed TensorFlow; keeping it here keeps that failure, and its replacement, in one place.
"""

import dataclasses
import math
import mmap
import stat
import struct
from pathlib import Path

import numpy as np

from edge_tf.errors import UserError

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_MAX_BYTES = 1 << 30
_TO_THE_END = 0xFFFFFFFF  # data size in a file that was written to a pipe
_FILTER_TAPS = 64  # of tensorflow-io's resampler, at the lower of both rates


@dataclasses.dataclass(frozen=True)
class WavHeader:
    """Content of the fmt and data chunks of a WAV file.

    Attributes:
      encoding: "pcm8", "pcm16", "pcm24", "pcm32" or "float32".
      channels: number of interleaved channels.
      sample_rate: Hz.
      frames: samples per channel.
      offset: of the first sample, in bytes.
    """

    encoding: str
    channels: int
    sample_rate: int
    frames: int
    offset: int

    @property
    def bytes_per_sample(self) -> int:
        """Bytes of one sample of one channel."""
        return int(self.encoding.removeprefix("pcm").removeprefix("float")) // 8


@dataclasses.dataclass(frozen=True)
class Sound:
    """Mono samples at the requested rate, and how they were obtained.

    Attributes:
      samples: (n,) int16.
      resampled: the file had another rate.
      downmixed: the file had more than one channel.
    """

    samples: np.ndarray
    resampled: bool
    downmixed: bool


def parse_header(data: bytes | mmap.mmap, name: str) -> WavHeader:
    """Walks the RIFF chunks of a whole file.

    Raises:
      UserError: not a WAV file, an unsupported encoding, or fewer bytes than promised.
    """

    def refuse(what: str, remedy: str) -> UserError:
        return UserError(f"{name}: {what}", remedy)

    convert = "convert it to 16-bit PCM WAV, or remove it"
    if not data:
        raise refuse("the file is empty", "record it again, or remove it")
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise refuse("not a WAV file", convert)
    position, fmt = 12, None
    while position + 8 <= len(data):
        kind, size = data[position : position + 4], *struct.unpack_from("<I", data, position + 4)
        body = position + 8
        if kind == b"fmt ":
            if size < 16 or body + size > len(data):
                raise refuse("its format chunk is cut off", "record it again, or remove it")
            fmt = struct.unpack_from("<HHIIHH", data, body)
            tag = fmt[0]
            if tag == _EXTENSIBLE and size >= 26:
                tag = struct.unpack_from("<H", data, body + 24)[0]
            fmt = (tag, *fmt[1:])
        elif kind == b"data":
            if fmt is None:
                raise refuse("sound data comes before the format", convert)
            tag, channels, rate, _, block, bits = fmt
            encodings = {(_PCM, bits): f"pcm{bits}" for bits in (8, 16, 24, 32)}
            encoding = {**encodings, (_FLOAT, 32): "float32"}.get((tag, bits))
            if encoding is None:
                kind_of_samples = {_PCM: "integers", _FLOAT: "floats"}.get(tag, f"format {tag}")
                raise refuse(
                    f"samples of {bits} bits ({kind_of_samples}) are not supported", convert
                )
            if not 1 <= channels <= 64 or not 1_000 <= rate <= 768_000:
                raise refuse(f"{channels} channels at {rate} Hz make no sense", convert)
            if block != channels * bits // 8:
                raise refuse("its block size does not match its format", convert)
            if size == _TO_THE_END:
                size = len(data) - body
            if body + size > len(data):
                missing = body + size - len(data)
                raise refuse(
                    f"truncated: {missing} of {size} bytes of sound are missing",
                    "copy or record it again, or remove it",
                )
            if size < block:
                raise refuse("it contains no samples", "record it again, or remove it")
            return WavHeader(encoding, channels, rate, size // block, body)
        position = body + size + (size & 1)
    raise refuse("it has no sound data", convert)


def read(path: str | Path, sample_rate: int) -> Sound:
    """Reads a WAV file as mono 16-bit samples at `sample_rate` Hz.

    Channels are averaged; other rates are resampled; floats beyond [-1, 1] are clipped.

    Raises:
      UserError: the file cannot be read as WAV.
    """
    name = str(path)
    data = _bytes(path)
    header = parse_header(data, name)
    if header.encoding == "pcm16" and header.channels == 1 and header.sample_rate == sample_rate:
        return Sound(_decode(data, header, name)[:, 0], resampled=False, downmixed=False)
    samples = _to_float(_decode(data, header, name), header.encoding).mean(axis=1)
    resampled = header.sample_rate != sample_rate
    if resampled:
        samples = _resample(samples, header.sample_rate, sample_rate)
    rounded = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return Sound(rounded, resampled, downmixed=header.channels > 1)


def duration(path: str | Path) -> float:
    """Seconds of sound in a WAV file. Raises UserError as `read` does."""
    header = parse_header(_bytes(path), str(path))
    return header.frames / header.sample_rate


def _bytes(path: str | Path) -> bytes:
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{path}: not a file", "remove it, or put a WAV file there")
        if status.st_size > _MAX_BYTES:
            raise UserError(f"{path}: larger than 1 GiB", "cut it into clips")
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", "check the path and its permissions") from None


def _decode(data: bytes, header: WavHeader, name: str) -> np.ndarray:
    """Interleaved samples as stored, (frames, channels).

    tensorflow-io does not know all chunks, does not skip padding bytes and can loop forever on a
    damaged size, so it gets the samples after a plain header.
    """
    import tensorflow as tf
    import tensorflow_io as tfio

    width = header.bytes_per_sample
    block = width * header.channels
    size = header.frames * block
    rate = header.sample_rate
    # It reads 32-bit samples as floats whatever the header says.
    form = struct.pack("<HHIIHH", _PCM, header.channels, rate, rate * block, block, 8 * width)
    plain = b"".join(
        (
            struct.pack("<4sI4s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", len(form)),
            form,
            struct.pack("<4sI", b"data", size),
            data[header.offset : header.offset + size],
        )
    )
    dtype = {1: tf.uint8, 2: tf.int16, 3: tf.int32, 4: tf.float32}[width]
    try:
        decoded = tfio.audio.decode_wav(plain, dtype=dtype).numpy()
    except tf.errors.OpError as error:
        reason = str(error).splitlines()[0][-120:]
        raise UserError(f"{name}: cannot be decoded ({reason})", "convert or remove it") from None
    if decoded.shape != (header.frames, header.channels):
        raise UserError(f"{name}: has {decoded.shape[0]} of {header.frames} frames", "remove it")
    return decoded.view(np.int32) if header.encoding == "pcm32" else decoded


def _to_float(samples: np.ndarray, encoding: str) -> np.ndarray:
    """float64 in [-1, 1); 24-bit samples are in the upper bits of int32."""
    if encoding == "float32":
        return np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0)
    if encoding == "pcm8":
        return (samples.astype(np.float64) - 128.0) / 128.0
    return samples / float(1 << (8 * samples.dtype.itemsize - 1))


def _resample(samples: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """(n,) to (round(n * rate_out / rate_in),), aligned in time, flat to 0.85 of the lower Nyquist.

    tensorflow-io's resampler delays by half its filter and drops as much at the end: a word would
    be 2 ms late. Zeros at the start make the delay a whole number of output samples, which are cut.
    """
    # The public wrapper maps over a batch of one, which takes several times as long and warns.
    from tensorflow_io.python.ops import core_ops

    common = math.gcd(rate_in, rate_out)
    up, down = rate_out // common, rate_in // common
    taps = _FILTER_TAPS
    if down > up:
        taps = ((taps * down // up - 1) & ~7) + 8
    front = -(taps // 2) % down
    delay = (taps // 2 + front) * up // down
    length = round(len(samples) * up / down)
    # A little more than the filter needs, since the end is rounded down.
    padded = np.pad(samples.astype(np.float32), (front, taps + 2 * down))[:, np.newaxis]
    result = core_ops.io_audio_resample(padded, rate_in=rate_in, rate_out=rate_out).numpy()
    return result[delay : delay + length, 0]
