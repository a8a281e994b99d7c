"""The .keras files of a run as files: written without a date, and known by what is in them.

Keras writes the date into each archive, so that the same training made other bytes every time. What
a model is, its architecture and its weights, is the same however often it is saved. Needs no
TensorFlow.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge_tf import arrays, files

if TYPE_CHECKING:
    import tf_keras as keras

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MOST_BYTES = 1 << 30
_DATE = "date_saved"


def save(model: "keras.Model", target: Path) -> None:
    """Writes a model; the same model gives the same bytes.

    Args:
      model: of tf-keras.
      target: a path that ends in .keras; not written atomically.
    """
    model.save(target)
    with zipfile.ZipFile(target) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    metadata = json.loads(entries[_METADATA])
    metadata.pop(_DATE, None)
    entries[_METADATA] = json.dumps(metadata).encode("ascii")
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980, stored


def digest(path: Path) -> str:
    """SHA-256 of a model's architecture and weights; of the whole file if it is no such archive.

    Raises:
      UserError: the file cannot be read.
    """
    return _of_model(files.read_bytes(path, _MOST_BYTES))


def is_model(path: Path, recorded: str) -> bool:
    """Whether a file has the model of a digest. Older runs recorded that of the whole file.

    Raises:
      UserError: the file cannot be read.
    """
    content = files.read_bytes(path, _MOST_BYTES)
    return recorded in (_of_model(content), hashlib.sha256(content).hexdigest())


def is_whole(path: Path) -> bool:
    """Whether a file is an archive of a model with the checksums that it claims.

    Raises:
      UserError: the file cannot be read.
    """
    return _parts(files.read_bytes(path, _MOST_BYTES)) is not None


def _of_model(content: bytes) -> str:
    parts = _parts(content)
    if parts is not None:
        content = b"".join(hashlib.sha256(part).digest() for part in parts)
    return hashlib.sha256(content).hexdigest()


def _parts(content: bytes) -> list[bytes] | None:
    """Configuration and weights; None if there are none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays.check_entries(archive.infolist(), 3, _MOST_BYTES)
            return [archive.read(name) for name in (_CONFIG, _WEIGHTS)]
    except (ValueError, *arrays.DAMAGE):
        return None
