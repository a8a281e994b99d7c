"""predictions.npz: the logits of every hop for every test clip, for figures yet to be thought of.

It holds no objects, only arrays: `about`, JSON in ASCII as bytes; `labels_true`; and for hop i its
`logits_i`, int8 as they came or float32, and `clips_i` if it ran only some clips.
"""

import dataclasses
import hashlib
import json
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_tf import files, run_dir
from edge_tf.errors import UserError
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_table import HopTable
from edge_tf.evaluation.hops.recording_devices import Devices
from edge_tf.run_dir import RunDirectory

FORMAT_VERSION = 1
# What NumPy, zipfile and json raise on files that are cut off, changed or made to harm.
_DAMAGED = (
    OSError,
    EOFError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
_HOP_FIELDS = ("name", "engine", "start", "scale", "zero_point")


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """What an evaluation kept.

    Attributes:
      labels: (classes,) names in the order of the logits.
      labels_true: (clips,) class indices.
      clip_names: (clips,) where each clip comes from; on several devices it has one name.
      devices: what they were recorded with.
      data_fingerprint: of the test clips, as training recorded it.
      model_sha256: of the int8 file that was evaluated.
      hops: those that ran, with their outputs.
    """

    labels: tuple[str, ...]
    labels_true: np.ndarray
    clip_names: tuple[str, ...]
    devices: Devices
    data_fingerprint: str
    model_sha256: str
    hops: tuple[HopResult, ...]


def save(
    run: RunDirectory,
    table: HopTable,
    labels: Sequence[str],
    clip_names: Sequence[str],
    devices: Devices,
    data_fingerprint: str,
    model: bytes,
) -> None:
    """Writes predictions.npz.

    Args:
      run: where to.
      table: of the test clips.
      labels: names of the classes.
      clip_names, devices: of the test clips.
      data_fingerprint: of the split.
      model: the int8 file.
    """
    hops = [hop for hop in table.hops if hop.outputs is not None]
    about = {
        "format_version": FORMAT_VERSION,
        "labels": list(labels),
        "clip_names": list(clip_names),
        "devices": list(devices.of_clips),
        "seen_devices": sorted(devices.seen),
        "data_fingerprint": data_fingerprint,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "hops": [{name: getattr(hop, name) for name in _HOP_FIELDS} for hop in hops],
    }
    arrays: dict[str, np.ndarray] = {
        "about": np.frombuffer(json.dumps(about).encode("ascii"), np.uint8),
        "labels_true": table.labels_true.astype(np.int32),
    }
    for at, hop in enumerate(hops):
        assert hop.outputs is not None
        arrays[f"logits_{at}"] = hop.outputs if hop.is_int8 else hop.outputs.astype(np.float32)
        if hop.clip_indices is not None:
            arrays[f"clips_{at}"] = hop.clip_indices.astype(np.int32)
    with files.atomic_path(run / run_dir.PREDICTIONS) as temporary:
        np.savez_compressed(temporary, **arrays)


def load(run: RunDirectory) -> Predictions:
    """Reads predictions.npz.

    Raises:
      UserError: it is missing, damaged, or of another int8 file than the run now has.
    """
    path = run.require(run_dir.PREDICTIONS)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = _parsed(json.loads(arrays["about"].tobytes()), arrays)
    except (*_DAMAGED, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no record of predictions ({error})",
            f"make it again with: {run.command_of('evaluate')}",
        ) from None
    now = hashlib.sha256(run.require_int8().read_bytes()).hexdigest()
    if now != found.model_sha256:
        raise UserError(
            f"{path} is of another model than {run / run_dir.INT8_MODEL}",
            f"run: {run.command_of('evaluate')}",
        )
    return found


def _parsed(about: Any, arrays: Any) -> Predictions:
    """Checks all there is to check. Raises ValueError, KeyError or TypeError."""
    if not isinstance(about, dict) or about["format_version"] != FORMAT_VERSION:
        raise ValueError(f"not of format {FORMAT_VERSION}")
    labels_true = arrays["labels_true"]
    labels, names, devices, seen = (
        _texts(about[name]) for name in ("labels", "clip_names", "devices", "seen_devices")
    )
    if labels_true.ndim != 1 or not np.issubdtype(labels_true.dtype, np.integer):
        raise ValueError("labels_true is not a list of classes")
    if not len(labels_true) == len(names) == len(devices) or not len(names):
        raise ValueError("labels, names and devices are of different numbers of clips")
    if labels_true.min() < 0 or labels_true.max() >= len(labels):
        raise ValueError("labels_true are outside the classes")
    hops = []
    for at, told in enumerate(about["hops"]):
        hop = HopResult(
            **{name: told[name] for name in _HOP_FIELDS},
            outputs=arrays[f"logits_{at}"],
            clip_indices=arrays.get(f"clips_{at}"),
        )
        clips = hop.which_clips()
        whole = hop.clip_indices is None
        if clips[-1] >= len(names) or (whole and hop.clips != len(names)):
            raise ValueError(f"hop '{hop.name}' has {hop.clips} outputs for {len(names)} clips")
        if hop.real_outputs().shape[1] != len(labels):
            raise ValueError(f"hop '{hop.name}' does not have {len(labels)} classes")
        hops.append(hop)
    return Predictions(
        labels=labels,
        labels_true=labels_true.astype(np.int64),
        clip_names=names,
        devices=Devices(devices, frozenset(seen)),
        data_fingerprint=str(about["data_fingerprint"]),
        model_sha256=str(about["model_sha256"]),
        hops=tuple(hops),
    )


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError("a list of names holds something else")
    return tuple(values)
