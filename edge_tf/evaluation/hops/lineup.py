"""The engines that a run is measured on, in the order the model travels."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import tflite_model
from edge_tf import run_dir
from edge_tf.android import models as android_models
from edge_tf.data.run_data import RunData
from edge_tf.engines import ids, mediapipe_audio
from edge_tf.engines.base import Engine
from edge_tf.engines.emitted_c import EmittedC, IntegerFrontend
from edge_tf.engines.keras_float import KerasFloat
from edge_tf.engines.keras_quantized import KerasQuantized
from edge_tf.engines.litert import AndroidWaveform, LiteRTReference, LiteRTXnnpack
from edge_tf.engines.streaming import KerasStreaming, StreamingTFLiteMicro
from edge_tf.engines.tflite_micro import TFLiteMicro
from edge_tf.errors import UserError
from edge_tf.models import run_model
from firmware_export.boards.board import Board
from firmware_export.standalone.spotting import Spotting

_LOG = logging.getLogger("edge_tf")


@dataclass(frozen=True)
class Lineup:
    """The engines of a run.

    Attributes:
      engines: in the order of the hop table.
      android: the .tflite with front-end that an app loads; None if TFLite cannot compute the
        front-end, or the network gives embeddings.
    """

    engines: list[Engine]
    android: bytes | None


def of_run(run: run_dir.RunDirectory, data: RunData, boards: Sequence[Board]) -> Lineup:
    """Keras, the int8 file, plain C, the app's file, and their streaming forms.

    If there are these, whole windows in C run on the host alone.

    Args:
      run: a run whose conversion has finished.
      data: its data.
      boards: where plain C runs.

    Raises:
      UserError: a file of the run is missing.
    """
    model = run.require_int8().read_bytes()
    # An app's file gives the softmax of logits.
    android = None if run.embeds() else _android_model(run, model, data)
    names = _output_names(run, model, data)
    streaming = _streaming(run, data, names, boards)
    # Emulated boards are slow: they run the form that is exported.
    for_windows = [board for board in boards if not (streaming and board.is_emulated)]
    engines = [
        *_keras(run),
        *_int8(model, data, names, for_windows),
        *_android(android, data),
        *streaming,
    ]
    return Lineup(engines, android)


def _output_names(run: run_dir.RunDirectory, model: bytes, data: RunData) -> Sequence[str]:
    """The labels; the values of an embedding are e0, e1, ..."""
    if not run.embeds():
        return data.labels
    (outputs,) = tflite_model.parse(model, "the int8 model").outputs
    return [f"e{at}" for at in range(outputs.shape[-1])]


def _keras(run: run_dir.RunDirectory) -> list[Engine]:
    """The hops before conversion."""
    engines: list[Engine] = [KerasFloat(run / run_dir.FLOAT_MODEL)]
    compressed, ranges = run / run_dir.COMPRESSED_MODEL, run / run_dir.QUANTIZATION
    if compressed.exists():
        engines.append(KerasFloat(compressed, ids.KERAS_COMPRESSED, "Keras compressed"))
        if ranges.exists():
            engines.append(KerasQuantized(compressed, ranges))
    return engines


def _int8(
    model: bytes, data: RunData, names: Sequence[str], boards: Sequence[Board]
) -> list[Engine]:
    """The hops of the int8 file."""
    engines: list[Engine] = [
        LiteRTReference(model),
        LiteRTXnnpack(model),
        TFLiteMicro(model),
        *(EmittedC(model, board) for board in boards),
    ]
    if not data.frontend.is_causal:
        _LOG.info("the front-end reads future samples: no hops of plain C from the waveform")
    else:
        frontend = data.frontend.to_dict()
        spotting = Spotting(names, frontend)
        engines.append(IntegerFrontend(model, frontend))
        engines += [EmittedC(model, board, spotting, "waveform") for board in boards]
    return engines


def _android_model(run: run_dir.RunDirectory, model: bytes, data: RunData) -> bytes | None:
    """The waveform model of `export_android`; None if TFLite cannot compute the front-end."""
    try:
        made = android_models.make(model, data.frontend, data.labels, android_models.title(run))
    except UserError as error:
        _LOG.warning("no model for Android: %s", error)
        return None
    return made.waveform


def _android(model: bytes | None, data: RunData) -> list[Engine]:
    """The hops of an Android app; MediaPipe only if it is installed."""
    if model is None:
        return []
    engines: list[Engine] = [AndroidWaveform(model)]
    if mediapipe_audio.python() is None:
        _LOG.info("MediaPipe is not installed: without its hop; make android-tools installs it")
    else:
        rate = data.frontend.sample_rate
        engines.append(mediapipe_audio.MediaPipe(model, data.labels, rate))
    return engines


def _streaming(
    run: run_dir.RunDirectory, data: RunData, names: Sequence[str], boards: Sequence[Board]
) -> list[Engine]:
    """The hops of the streaming form, for a run that was trained for streams.

    Each clip starts a new stream, so that its last frame must produce the logits of its window.
    That is true for causal models; with look-ahead a stream has real frames where a window pads.
    """
    if run.lookahead() is None:
        return []
    if run.lookahead():
        _LOG.info("the network reads future frames, where a window pads: no streaming hops")
        return []
    model = run.require_streaming().read_bytes()
    spotting = Spotting(names, data.frontend.to_dict())
    engines: list[Engine] = [
        KerasStreaming(run.model_to_convert(), run_model.config_of(run)),
        StreamingTFLiteMicro(model),
        *(EmittedC(model, board, streaming=True) for board in boards),
    ]
    if data.frontend.is_causal:
        engines += [EmittedC(model, b, spotting, "waveform", streaming=True) for b in boards]
    return engines
