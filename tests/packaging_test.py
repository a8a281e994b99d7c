"""What is installed is what is in the tree; the lock is whole and names no machine."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("edge_tf", "firmware_export", "pipelines")


def sources(root: Path) -> set[str]:
    """All files of the packages but what Python leaves behind."""
    return {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name[0] != "."
    }


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {Path(name).parent for name in sources(ROOT) if name.endswith(".py")}
    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()] == []


def test_a_wheel_holds_every_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    expected = sources(tree)
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tree)
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(tree)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        shipped = {name for name in content.namelist() if name.split("/")[0] in PACKAGES}
    assert shipped == expected


@pytest.fixture(scope="module")
def lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "packages"), [("", 50), ("-mediapipe", 15)])
def test_the_lock_pins_everything_with_hashes(name: str, packages: int) -> None:
    lock = (ROOT / f"requirements{name}.lock").read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", lock) if not entry.startswith("#")]
    assert len(entries) > packages
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[^ ]+ ;", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-mediapipe.lock"])
def test_the_lock_names_no_place(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|(^|\s)/", lock)


def test_the_lock_of_the_kotlin_compiler_has_a_hash_and_names_no_place() -> None:
    lock = json.loads((ROOT / "tools" / "kotlin" / "package-lock.json").read_text(encoding="utf-8"))
    (compiler,) = (entry for name, entry in lock["packages"].items() if name)
    assert compiler["integrity"].startswith("sha512-")
    assert "resolved" not in compiler


def test_the_lock_has_one_tensorflow(lock: str) -> None:
    names = re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE)
    assert "tensorflow" in names
    # It would overwrite TensorFlow's files.
    assert "tensorflow-cpu" not in names
