"""Downloads Google's Speech Commands: resumable, verified, unpacked safely.

The standard library's urllib does all that is needed here (Range, redirects, proxies from the
environment), so edge_tf itself depends on no other HTTP client.
"""

import dataclasses
import hashlib
import http.client
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge_tf import files
from edge_tf.errors import UserError

BASE_URL = "http://download.tensorflow.org/data"
MARKER = ".download.json"

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 5
_PAUSE_SECONDS = 1.0
# Clips of 31.3 KiB unpack to 1.4 times the archive; file systems round each up to whole blocks.
_UNPACKED_SHARE = 1.7


@dataclasses.dataclass(frozen=True)
class Archive:
    """A published file: its name, SHA-256 in hexadecimal, size in bytes."""

    name: str
    sha256: str
    size: int


@dataclasses.dataclass(frozen=True)
class Release:
    """A version of Speech Commands: the set, and its separate 12-class test set."""

    clips: Archive
    test_set: Archive


# Sources of the digests (the sizes are from the same records):
#   v0.01          torchaudio; Hugging Face datasets (superb)
#   v0.01 test set Hugging Face datasets (superb); no second source was found
#   v0.02          TensorFlow Datasets; torchaudio
#   v0.02 test set TensorFlow Datasets; also pinned by several unrelated projects
RELEASES = {
    "0.01": Release(
        clips=Archive(
            "speech_commands_v0.01.tar.gz",
            "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
            1_489_096_277,
        ),
        test_set=Archive(
            "speech_commands_test_set_v0.01.tar.gz",
            "baa084f6b62c91de660ff0588ae4dfc4e4d534aa99ac0e5f406cba75836cbd00",
            71_271_436,
        ),
    ),
    "0.02": Release(
        clips=Archive(
            "speech_commands_v0.02.tar.gz",
            "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
            2_428_923_189,
        ),
        test_set=Archive(
            "speech_commands_test_set_v0.02.tar.gz",
            "cc2a00c1147c2254e9be3fa0f779d8c17421dc349b86366567a8edfa9acd51df",
            112_563_277,
        ),
    ),
}


def test_set_folder(destination: Path) -> Path:
    """Folder of a download's official test set, next to it, for --test_dir."""
    return destination.with_name(f"{destination.name}_test_set")


def download_speech_commands(
    version: str, destination: str | Path, base_url: str = BASE_URL, progress: bool = True
) -> Path:
    """Fetches a version of Speech Commands and its official test set, unless they exist.

    If interrupted, it leaves NAME.tar.gz.part next to `destination`; the same call resumes from it.

    Args:
      version: "0.01" or "0.02".
      destination: becomes the folder of word folders. The test set goes to
        `test_set_folder(destination)`.
      base_url: location of the archives.
      progress: whether to show progress bars.

    Returns:
      `destination`.

    Raises:
      UserError: no such version, no network, a wrong checksum, too little space, or an existing
        folder that was not downloaded here.
    """
    if version not in RELEASES:
        raise UserError(f"--download={version} is unknown", f"choose {' or '.join(RELEASES)}")
    release = RELEASES[version]
    # Absolute, since the test set is named after it and "." has no name.
    target = Path(destination).resolve()
    wanted = [(release.clips, target), (release.test_set, test_set_folder(target))]
    missing = [(archive, folder) for archive, folder in wanted if not is_complete(folder, archive)]
    if missing:
        _require_space(target.parent, [archive for archive, _ in missing])
    for archive, folder in missing:
        path = fetch(archive, target.parent, base_url, progress)
        unpack(path, folder, archive, progress)
        _part(archive, target.parent).unlink(missing_ok=True)
    return Path(destination)


def is_complete(folder: Path, archive: Archive) -> bool:
    """Whether `folder` contains this archive, completely unpacked.

    Raises:
      UserError: it contains something else.
    """
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise UserError(f"{folder} is a file", "name another folder to download into")
    if (folder / MARKER).exists():
        marker = files.read_json(folder / MARKER)
        if isinstance(marker, dict) and marker.get("sha256") == archive.sha256:
            return True
        raise UserError(f"{folder} contains another download", "name another folder")
    if any(folder.iterdir()):
        raise UserError(
            f"{folder} has files that are not from a finished download",
            f"leave out --download to use it as it is, or name a new folder for {archive.name}",
        )
    return False


def _part(archive: Archive, folder: Path) -> Path:
    return folder / f"{archive.name}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _require_space(folder: Path, archives: list[Archive]) -> None:
    """Raises UserError if the archives, one at a time, and all their content do not fit."""
    folder.mkdir(parents=True, exist_ok=True)
    # Peak: all is unpacked and the last archive still exists; bytes already fetched are deducted.
    unpacked = sum(round(archive.size * _UNPACKED_SHARE) for archive in archives)
    packed = max(archive.size for archive in archives)
    present = sum(_size(_part(archive, folder)) for archive in archives)
    needed = unpacked + packed - present
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder} has {free / 1e9:.1f} GB free, the download needs {needed / 1e9:.1f} GB",
            "free some space or name a folder on another disk",
        )


