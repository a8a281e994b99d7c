"""Sound without the wake word from packages of Debian and Ubuntu: speech, effects, music.

OUT/KIND/PACKAGE/NAME.flac     16 kHz, mono
OUT/packages.json              versions and licences of what is there

A kind is a folder for --negatives. Nothing is installed: packages are fetched and unpacked.
"""

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import soundfile

from edge_tf import files, progress
from edge_tf.audio import wav
from edge_tf.data.streams.package_list import PACKAGES, Package
from edge_tf.errors import UserError
from firmware_export import children

RECORD = "packages.json"
_RATE = 16_000
_SOUNDS = (".ogg", ".oga", ".wav", ".mp3", ".flac")
_TIMEOUT_S = 1800
_SHORTEST_S = 0.2


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What was fetched of a package; an entry of packages.json."""

    package: str
    kind: str
    version: str
    licence: str
    sounds: int
    hours: float
    left_out: int


def make(out: Path, packages: Sequence[Package] = PACKAGES) -> list[Fetched]:
    """Fetches packages, or those that are missing.

    Args:
      out: the folder.
      packages: which.

    Raises:
      UserError: this is no Debian or Ubuntu, or a package cannot be fetched.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UserError(
                f"{tool} is missing: packages with sound are those of Debian and Ubuntu",
                "give folders of your own with --negatives",
            )
    record = out / RECORD
    entries = files.read_json(record) if record.exists() else {}
    there = {name: Fetched(**values) for name, values in entries.items()}
    found = []
    for package in packages:
        if package.name not in there:
            there[package.name] = _fetch(package, out)
            files.write_json(record, {n: dataclasses.asdict(one) for n, one in there.items()})
        found.append(there[package.name])
    return found


def _fetch(package: Package, out: Path) -> Fetched:
    with children.folder() as folder:
        _run(["apt-get", "-qq", "download", package.name], folder, package.name)
        archive = next(folder.glob("*.deb"))
        _run(["dpkg-deb", "-x", str(archive), str(folder / "x")], folder, package.name)
        sounds = sorted(
            path for path in (folder / "x").rglob("*") if path.suffix.lower() in _SOUNDS
        )
        target = out / package.kind / package.name
        seconds, kept = 0.0, 0
        for path in progress.bar(sounds, desc=package.name, unit="sound"):
            try:
                samples = wav.read(path, _RATE).samples
            except UserError:
                continue
            if len(samples) < _SHORTEST_S * _RATE:
                continue
            name = re.sub(r"[^A-Za-z0-9.-]+", "_", str(path.relative_to(folder / "x")))
            target.mkdir(parents=True, exist_ok=True)
            with files.atomic_path(target / f"{name}.flac") as temporary:
                soundfile.write(temporary, samples, _RATE, format="FLAC", subtype="PCM_16")
            kept += 1
            seconds += len(samples) / _RATE
        copyright_file = folder / "x/usr/share/doc" / package.name / "copyright"
        if kept and copyright_file.is_file():
            files.write_bytes(target / "copyright", copyright_file.read_bytes())
        version = archive.name.split("_")[1].replace("%3a", ":")
    return Fetched(
        package.name,
        package.kind,
        version,
        package.licence,
        kept,
        round(seconds / 3600, 3),
        len(sounds) - kept,
    )


def _run(command: list[str], folder: Path, package: str) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(
            f"{package} cannot be fetched ({said})",
            "run: apt-get update, or leave the package out with --packages",
        )
