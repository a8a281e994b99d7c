"""Hashes of files: of what is there now, and not computed twice."""

import hashlib
import os
from pathlib import Path

import pytest

from edge_tf.data import file_contents
from edge_tf.errors import UserError


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """Two files that count as settled at once."""
    monkeypatch.setattr(file_contents, "_SETTLED_NS", -(10**9))
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a").write_bytes(b"one")
    (folder / "b").write_bytes(b"two")
    return folder


def of(root: Path, *names: str) -> dict[str, str]:
    return file_contents.of(root, names or ("a", "b"), root.parent / "cache")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_hashes_are_of_the_bytes(root):
    assert of(root) == {"a": sha256(b"one"), "b": sha256(b"two")}
    (root / "a").write_bytes(b"")
    assert of(root, "a", "a") == {"a": sha256(b"")}


def count_reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    read, names = file_contents._hash, []

    def counted(path: Path) -> str:
        names.append(path.name)
        return read(path)

    monkeypatch.setattr(file_contents, "_hash", counted)
    return names


def test_files_that_cannot_have_changed_are_not_read_again(root, monkeypatch):
    first = of(root)
    monkeypatch.setattr(file_contents, "_CHECKED", 0)
    read = count_reading(monkeypatch)
    assert of(root) == first and read == []
    (root / "b").rename(root / "c")
    (root / "c").rename(root / "b")  # its time of change is another
    assert of(root) == first and read == ["b"]


def test_times_that_were_put_back_do_not_deceive(root, monkeypatch):
    monkeypatch.setattr(file_contents, "_CHECKED", 0)
    of(root)
    before = (root / "a").stat()
    (root / "a").write_bytes(b"six")
    os.utime(root / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert of(root)["a"] == sha256(b"six")


def test_a_file_system_without_times_of_change_is_found_out(root, monkeypatch):
    """Files replaced as an image is: inodes and all times are the same."""
    monkeypatch.setattr(file_contents, "_stamp", lambda path: (1, 1, 3, 1, 1))
    of(root)
    (root / "a").write_bytes(b"six")
    (root / "b").write_bytes(b"ten")
    assert of(root) == {"a": sha256(b"six"), "b": sha256(b"ten")}


def test_a_file_that_has_just_changed_is_not_remembered(root, monkeypatch):
    monkeypatch.setattr(file_contents, "_SETTLED_NS", 3 * 10**9)
    of(root)
    read = count_reading(monkeypatch)
    of(root)
    assert read == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": [[1, 2], "x"]}'])
def test_a_damaged_index_is_made_again(root, content):
    first = of(root)
    [index] = (root.parent / "cache").iterdir()
    index.write_bytes(content)
    assert of(root) == first
    assert index.read_bytes() != content


def test_what_is_missing_is_told_and_what_cannot_be_read_is_left_to_the_decoder(root):
    with pytest.raises(UserError, match=r"gone: No such file or directory; restore it"):
        of(root, "gone")
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    assert of(root, "pipe", "folder", "a") == {"pipe": "", "folder": "", "a": sha256(b"one")}
