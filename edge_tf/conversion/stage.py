"""The stage "convert": compressed.keras or float.keras in, model_int8.tflite and golden.npz out.

A run trained for streaming also gets model_streaming.tflite.
"""

import hashlib
import logging
import time

import numpy as np

import tflite_model
from edge_tf import files, keras_file, records, run_dir
from edge_tf.conversion import finished, int8
from edge_tf.conversion.rewriting import device_graph
from edge_tf.conversion.tflite import streaming
from edge_tf.data.run_data import RunData, spread_over_labels
from edge_tf.errors import UserError
from edge_tf.models import loading
from edge_tf.run_records import ConvertRecord, FrontendFile, InputQuantization, StreamingFacts
from edge_tf.settings import Graph
from edge_tf.tflite_runtime import quantize, run_int8
from tflite_model.info import ModelInfo

_LOG = logging.getLogger(__name__)
GOLDEN_CLIPS = 8


def convert(
    run: run_dir.RunDirectory, data: RunData, representative_clips: int, form: Graph = "device"
) -> ModelInfo:
    """Quantizes a run's compressed model or, if there is none, its float model.

    Writes model_int8.tflite, golden.npz (wav int16, features int8, logits int8, label_index),
    device_graph.npz (except for the plain graph), and adds the input quantization to frontend.json.

    Args:
      run: a run that has finished training.
      data: the data of the run; representative clips come from the training split only.
      representative_clips: number of clips that set the activation ranges.
      form: form of the graph, one of GRAPHS.

    Returns:
      Ops and tensors of the file.

    Raises:
      UserError: a file is missing, or the model cannot be converted.
    """
    if representative_clips < 10:
        raise UserError("--representative_clips must be at least 10; 200 or more preserve accuracy")
    source = run.model_to_convert()
    model = loading.load(source)
    if model.input_shape[1:] != data.frontend.feature_shape:
        raise UserError(
            f"{source} expects {model.input_shape[1:]}, the front-end produces "
            f"{data.frontend.feature_shape}",
            "retrain into a new --run_dir",
        )
    training = data.clips("training")
    rows = spread_over_labels(training.labels, representative_clips)
    if len(rows) < representative_clips:
        _LOG.info(
            "--representative_clips=%d: there are %d training clips, all are used",
            *(representative_clips, len(rows)),
        )
    began = time.perf_counter()
    made = int8.convert_with_graph(model, data.features(training.samples[rows]), form)
    converted = made.data
    streamed = None if run.lookahead() is None else streaming.rewrite(converted)
    if streamed is not None:
        int8.check(streamed.data)
    seconds = time.perf_counter() - began
    info = tflite_model.parse(converted, run_dir.INT8_MODEL)
    scale, zero_point = info.inputs[0].scales[0], info.inputs[0].zero_points[0]

    validation = data.clips("validation")
    chosen = spread_over_labels(validation.labels, GOLDEN_CLIPS)
    features = data.features(validation.samples[chosen])
    logits = run_int8(converted, features).values
    with files.atomic_path(run / run_dir.GOLDEN) as temporary:
        np.savez(
            temporary,
            wav=validation.samples[chosen],
            features=quantize(features, scale, zero_point),
            logits=logits,
            label_index=validation.labels[chosen],
        )
    quantization = InputQuantization(scale=scale, zero_point=zero_point)
    described = FrontendFile(frontend=data.frontend, input=quantization)
    files.write_json(run / run_dir.FRONTEND, records.to_json(described))
    files.write_bytes(run / run_dir.INT8_MODEL, converted)
    if streamed is not None:
        files.write_bytes(run / run_dir.STREAMING_MODEL, streamed.data)
    else:
        (run / run_dir.STREAMING_MODEL).unlink(missing_ok=True)
    if made.graph is not None:
        device_graph.save(made.graph, run / device_graph.FILE)
    else:
        (run / device_graph.FILE).unlink(missing_ok=True)
    run.record(
        ConvertRecord(
            source=source.name,
            source_sha256=keras_file.digest(source),
            representative_clips=len(rows),
            graph=form,
            seconds=round(seconds, 1),
            bytes=len(converted),
            streaming=None if streamed is None else _streaming_facts(streamed),
            parameters=int(sum(np.prod(w.shape) for w in model.trainable_weights)),
            sha256=hashlib.sha256(converted).hexdigest(),
            files=run.hashes(*finished.WRITES),
        )
    )
    return info


def _streaming_facts(streamed: streaming.Streamed) -> StreamingFacts:
    states = tflite_model.parse(streamed.data, run_dir.STREAMING_MODEL).inputs[1:]
    return StreamingFacts(
        bytes=len(streamed.data),
        states=len(states),
        state_bytes=sum(state.byte_size for state in states),
        delay_frames=streamed.delay,
        sha256=hashlib.sha256(streamed.data).hexdigest(),
    )
