"""Reading .npz files of someone else: sizes are compared before anything is allocated."""

import contextlib
import io
import json
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_tf import arrays
from edge_tf.errors import UserError


def written(path: Path, header: dict[str, object], content: bytes = b"", version=1) -> Path:
    """A .npz file with one array of this header and content."""
    text = (repr(header) + "\n").encode()
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = b"\x93NUMPY" + bytes((version, 0)) + size + text + content
        archive.writestr("features.npy", entry)
    return path


def header(shape=(2,), kind="<f4", fortran=False) -> dict[str, object]:
    return {"descr": kind, "fortran_order": fortran, "shape": shape}


def test_what_numpy_writes_comes_back(tmp_path):
    rng = np.random.default_rng(0)
    given = {
        "whole": rng.integers(-9, 9, (3, 4, 5), dtype=np.int8),
        "columns": np.asfortranarray(rng.normal(size=(3, 4))),
        "text": np.array(json.dumps({"a": "größe"})),
        "empty": np.zeros((0, 4), np.float32),
        "swapped": np.arange(4, dtype=">i4"),
        "flags": np.array([True, False]),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **given)
        found = arrays.load(tmp_path / "a.npz")
        assert list(found) == list(given)
        for name, array in given.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype
            found[name][...] = array  # callers may write


def test_nine_terabytes_are_refused_without_allocating_them(tmp_path):
    path = written(tmp_path / "a.npz", header((1_500_000, 1_500_000)), b"\0" * 8)
    tracemalloc.start()
    with pytest.raises(ValueError, match="claims 9000000000000 bytes and has 8"):
        arrays.load(path)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        (header((3,)), "claims 12 bytes and has 8"),
        (header((1,)), "claims 4 bytes and has 8"),
        (header((-2,)), "shape"),
        (header((-1, -2)), "shape"),
        (header((2**70, 2**70)), "claims"),
        (header((2,), "|O"), "items of type object"),
        (header((2,), [("a", "<f4")]), "items of type"),
        (header((2,), "|V4"), "items of type"),
        (header((2,), "<U0"), "items of type"),
        ({"descr": "<f4"}, "Header"),
        ({"descr": "__import__('os')", "fortran_order": False, "shape": (2,)}, "descr"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, claims, told):
    for version in (1, 2):
        with pytest.raises(ValueError, match=told):
            arrays.load(written(tmp_path / "a.npz", claims, b"\0" * 8, version))


def test_a_table_that_claims_too_much_is_refused_unread():
    entry = zipfile.ZipInfo("a.npy")
    entry.file_size = 1 << 40
    with pytest.raises(ValueError, match="claims to hold more"):
        arrays.check_entries([entry], 3, 1 << 20)
    entry.file_size = 0
    with pytest.raises(ValueError, match="4 entries"):
        arrays.check_entries([entry] * 4, 3, 1 << 20)
    with pytest.raises(ValueError, match="twice"):
        arrays.check_entries([entry] * 2, 3, 1 << 20)
    entry.flag_bits = 1
    with pytest.raises(ValueError, match="encrypted"):
        arrays.check_entries([entry], 3, 1 << 20)


def test_random_damage_is_never_another_error(tmp_path):
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.arange(100), b=np.array("text"), c=np.zeros((3, 3)))
    whole, path, rng = stream.getvalue(), tmp_path / "a.npz", random.Random(0)
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        with contextlib.suppress(ValueError, UserError):
            arrays.load(path)


@pytest.mark.parametrize("text", ["{'shape': (2,", "{'descr': '''", "{(", "'", "2L)"])
def test_headers_that_end_too_early_are_refused(tmp_path, text):
    """NumPy reads what is no Python 3 token by token, and so has errors of the tokenizer."""
    size = struct.pack("<H", len(text))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("features.npy", b"\x93NUMPY\x01\x00" + size + text.encode())
    with pytest.raises(ValueError, match=r"\S"):
        arrays.load(tmp_path / "a.npz")
