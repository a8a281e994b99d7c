"""predictions.npz: the logits of every hop for every test clip, for later analysis.

It contains no objects, only arrays: `about`, JSON in ASCII as bytes; `labels_true`; and for hop i
its `logits_i`, unchanged int8 or float32, and `clips_i` if it ran only some clips.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np

from edge_tf import arrays, files, records, run_dir
from edge_tf.engines.base import Start
from edge_tf.errors import UserError
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_table import HopTable
from edge_tf.evaluation.hops.recording_devices import Devices
from edge_tf.run_dir import RunDirectory

FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class KeptHop:
    """A hop in the file; its outputs are separate arrays."""

    name: str
    engine: str
    start: Start
    scale: float | None
    zero_point: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class About:
    """Content of `about`; see Predictions for the meaning."""

    format_version: int = FORMAT_VERSION
    labels: tuple[str, ...]
    clip_names: tuple[str, ...]
    devices: tuple[str, ...]
    seen_devices: tuple[str, ...]
    data_fingerprint: str
    model_sha256: str
    hops: tuple[KeptHop, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """The saved outputs of an evaluation.

    Attributes:
      labels: (classes,) names in the order of the logits.
      labels_true: (clips,) class indices.
      clip_names: (clips,) source of each clip; its versions on several devices share one name.
      devices: recording devices.
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
      run: receives the file.
      table: of the test clips.
      labels: class names.
      clip_names, devices: of the test clips.
      data_fingerprint: of the split.
      model: the int8 file.
    """
    hops = [hop for hop in table.hops if hop.outputs is not None]
    about = About(
        labels=tuple(labels),
        clip_names=tuple(clip_names),
        devices=devices.of_clips,
        seen_devices=tuple(sorted(devices.seen)),
        data_fingerprint=data_fingerprint,
        model_sha256=hashlib.sha256(model).hexdigest(),
        hops=tuple(KeptHop(h.name, h.engine, h.start, h.scale, h.zero_point) for h in hops),
    )
    kept: dict[str, np.ndarray] = {
        "about": np.frombuffer(json.dumps(records.to_json(about)).encode("ascii"), np.uint8),
        "labels_true": table.labels_true.astype(np.int32),
    }
    for at, hop in enumerate(hops):
        assert hop.outputs is not None
        kept[f"logits_{at}"] = hop.outputs if hop.is_int8 else hop.outputs.astype(np.float32)
        if hop.clip_indices is not None:
            kept[f"clips_{at}"] = hop.clip_indices.astype(np.int32)
    with files.atomic_path(run / run_dir.PREDICTIONS) as temporary:
        np.savez_compressed(temporary, **kept)


def load(run: RunDirectory) -> Predictions:
    """Reads predictions.npz.

    Raises:
      UserError: it is missing, damaged, or from a different int8 file than the run has now.
    """
    path = run.require(run_dir.PREDICTIONS)
    try:
        content = arrays.load(path)
        found = _parsed(files.parse_json(content["about"].tobytes()), content)
    except (ValueError, LookupError, RecursionError, UserError) as error:
        raise UserError(
            f"{path} is not a record of predictions ({error})",
            f"recreate it with: {run.command_of('evaluate')}",
        ) from None
    now = hashlib.sha256(run.require_int8().read_bytes()).hexdigest()
    if now != found.model_sha256:
        raise UserError(
            f"{path} belongs to another model than {run / run_dir.INT8_MODEL}",
            f"run: {run.command_of('evaluate')}",
        )
    return found


def _parsed(value: object, content: Mapping[str, np.ndarray]) -> Predictions:
    """Parses and checks the content. Raises ValueError, KeyError or UserError."""
    if not isinstance(value, dict) or value.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"not format version {FORMAT_VERSION}")
    about = records.from_json(value, About, "about")
    labels_true = content["labels_true"]
    clips = len(about.clip_names)
    if labels_true.ndim != 1 or not np.issubdtype(labels_true.dtype, np.integer):
        raise ValueError("labels_true is not a list of class indices")
    if not len(labels_true) == clips == len(about.devices) or not clips:
        raise ValueError("labels, names and devices differ in length")
    if labels_true.min() < 0 or labels_true.max() >= len(about.labels):
        raise ValueError("labels_true are outside the classes")
    hops = []
    for at, kept in enumerate(about.hops):
        hop = HopResult(
            **vars(kept), outputs=content[f"logits_{at}"], clip_indices=content.get(f"clips_{at}")
        )
        whole = hop.clip_indices is None
        if hop.which_clips()[-1] >= clips or (whole and hop.clips != clips):
            raise ValueError(f"hop '{hop.name}' has {hop.clips} outputs for {clips} clips")
        if hop.real_outputs().shape[1] != len(about.labels):
            raise ValueError(f"hop '{hop.name}' does not have {len(about.labels)} classes")
        hops.append(hop)
    return Predictions(
        labels=about.labels,
        labels_true=labels_true.astype(np.int64),
        clip_names=about.clip_names,
        devices=Devices(about.devices, frozenset(about.seen_devices)),
        data_fingerprint=about.data_fingerprint,
        model_sha256=about.model_sha256,
        hops=tuple(hops),
    )
