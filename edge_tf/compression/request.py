"""What a compression is asked to do, and whether a run has done it; needs no TensorFlow."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from edge_tf import files, keras_file, other_settings, records, run_dir
from edge_tf.compression.settings import Settings
from edge_tf.errors import UserError
from edge_tf.run_records import CompressionRequest, CompressRecord, RangesFile

_FILE = "settings.json"


def of(
    run: run_dir.RunDirectory,
    settings: Settings,
    training_clips: str,
    teacher: Path | None,
    renamed: Mapping[str, str] | None = None,
) -> CompressionRequest:
    """The settings and what they are applied to, compared with the compression that the run has.

    Args:
      run: a run that has finished training.
      settings: the user's, with the sparsity of a budget if it is known by now.
      training_clips: fingerprint of the decoded clips.
      teacher: float.keras of the teacher, or None.
      renamed: names of flags that are others in this binary; see other_settings.

    Raises:
      UserError: the run has another compression, finished or not.
    """
    path = run / run_dir.COMPRESSION / _FILE
    source = run.require(run_dir.FLOAT_MODEL)
    request = CompressionRequest(
        **vars(settings), float_model=keras_file.digest(source), training_clips=training_clips
    )
    if not _has_begun(run):
        return request
    before = records.load(path, CompressionRequest)
    # An older run has digests of whole files, which its checkpoints belong to.
    if keras_file.is_model(source, before.float_model):
        request = dataclasses.replace(request, float_model=before.float_model)
    if teacher and before.teacher and keras_file.is_model(teacher, before.teacher):
        request = dataclasses.replace(request, teacher=before.teacher)
    other_settings.refuse(
        f"{run.path} has a compression",
        records.to_json(before),
        records.to_json(request),
        f"delete {path.parent}, or use a copy of the run",
        renamed,
    )
    return request


def note(run: run_dir.RunDirectory, request: CompressionRequest) -> None:
    """Notes what checkpoints will belong to, unless there are some."""
    if not _has_begun(run):
        files.write_json(run / run_dir.COMPRESSION / _FILE, records.to_json(request))


def _has_begun(run: run_dir.RunDirectory) -> bool:
    return any((run / run_dir.COMPRESSION).glob("*/checkpoints/state.json"))


def finished(
    run: run_dir.RunDirectory,
    settings: Settings,
    training_clips: str,
    teacher: Path | None,
    renamed: Mapping[str, str] | None = None,
) -> CompressRecord | None:
    """The record of this compression, if it has finished and its files are as it wrote them.

    Args:
      run, settings, training_clips, teacher, renamed: see `of`.

    Raises:
      UserError: the run has another compression, finished or not.
    """
    record = run.find(CompressRecord)
    if record is None or not _has_begun(run):
        return None
    if settings.target_nonzero_kb and settings.target_nonzero_kb == record.target_nonzero_kb:
        settings = dataclasses.replace(settings, sparsity=record.sparsity)
    request = of(run, settings, training_clips, teacher, renamed)
    done = {field.name: getattr(record, field.name) for field in dataclasses.fields(request)}
    if done != vars(request):
        return None
    if not run.is_unchanged(record, run_dir.COMPRESSED_MODEL, older=True):
        return None
    try:
        if (run / run_dir.QUANTIZATION).exists():
            records.load(run / run_dir.QUANTIZATION, RangesFile)
    except UserError:
        return None
    return record
