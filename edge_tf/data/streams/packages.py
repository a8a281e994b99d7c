"""Sound without the wake word from packages of Debian and Ubuntu: speech, effects, music.

OUT/KIND/PACKAGE/NAME.flac     16 kHz, mono
OUT/packages.json              versions and licences of what is there

A kind is a folder of other sound. Nothing is installed: packages are fetched and unpacked.
"""

import concurrent.futures
import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from edge_tf import files, progress
from edge_tf.data.streams import package_sounds
from edge_tf.data.streams.package_list import PACKAGES, Package
from edge_tf.data.streams.package_sounds import PackageSound
from edge_tf.errors import UserError
from firmware_export import children

RECORD = "packages.json"
_RATE = 16_000
_TIMEOUT_S = 1800
_DOWNLOAD = (
    *("apt-get", "-qq", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"),
    "download",
)
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
    there = read(out)
    found = []
    for package in packages:
        if package.name not in there:
            there[package.name] = _fetch(package, out)
            entries = {name: dataclasses.asdict(one) for name, one in there.items()}
            files.write_json(out / RECORD, entries)
        found.append(there[package.name])
    return found


def fill(out: Path, packages: Sequence[Package] = PACKAGES) -> dict[str, str]:
    """Fetches all packages that can be had.

    Args:
      out: the folder.
      packages: which.

    Returns:
      What was wrong with the others, by package.
    """
    missing = {}
    for package in packages:
        try:
            make(out, [package])
        except UserError as error:
            missing[package.name] = str(error)
    return missing


def read(out: Path) -> dict[str, Fetched]:
    """What a folder has, by package; nothing if it is none of `make`.

    Raises:
      UserError: its record is damaged.
    """
    record = out / RECORD
    entries = files.read_json(record) if record.exists() else {}
    try:
        return {name: Fetched(**values) for name, values in entries.items()}
    except (AttributeError, TypeError):
        raise UserError(f"{record} is damaged", f"delete {out}") from None


def kinds(out: Path) -> list[Path]:
    """The folders of sound that there are, in the order of PACKAGES."""
    there = read(out)
    order = dict.fromkeys(package.kind for package in PACKAGES if package.name in there)
    return [out / kind for kind in order if (out / kind).is_dir()]


def _fetch(package: Package, out: Path) -> Fetched:
    with children.folder() as folder:
        _run([*_DOWNLOAD, package.name], folder, package.name)
        archive = next(folder.glob("*.deb"))
        _run(["dpkg-deb", "-x", str(archive), str(folder / "x")], folder, package.name)
        sounds = package_sounds.find(folder / "x", package.stored, _RATE)
        target = out / package.kind / package.name
        seconds, kept = 0.0, 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            heard = zip(sounds, pool.map(_samples, sounds), strict=True)
            about = {"desc": package.name, "unit": "sound", "total": len(sounds)}
            for sound, samples in progress.bar(heard, **about):
                if len(samples) < _SHORTEST_S * _RATE:
                    continue
                name = re.sub(r"[^A-Za-z0-9.-]+", "_", sound.name)
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


def _samples(sound: PackageSound) -> np.ndarray:
    """Nothing if it is damaged."""
    try:
        return sound.read()
    except UserError:
        return np.zeros(0, np.int16)


def _run(command: list[str], folder: Path, package: str) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(
            f"{package} cannot be fetched ({said})",
            "run: apt-get update",
        )
