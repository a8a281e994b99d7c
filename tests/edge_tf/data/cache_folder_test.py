"""The folder of decoded clips: one writer, readers in peace, and nothing of others deleted."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edge_tf.data import cache_folder
from edge_tf.errors import UserError

OLD = time.time() - (cache_folder.KEEP_DAYS + 1) * 86_400


def entry(folder: Path, number: int, used: float | None = None) -> Path:
    path = folder / f"training-{number:024x}"
    path.mkdir(parents=True)
    for name in (cache_folder.SAMPLES, cache_folder.DIGESTS):
        np.save(path / name, np.zeros(1_000, np.int16))
    (path / cache_folder.NOTES).write_text("{}")
    if used is not None:
        os.utime(path, (used, used))
    return path


def test_the_default_folder_follows_the_convention(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder.default_folder() == Path("/somewhere/edge_tf")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder.default_folder() == Path("/home/me/.cache/edge_tf")


def test_a_user_without_home_is_told_the_flag(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UserError, match=r"needs a home folder; .* with --cache_dir$"):
        cache_folder.default_folder()


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch):
    """Unless it has entries. Root may write anywhere, so that the refusal is imitated."""
    cache_folder.check(tmp_path / "new" / "cache")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    full = entry(tmp_path / "full", 1).parent
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    cache_folder.check(full)
    for name in (".", "new/cache", "file", "file/x"):
        with pytest.raises(UserError, match=r"cannot be written; choose .* with --cache_dir$"):
            cache_folder.check(tmp_path / name)


def test_entries_that_nobody_used_are_deleted_aloud_and_nothing_else(tmp_path, caplog):
    caplog.set_level("INFO")
    old, new = entry(tmp_path, 1, OLD), entry(tmp_path, 2)
    (old / cache_folder.DIGESTS).unlink()  # as entries had none, once
    os.utime(old, (OLD, OLD))
    guest = entry(tmp_path, 3)
    (guest / "precious.txt").write_text("")
    strangers = [
        tmp_path / "my clips",
        tmp_path / "training-notes",
        tmp_path / ("training-" + "g" * 24),
    ]
    for path in strangers:
        path.mkdir()
    (tmp_path / "link").mkdir()
    link = tmp_path / f"testing-{4:024x}"
    link.symlink_to(tmp_path / "link")
    for path in (guest, *strangers, tmp_path / "link"):
        os.utime(path, (OLD, OLD))
    cache_folder.prune(tmp_path)
    assert not old.exists()
    assert all(path.exists() for path in (new, guest, *strangers, link))
    assert "cache: deleted 1 entries" in caplog.text


def test_the_oldest_entries_beyond_the_size_are_deleted(tmp_path, monkeypatch):
    made = [entry(tmp_path, number, time.time() - 3_600 * number) for number in range(4)]
    size = sum(file.stat().st_size for file in made[0].iterdir())
    monkeypatch.setattr(cache_folder, "KEEP_BYTES", 2 * size)
    cache_folder.prune(tmp_path)
    assert [path.exists() for path in made] == [True, True, False, False]


def test_an_entry_in_use_stays(tmp_path):
    """A lock is a process's own, so that the reader is another one."""
    used = entry(tmp_path, 1)
    program = (
        "import sys; from pathlib import Path; from edge_tf.data import cache_folder;"
        "cache_folder.reading(Path(sys.argv[1])); print('reading', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(used)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None and reader.stdout.readline() == "reading\n"
        os.utime(used, (OLD, OLD))
        cache_folder.prune(tmp_path)
        assert used.exists()
        reader.communicate("\n")
    os.utime(used, (OLD, OLD))
    cache_folder.prune(tmp_path)
    assert not used.exists()


def test_a_second_writer_waits_for_the_first_and_says_so(tmp_path, caplog):
    caplog.set_level("INFO")
    target, order = tmp_path / f"training-{1:024x}", []

    def second() -> None:
        with cache_folder.writing(target):
            order.append("second")

    thread = threading.Thread(target=second)
    with cache_folder.writing(target):
        thread.start()
        while "waiting for it" not in caplog.text:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"] and list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_but_not_what_is_being_written(tmp_path):
    target = tmp_path / f"training-{1:024x}"
    left = tmp_path / f".{target.name}.x1y2"
    left.mkdir()
    with cache_folder.writing(target):
        assert not left.exists()
        left.mkdir()
        cache_folder.prune(tmp_path)
        assert left.exists()
    cache_folder.prune(tmp_path)
    assert list(tmp_path.iterdir()) == []
