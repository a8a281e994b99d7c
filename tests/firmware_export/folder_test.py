import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firmware_export import folder, packing
from firmware_export.errors import ExportError
from tests.firmware_export.conftest import folder_content


def manifest_of(content: Mapping[str, bytes], **changes: Any) -> dict[str, Any]:
    return {"format_version": 1, "flavor": "tflm", "files": packing.listed(content), **changes}


FILES = {"a.c": b"one\n", "src/b.c": b"two\n"}
MANIFEST = manifest_of(FILES)


def test_writes_all(tmp_path: Path) -> None:
    folder.write(tmp_path / "deep" / "out", FILES, MANIFEST)
    content = folder_content(tmp_path / "deep" / "out")
    assert {name: content[name] for name in FILES} == FILES
    assert set(content) == {*FILES, "manifest.json"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_replaces_an_earlier_export(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder.write(out, FILES, MANIFEST)
    folder.write(out, {"c.c": b"three\n"}, manifest_of({"c.c": b"three\n"}))
    assert set(folder_content(out)) == {"c.c", "manifest.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    folder.write(tmp_path / "out", FILES, MANIFEST)
    assert (tmp_path / "out" / "a.c").read_bytes() == b"one\n"


@pytest.mark.parametrize("name", ["thesis.txt", "src/mine.c"])
def test_the_user_s_files_stay(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    folder.write(out, FILES, MANIFEST)
    (out / name).write_text("precious")
    before = folder_content(out)
    with pytest.raises(
        ExportError, match=f"has {name}, which no export wrote; .* --out, .* --force"
    ):
        folder.write(out, FILES, MANIFEST)
    assert folder_content(out) == before


def test_hand_edits_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder.write(out, FILES, MANIFEST)
    (out / "src" / "b.c").write_bytes(b"twO\n")
    (out / "mine.txt").write_text("precious")
    before = folder_content(out)
    what = r"has mine\.txt, which no export wrote, and src/b\.c, changed since the export; name"
    with pytest.raises(ExportError, match=what):
        folder.write(out, FILES, MANIFEST)
    assert folder_content(out) == before


def test_a_file_that_was_deleted_is_no_loss(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder.write(out, FILES, MANIFEST)
    (out / "a.c").unlink()
    folder.write(out, FILES, MANIFEST)
    assert (out / "a.c").read_bytes() == b"one\n"


def test_up_to_four_are_named_and_the_others_counted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder.write(out, FILES, MANIFEST)
    for number in range(7):
        (out / f"m{number}").write_text("precious")
    with pytest.raises(ExportError, match="has m0, m1, m2, m3 and 3 more, which no export wrote;"):
        folder.check_replaceable(out)


def test_force_says_what_it_deletes_and_deletes_that(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder.write(out, FILES, MANIFEST)
    assert folder.would_lose(out) == ""
    (out / "a.c").write_text("edited")
    (out / "mine.txt").write_text("unimportant")
    expected = "mine.txt, which no export wrote, and a.c, changed since the export"
    assert folder.would_lose(out) == expected
    folder.write(out, FILES, MANIFEST, force=True)
    assert {
        name: content for name, content in folder_content(out).items() if name in FILES
    } == FILES
    assert not (out / "mine.txt").exists()


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        "null",
        "not JSON",
        "[" * 100_000,
        json.dumps({"files": {"precious.txt": {}}}),
        json.dumps(manifest_of({"precious.txt": b"precious"}, format_version=2)),
        json.dumps(manifest_of({"precious.txt": b"precious"}, flavor="site")),
        json.dumps(manifest_of({"precious.txt": b"precious"}, flavor=["tflm"])),
        json.dumps(manifest_of({"precious.txt": b"precious"}, files=["precious.txt"])),
        json.dumps(manifest_of({"precious.txt": b"precious"}, files={"precious.txt": None})),
        json.dumps(manifest_of({"precious.txt": b"precious", "../other.txt": b""})),
        json.dumps(manifest_of({"precious.txt": b"precious", "/etc/passwd": b""})),
        json.dumps(manifest_of({"precious.txt": b"precious", "a/../../b": b""})),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_folder_with_a_foreign_manifest_stays(tmp_path: Path, content: str, force: bool) -> None:
    """Not even --force takes it for an export."""
    (tmp_path / "manifest.json").write_text(content)
    (tmp_path / "precious.txt").write_text("precious")
    what = r"has manifest\.json, precious\.txt, which no export wrote and no manifest\.json of an"
    with pytest.raises(ExportError, match=what):
        folder.check_replaceable(tmp_path, force)


def test_a_listed_file_of_the_user_s_stays(tmp_path: Path) -> None:
    listed = manifest_of({"precious.txt": b"something else"})
    (tmp_path / "manifest.json").write_text(json.dumps(listed))
    (tmp_path / "precious.txt").write_text("precious")
    with pytest.raises(ExportError, match=r"has precious\.txt, changed since the export"):
        folder.check_replaceable(tmp_path)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_links_are_not_followed(tmp_path: Path, kind: str) -> None:
    """A link is not what the export wrote, though what it leads to may have the same bytes."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    folder.write(out, FILES, MANIFEST)
    elsewhere.mkdir()
    (elsewhere / "b.c").write_bytes(FILES["src/b.c"])
    (out / "src" / "b.c").unlink()
    if kind == "file":
        (out / "src" / "b.c").symlink_to(elsewhere / "b.c")
    else:
        (out / "src").rmdir()
        (out / "src").symlink_to(elsewhere)
    with pytest.raises(ExportError, match=r"has src(/b\.c, changed since|, which no export wrote)"):
        folder.write(out, FILES, MANIFEST)
    folder.write(out, FILES, MANIFEST, force=True)
    assert (elsewhere / "b.c").read_bytes() == FILES["src/b.c"]
    assert not (out / "src").is_symlink()


@pytest.mark.parametrize("name", ["manifest.json", "a.c"])
def test_a_pipe_in_the_place_of_a_file_hangs_nothing(tmp_path: Path, name: str) -> None:
    folder.write(tmp_path / "out", FILES, MANIFEST)
    (tmp_path / "out" / name).unlink()
    os.mkfifo(tmp_path / "out" / name)
    with pytest.raises(ExportError, match=name):
        folder.check_replaceable(tmp_path / "out")


def test_an_export_without_a_license_of_its_own_is_replaced(tmp_path: Path) -> None:
    """Older versions wrote fewer files; the manifest says which."""
    out = tmp_path / "out"
    folder.write(out, {"src/b.c": b"two\n"}, manifest_of({"src/b.c": b"two\n"}, version="1.0"))
    folder.write(out, {**FILES, "LICENSE": b"text"}, manifest_of({**FILES, "LICENSE": b"text"}))
    assert (out / "LICENSE").read_bytes() == b"text"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ExportError, match="is a file"):
        folder.write(tmp_path / "out", FILES, MANIFEST)


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    out = tmp_path / "out"
    if existing:
        folder.write(out, FILES, MANIFEST)
    before = folder_content(out)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "b.c":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        folder.write(out, FILES, MANIFEST)
    assert folder_content(out) == before
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if existing else [])
