"""Raw samples: every name of FFmpeg's and arecord's means the same values."""

import numpy as np
import pytest

from edge_tf.audio import encodings
from edge_tf.errors import UserError

VALUES = np.array([[0.5, -0.25], [0.0, -1.0], [0.125, 0.75]])
DTYPES = {"s8": "i1", "s16le": "<i2", "s16be": ">i2", "s32le": "<i4", "s32be": ">i4",
          "f32le": "<f4", "f32be": ">f4", "f64le": "<f8", "f64be": ">f8"}  # fmt: skip


def real(decoded: np.ndarray) -> np.ndarray:
    return decoded / 32768.0 if decoded.dtype == np.int16 else decoded


@pytest.mark.parametrize("name", DTYPES)
def test_values_are_those_that_numpy_stored(name):
    dtype = np.dtype(DTYPES[name])
    scale = 1.0 if dtype.kind == "f" else 2.0 ** (8 * dtype.itemsize - 1)
    data = (VALUES * scale).astype(dtype).tobytes()
    encoding = encodings.RAW_ENCODINGS[name]
    assert encoding.width == dtype.itemsize
    np.testing.assert_array_equal(real(encoding.decode(data, 2)), VALUES)


def test_three_bytes_are_the_upper_of_four():
    for order, name in (("<", "s24le"), (">", "s24be")):
        four = (VALUES * 2.0**31).astype(order + "i4").reshape(-1, 1).view(np.uint8)
        three = four[:, 1:] if order == "<" else four[:, :3]
        decoded = encodings.RAW_ENCODINGS[name].decode(three.tobytes(), 2)
        np.testing.assert_array_equal(decoded, VALUES)


def test_laws_are_monotonic_and_odd():
    """G.711: u-law 0xFF and A-law 0xD5 are (nearly) 0; the sign is the first bit."""
    every = bytes(range(128, 256))
    mulaw, alaw = (encodings.RAW_ENCODINGS[name].decode(every, 1) for name in ("mulaw", "alaw"))
    assert (np.diff(mulaw[:, 0]) < 0).all() and mulaw[-1] == 0 and mulaw[0] > 0.95
    assert abs(alaw[0xD5 - 128, 0]) < 0.001 and abs(alaw[0xAA - 128, 0]) > 0.95
    for name, positive in (("mulaw", mulaw), ("alaw", alaw)):
        negative = encodings.RAW_ENCODINGS[name].decode(bytes(range(128)), 1)
        np.testing.assert_array_equal(negative, -positive)


def test_unsigned_bytes_are_around_128():
    assert real(encodings.RAW_ENCODINGS["u8"].decode(b"\x80\xc0\0", 1))[:, 0].tolist() == [
        0,
        0.5,
        -1,
    ]


@pytest.mark.parametrize(
    ("given", "name"),
    [("S16_LE", "s16le"), ("U8", "u8"), ("FLOAT_LE", "f32le"), ("FLOAT64_BE", "f64be"),
     ("S24_3LE", "s24le"), ("MU_LAW", "mulaw"), ("s32be", "s32be"), ("F32LE", "f32le")],
)  # fmt: skip
def test_names_of_arecord_are_known(given, name):
    assert encodings.raw_name(given, "--raw_encoding") == name


def test_other_names_are_refused_with_those_that_there_are():
    with pytest.raises(UserError, match=r"--raw_encoding=pcm is no encoding; give one of s8, u8"):
        encodings.raw_name("pcm", "--raw_encoding")
    with pytest.raises(UserError, match=r"=S24_LE is not supported; record as S32_LE or S24_3LE"):
        encodings.raw_name("S24_LE", "--raw_encoding")
    for name in ("S32_LE", "S24_3LE", *encodings.RAW_ENCODINGS):
        assert encodings.raw_name(name, "--raw_encoding") in encodings.RAW_ENCODINGS
