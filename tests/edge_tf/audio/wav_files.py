"""WAV files for tests, written byte by byte: whole ones, odd ones and broken ones."""

import struct
from pathlib import Path

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def fmt(tag: int, channels: int, rate: int, bits: int, more: bytes = b"") -> bytes:
    block = channels * bits // 8
    fields = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    return chunk(b"fmt ", fields + more)


def extensible(tag: int, channels: int, rate: int, bits: int) -> bytes:
    more = struct.pack("<HHIH", 22, bits, 0, tag) + _GUID_TAIL
    return fmt(EXTENSIBLE, channels, rate, bits, more)


def riff(*chunks: bytes) -> bytes:
    content = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WAVE" + content


def encode(samples: np.ndarray, bits: int, tag: int = PCM) -> bytes:
    """Samples in [-1, 1) as they stand in a data chunk; (n,) or (n, channels)."""
    if tag == FLOAT:
        return samples.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return (np.rint(samples * 127) + 128).astype(np.uint8).tobytes()
    whole = np.rint(samples.astype(np.float64) * (2 ** (bits - 1) - 1)).astype("<i4")
    return whole.reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes()


def wav_bytes(samples: np.ndarray, rate: int = 16_000, bits: int = 16, tag: int = PCM) -> bytes:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    return riff(fmt(tag, channels, rate, bits), chunk(b"data", encode(samples, bits, tag)))


def tone(hertz: float, rate: int = 16_000, seconds: float = 1.0, peak: float = 0.5) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def write(path: Path, samples: np.ndarray, **format_of_file: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(samples, **format_of_file))
    return path
