"""Whether a run has been converted already; needs no TensorFlow."""

from edge_tf import keras_file, run_dir
from edge_tf.run_records import ConvertRecord
from edge_tf.settings import Graph

WRITES = (
    run_dir.INT8_MODEL,
    run_dir.STREAMING_MODEL,
    run_dir.DEVICE_GRAPH,
    run_dir.GOLDEN,
    run_dir.FRONTEND,
)


def finished(
    run: run_dir.RunDirectory, training_clips: int, representative_clips: int, form: Graph
) -> ConvertRecord | None:
    """The record of this conversion, if it has finished and its files are as it wrote them.

    Args:
      run: a run that has finished training.
      training_clips: number of clips there are.
      representative_clips, form: see stage.convert.

    Raises:
      UserError: there is no model to convert.
    """
    record = run.find(ConvertRecord)
    source = run.model_to_convert()
    if record is None or record.source != source.name:
        return None
    if not keras_file.is_model(source, record.source_sha256):
        return None
    asked = min(representative_clips, training_clips), form
    if asked != (record.representative_clips, record.graph):
        return None
    needed = run_dir.INT8_MODEL, run_dir.GOLDEN, run_dir.FRONTEND
    return record if run.is_unchanged(record, *needed) else None
