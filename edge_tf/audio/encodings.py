"""How samples stand in a file or a pipe, one after the other, and their values."""

import dataclasses
import io

import numpy as np

from edge_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Encoding:
    """Samples without a header.

    Attributes:
      subtype: libsndfile's name, such as "PCM_16" or "ULAW".
      endian: "LITTLE" or "BIG".
    """

    subtype: str
    endian: str = "LITTLE"

    @property
    def width(self) -> int:
        """Bytes of one sample of one channel."""
        return _WIDTHS[self.subtype]

    def decode(self, data: bytes, channels: int) -> np.ndarray:
        """Samples of interleaved channels.

        Args:
          data: whole frames.
          channels: in each frame.

        Returns:
          (frames, channels) int16 as stored for "PCM_16", else float64 with full scale 1.
        """
        if self.subtype == "PCM_16":
            order = ">" if self.endian == "BIG" else "<"
            return np.frombuffer(data, order + "i2").reshape(-1, channels).astype(np.int16)
        import soundfile

        return soundfile.read(
            io.BytesIO(data),
            dtype="float64",
            always_2d=True,
            format="RAW",
            subtype=self.subtype,
            endian=self.endian,
            samplerate=16_000,  # has no meaning here
            channels=channels,
        )[0]


_WIDTHS = {
    "PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4,
    "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip

# FFmpeg's names of raw formats.
RAW_ENCODINGS = {
    "s8": Encoding("PCM_S8"),
    "u8": Encoding("PCM_U8"),
    "mulaw": Encoding("ULAW"),
    "alaw": Encoding("ALAW"),
    **{
        name + end[0].lower() + "e": Encoding(subtype, end)
        for name, subtype in (
            *(("s16", "PCM_16"), ("s24", "PCM_24"), ("s32", "PCM_32")),
            *(("f32", "FLOAT"), ("f64", "DOUBLE")),
        )
        for end in ("LITTLE", "BIG")
    },
}
_OF_ARECORD = {
    "mu_law": "mulaw", "a_law": "alaw", "float_le": "f32le", "float_be": "f32be",
    "float64_le": "f64le", "float64_be": "f64be", "s24_3le": "s24le", "s24_3be": "s24be",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class RawFormat:
    """Samples that no header describes.

    Attributes:
      encoding: a name of RAW_ENCODINGS.
      sample_rate: Hz.
      channels: interleaved.
    """

    encoding: str
    sample_rate: int
    channels: int = 1

    def __str__(self) -> str:
        return f"raw {self.encoding}, {describe(self.sample_rate, self.channels)}"


def raw_name(given: str, flag: str) -> str:
    """FFmpeg's name of a raw format, from that or arecord's (S16_LE).

    Raises:
      UserError: neither knows it, or it cannot be read; the message starts with the flag's name.
    """
    name = given.lower()
    if name in ("s24_le", "s24_be"):  # 24 bits in the lower part of 32
        raise UserError(f"{flag}={given} is not supported", "record as S32_LE or S24_3LE")
    plain = _OF_ARECORD.get(name, name.replace("_", ""))
    if plain not in RAW_ENCODINGS:
        raise UserError(f"{flag}={given} is no encoding", f"give one of {', '.join(RAW_ENCODINGS)}")
    return plain


def describe(sample_rate: int, channels: int) -> str:
    """Such as "48,000 Hz, 2 channels"."""
    return f"{sample_rate:,} Hz, {channels} channel{'s' if channels > 1 else ''}"
