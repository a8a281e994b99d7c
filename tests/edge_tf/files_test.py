"""Writing: a reader sees the old content or the new, whatever happens on the way."""

import contextlib
import errno
import os
import socket

import pytest

from edge_tf import files
from edge_tf.errors import UserError


@pytest.mark.parametrize(
    "error", [RuntimeError(), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")]
)
def test_a_failure_on_the_way_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(type(error)), files.atomic_path(target) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_temporary_name_keeps_the_suffix_and_folders_are_made(tmp_path):
    target = tmp_path / "new" / "deep" / "model.keras"
    with files.atomic_path(target) as temporary:
        assert temporary.suffix == ".keras"
        assert not target.exists()
        temporary.write_bytes(b"x")
    assert target.read_bytes() == b"x"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_replaces_what_stood_there(tmp_path):
    target = tmp_path / "firmware"
    for name in ("old.c", "new.c"):
        with files.atomic_path(target) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["new.c"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "firmware"
    target.mkdir()
    (target / "old.c").write_text("old")
    replace = os.replace

    def fail_on_new(source, destination):
        if (source / "new.c").exists():
            raise OSError(errno.EIO, "Input/output error", str(source))
        replace(source, destination)

    monkeypatch.setattr(os, "replace", fail_on_new)
    with pytest.raises(OSError) as caught, files.atomic_path(target) as temporary:
        temporary.mkdir()
        (temporary / "new.c").write_text("new")
    assert caught.value.filename == str(target)
    assert [path.name for path in target.iterdir()] == ["old.c"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_names_the_file_that_was_asked_for(tmp_path):
    target = tmp_path / "golden.npz"
    for name in (None, "temporary"):
        with pytest.raises(OSError) as caught, files.atomic_path(target) as temporary:
            path = str(temporary) if name else None
            raise OSError(errno.ENOSPC, "No space left on device", path)
        assert caught.value.filename == str(target)


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, files.atomic_path(tmp_path / "out"):
        (tmp_path / "source").read_text()
    assert caught.value.filename == str(tmp_path / "source")


def test_json_goes_round_and_is_readable(tmp_path):
    value = {"label": "größe", "z": 1, "a": [1.5, None]}
    files.write_json(tmp_path / "a.json", value)
    assert files.read_json(tmp_path / "a.json") == value
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "größe" in text and text.endswith("}\n")
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "a.json", {"x": object()})
    assert files.read_json(tmp_path / "a.json") == value


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_json_file_is_a_line_with_its_name(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json is not valid JSON .*; restore it"):
        files.read_json(tmp_path / "a.json")


def test_a_missing_json_file_is_a_line_with_its_name(tmp_path):
    with pytest.raises(UserError, match=r"a\.json cannot be read \(No such file"):
        files.read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"hop": ' + "9" * 5_000 + "}", "a number of 5000 digits"),
        ('{"hop": ' + "9" * 21 + "}", "a number of 21 digits"),
        (r'["a\u0000b"]', "a NUL in a text"),
        (r'{"\ud800": 1}', "surrogates"),
    ],
)
def test_json_that_would_fail_later_is_refused(tmp_path, content, told):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match=rf"a\.json is not valid JSON \(.*{told}") as caught:
        files.read_json(tmp_path / "a.json")
    assert len(str(caught.value)) < 600


def test_names_that_are_not_unicode_go_round(tmp_path):
    value = {"größe": os.fsdecode(b"caf\xe9")}
    files.write_json(tmp_path / "a.json", value)
    assert files.read_json(tmp_path / "a.json") == value
    assert files.read_json(tmp_path / "a.json")["größe"].encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "link to a pipe"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path, kind, monkeypatch):
    path = tmp_path / "a.json"
    with contextlib.ExitStack() as stack:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            monkeypatch.chdir(tmp_path)  # names of sockets are short
            listening.bind(path.name)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "folder":
            path.mkdir()
        else:
            os.mkfifo(tmp_path / "pipe")
            path.symlink_to("pipe")
        for read in (files.read_bytes, files.read_json, files.check_regular):
            with pytest.raises(UserError, match=r"a\.json is a .* instead of a file; restore it"):
                read(path)


def test_a_file_larger_than_expected_is_refused(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert files.read_bytes(path, 5) == b"12345"
    with pytest.raises(UserError, match="larger than 4 bytes"):
        files.read_bytes(path, 4)
    with pytest.raises(UserError, match="no such file name"):
        files.read_bytes(tmp_path / "a\0b")