def fetch(archive: Archive, folder: Path, base_url: str, progress: bool = True) -> Path:
    """Downloads an archive into `folder`, resuming where an earlier attempt stopped.

    If `folder` already has a copy under the published name, that is used instead.

    Returns:
      The file, complete and with the right SHA-256: NAME.part, or the existing copy.

    Raises:
      UserError: unreachable, refused by the server, interrupted repeatedly (the .part is kept), or
        the content is wrong (a .part is then deleted).
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / archive.name
    if copy.exists():
        if _sha256(copy) != archive.sha256:
            raise UserError(f"{copy} does not have the published SHA-256", "move it away")
        return copy
    part = _part(archive, folder)
    if _size(part) > archive.size:
        part.unlink()
    url = f"{base_url}/{archive.name}"
    with tqdm(
        total=archive.size,
        initial=_size(part),
        unit="B",
        unit_scale=True,
        desc=archive.name,
        disable=not progress,
    ) as bar:
        _fetch_all(url, part, archive.size, bar)
    digest = _sha256(part)
    if digest != archive.sha256:
        part.unlink()
        raise UserError(
            f"{url} has SHA-256 {digest}, not the published {archive.sha256}; the file was deleted",
            "try again; if it happens again, something between here and the server changes files",
        )
    return part


def _fetch_all(url: str, part: Path, size: int, bar: "tqdm[Any]") -> None:
    """Requests what is missing until complete; attempts that bring bytes are not failures."""
    failures = 0
    reason = ""
    while (have := _size(part)) < size:
        if failures == _ATTEMPTS:
            if have == 0:
                raise _unreachable(url, reason)
            raise UserError(
                f"{url} stopped at {have / 1e6:.0f} of {size / 1e6:.0f} MB: {reason}",
                "the same command resumes from there",
            )
        if failures:
            time.sleep(_PAUSE_SECONDS * 2 ** (failures - 1))
        try:
            _fetch_some(url, part, have, size, bar)
            reason = "the connection was closed"
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"HTTP status {error.code} {error.reason}"
            if error.code == 416:
                # The server's file is shorter than ours, so ours is from another file.
                part.unlink(missing_ok=True)
                bar.reset()
            elif error.code < 500 and error.code != 429:
                raise _unreachable(url, reason) from None
        except urllib.error.URLError as error:
            if have == 0:
                raise _unreachable(url, str(error.reason)) from None
            reason = str(error.reason)
        except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
        failures = 0 if _size(part) > have else failures + 1


def _fetch_some(url: str, part: Path, have: int, size: int, bar: "tqdm[Any]") -> None:
    """One request: appends what the server sends until it ends, breaks, or exceeds `size`."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
        resumed = response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise http.client.HTTPException("the server sent a different range than requested")
        if not resumed:
            bar.reset()
        with part.open("ab" if resumed else "wb") as out:
            while out.tell() <= size and (chunk := response.read1(_CHUNK)):
                out.write(chunk)
                bar.update(len(chunk))


def _unreachable(url: str, reason: str) -> UserError:
    return UserError(
        f"cannot reach {url}: {reason}",
        "download it elsewhere, unpack it and give its folder as --data_dir",
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def unpack(path: Path, folder: Path, archive: Archive, progress: bool = True) -> None:
    """Unpacks a .tar.gz; `folder` appears complete, with a marker, or not at all.

    Raises:
      UserError: the archive is damaged, or a member would land outside `folder`.
    """
    if not hasattr(tarfile, "data_filter"):
        raise UserError("this Python unpacks archives unsafely", "update it to 3.10.12 or later")
    with (
        files.atomic_path(folder) as temporary,
        tqdm(unit="file", desc=f"unpacking {path.name}", disable=not progress) as bar,
    ):
        temporary.mkdir()
        count = 0
        try:
            with tarfile.open(path, "r:gz") as opened:
                for member in opened:
                    if not (member.isfile() or member.isdir()):
                        raise UserError(
                            f"{path}: '{member.name}' is neither file nor folder", "do not use it"
                        )
                    opened.extract(member, temporary, filter="data")
                    count += member.isfile()
                    bar.update()
        except tarfile.FilterError as error:
            raise UserError(f"{path} is not safe: {error}", "do not use it") from None
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise UserError(f"{path} is damaged: {error}", "delete it and try again") from None
        marker = {"archive": archive.name, "sha256": archive.sha256, "files": count}
        files.write_json(temporary / MARKER, marker)
