"""LiteRT on the host: its reference kernels, which give the bytes to agree on, and XNNPACK."""

from typing import Any

import numpy as np

import tflite_model
from edge_tf.engines.base import Outputs, UnavailableError, log_scores, quantize, run_each


class _LiteRT:
    id: str
    name: str
    bit_exact: bool
    start = "features"
    most_clips = 0
    _resolver: str

    def __init__(self, model: bytes) -> None:
        self._model = model

    def run(self, features: np.ndarray) -> Outputs:
        interpreter = _interpreter(self._model, self._resolver)
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        clips = quantize(features, *source["quantization"])
        logits, seconds = _run_each(self.name, interpreter, clips)
        scale, zero_point = target["quantization"]
        return Outputs(logits, scale, zero_point, seconds)


class LiteRTReference(_LiteRT):
    """Reference kernels: what TFLite Micro and emitted C must equal in every byte."""

    id = "litert_reference"
    name = "LiteRT reference"
    bit_exact = True
    _resolver = "BUILTIN_REF"


class LiteRTXnnpack(_LiteRT):
    """Optimized kernels, as a phone runs them; they differ by some LSB."""

    id = "litert_xnnpack"
    name = "LiteRT XNNPACK"
    bit_exact = False
    _resolver = "BUILTIN"


class AndroidWaveform:
    """The model for Android, from the waveform on, as LiteRT runs it on a phone."""

    id = "android_xnnpack"
    name = "android (LiteRT XNNPACK, waveform)"
    bit_exact = False
    start = "waveform"
    most_clips = 0

    def __init__(self, model: bytes) -> None:
        """model: a file of conversion.waveform, float32 [1, samples] to [1, classes] scores."""
        self._model = model

    def run(self, clips_in: np.ndarray) -> Outputs:
        """clips_in: (clips, samples) int16."""
        interpreter = _interpreter(self._model, LiteRTXnnpack._resolver)
        sound = np.asarray(clips_in, np.float32) / 32768
        scores, seconds = _run_each(self.name, interpreter, sound)
        return log_scores(scores, seconds)


def values_between(model: bytes, op: str, clips: np.ndarray) -> np.ndarray:
    """What the first op of a kind gives, by reference kernels.

    Args:
      model: a .tflite file.
      op: name of the kind of op.
      clips: (clips, ...) as the model takes them.

    Returns:
      (clips, ...) as the op gives them.
    """
    info = tflite_model.parse(model)
    result = next(each for each in info.ops if each.name == op).outputs[0]
    interpreter = _interpreter(
        model, LiteRTReference._resolver, experimental_preserve_all_tensors=True
    )
    return _run_each(op, interpreter, clips, result)[0]


def _interpreter(model: bytes, resolver: str, **options: Any) -> Any:
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError as error:
        raise UnavailableError(f"ai-edge-litert is not installed ({error})") from None
    interpreter = litert.Interpreter(
        model_content=model,
        num_threads=1,
        experimental_op_resolver_type=getattr(litert.OpResolverType, resolver),
        **options,
    )
    interpreter.allocate_tensors()
    return interpreter


def _run_each(
    name: str, interpreter: Any, clips: np.ndarray, result: int | None = None
) -> tuple[np.ndarray, float]:
    """A tensor's values for each clip, by default the output's, and the median of seconds."""
    given = interpreter.get_input_details()[0]["index"]
    if result is None:
        result = interpreter.get_output_details()[0]["index"]

    def invoke(clip: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, clip)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return run_each(name, clips, invoke)
