import errno
from pathlib import Path

import pytest

from firmware_export import folder
from firmware_export.errors import ExportError
from tests.firmware_export.conftest import folder_content

FILES = {"a.c": b"one\n", "src/b.c": b"two\n"}
MANIFEST: dict[str, dict[str, dict[str, int]]] = {"files": {"a.c": {}, "src/b.c": {}}}


def test_writes_all(tmp_path: Path) -> None:
    folder.write(tmp_path / "deep" / "out", FILES, MANIFEST)
    content = folder_content(tmp_path / "deep" / "out")
    assert {name: content[name] for name in FILES} == FILES
    assert set(content) == {*FILES, "manifest.json"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_replaces_an_earlier_export(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder.write(out, FILES, MANIFEST)
    folder.write(out, {"c.c": b"three\n"}, {"files": {"c.c": {}}})
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
    with pytest.raises(ExportError, match=f"has {name}, which no export wrote"):
        folder.write(out, FILES, MANIFEST)
    assert folder_content(out) == before


def test_a_folder_with_a_foreign_manifest_stays(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("[]")
    (tmp_path / "index.html").write_text("a web page")
    with pytest.raises(ExportError, match=r"index\.html"):
        folder.check_replaceable(tmp_path)


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
