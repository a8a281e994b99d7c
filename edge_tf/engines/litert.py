"""LiteRT on the host: its reference kernels, which are the bit reference, and XNNPACK."""

from typing import Any

import numpy as np

import tflite_model
from edge_tf import tflite_runtime
from edge_tf.engines import ids
from edge_tf.engines.base import Outputs, Start, UnavailableError, log_scores
from edge_tf.tflite_runtime import Kernels


class _LiteRT:
    id: str
    name: str
    bit_exact: bool
    start: Start = "features"
    most_clips = 0
    _kernels: Kernels

    def __init__(self, model: bytes) -> None:
        self._model = model

    def run(self, features: np.ndarray) -> Outputs:
        try:
            found = tflite_runtime.run_int8(self._model, features, self._kernels, self.name)
        except ImportError as error:
            raise _missing(error) from None
        return Outputs(found.values, found.scale, found.zero_point, found.seconds)


class LiteRTReference(_LiteRT):
    """Reference kernels: TFLite Micro and emitted C must match every byte."""

    id: str = ids.LITERT_REFERENCE
    name = "LiteRT reference"
    bit_exact = True
    _kernels = "reference"


class LiteRTXnnpack(_LiteRT):
    """Optimized kernels, as on a phone; they differ by a few LSB."""

    id: str = ids.LITERT_XNNPACK
    name = "LiteRT XNNPACK"
    bit_exact = False
    _kernels = "optimized"


class AndroidWaveform:
    """The model for Android, waveform in, as LiteRT runs it on a phone."""

    id: str = ids.ANDROID_XNNPACK
    name = "android (LiteRT XNNPACK, waveform)"
    bit_exact = False
    start: Start = "waveform"
    most_clips = 0

    def __init__(self, model: bytes) -> None:
        """model: from conversion.waveform, float32 [1, samples] to [1, classes] scores."""
        self._model = model

    def run(self, clips_in: np.ndarray) -> Outputs:
        """clips_in: (clips, samples) int16."""
        interpreter = _interpreter(self._model, "optimized")
        sound = np.asarray(clips_in, np.float32) / 32768
        scores, seconds = tflite_runtime.run_clips(self.name, interpreter, sound)
        return log_scores(scores, seconds)


def values_between(model: bytes, op: str, clips: np.ndarray) -> np.ndarray:
    """Output of the first op of a type, with reference kernels.

    Args:
      model: a .tflite file.
      op: name of the op type.
      clips: (clips, ...) in the format of the model's input.

    Returns:
      (clips, ...) output of the op.
    """
    info = tflite_model.parse(model)
    result = next(each for each in info.ops if each.name == op).outputs[0]
    interpreter = _interpreter(model, "reference", experimental_preserve_all_tensors=True)
    return tflite_runtime.run_clips(op, interpreter, clips, result)[0]


def _interpreter(model: bytes, kernels: Kernels, **options: Any) -> Any:
    try:
        return tflite_runtime.interpreter(model, kernels, **options)
    except ImportError as error:
        raise _missing(error) from None


def _missing(error: ImportError) -> UnavailableError:
    return UnavailableError(f"ai-edge-litert is not installed ({error}); run: make setup")
