"""Runs .tflite files on the host with LiteRT, using its reference or its optimized kernels."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from edge_tf import progress

# Reference kernels produce the bytes that TFLite Micro and emitted C must match; optimized ones
# (XNNPACK), as used on phones, differ by a few LSB.
Kernels = Literal["reference", "optimized"]
_RESOLVERS = {"reference": "BUILTIN_REF", "optimized": "BUILTIN"}


@dataclasses.dataclass(frozen=True)
class Int8Logits:
    """Output of an int8 model for some clips.

    Attributes:
      values: (clips, classes) int8.
      scale, zero_point: real = scale * (int8 - zero_point).
      seconds: median per clip.
    """

    values: np.ndarray
    scale: float
    zero_point: int
    seconds: float

    def real(self) -> np.ndarray:
        """(clips, classes) float64."""
        return (self.values.astype(np.float64) - self.zero_point) * self.scale


def quantize(features: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Float to the int8 grid real = scale * (int8 - zero_point), rounded, saturating."""
    scaled = np.rint(features / np.float32(scale)) + zero_point
    return np.clip(scaled, -128, 127).astype(np.int8)


def run_int8(
    model: bytes,
    features: np.ndarray,
    kernels: Kernels = "reference",
    name: str = "LiteRT reference",
) -> Int8Logits:
    """Runs an int8 model on float features, which are quantized for its input.

    Args:
      model: a .tflite file.
      features: (clips, mel_bands, frames, 1) float32.
      kernels: the kernel set.
      name: for the progress bar.

    Raises:
      ImportError: ai-edge-litert is not installed.
    """
    made = interpreter(model, kernels)
    source, target = made.get_input_details()[0], made.get_output_details()[0]
    clips = quantize(features, *source["quantization"])
    logits, seconds = run_clips(name, made, clips)
    scale, zero_point = target["quantization"]
    return Int8Logits(logits, scale, zero_point, seconds)


def interpreter(model: bytes, kernels: Kernels, **options: Any) -> Any:
    """LiteRT's interpreter with tensors allocated. Raises ImportError if it is not installed."""
    from ai_edge_litert import interpreter as litert

    made = litert.Interpreter(
        model_content=model,
        num_threads=1,
        experimental_op_resolver_type=getattr(litert.OpResolverType, _RESOLVERS[kernels]),
        **options,
    )
    made.allocate_tensors()
    return made


def run_clips(
    name: str, interpreter: Any, clips: np.ndarray, result: int | None = None
) -> tuple[np.ndarray, float]:
    """Values of a tensor (default: the output) for each clip, and the median seconds per clip."""
    given = interpreter.get_input_details()[0]["index"]
    if result is None:
        result = interpreter.get_output_details()[0]["index"]

    def invoke(clip: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, clip)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return run_each(name, clips, invoke)


def run_each(
    name: str, clips: np.ndarray, invoke: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, float]:
    """Calls `invoke` on each clip (with its batch axis), with progress.

    Returns:
      The stacked outputs, and the median seconds per call.
    """
    outputs, seconds = [], []
    for clip in progress.bar(clips, desc=name, unit="clip"):
        batch = clip[np.newaxis]
        began = time.perf_counter()
        output = invoke(batch)[0]
        seconds.append(time.perf_counter() - began)
        outputs.append(output.copy())
    return np.stack(outputs), float(np.median(seconds))
