"""TFLite Micro's interpreter with its reference kernels, on the host."""

from typing import Any

import numpy as np

import tflite_model
from edge_tf.engines import ids
from edge_tf.engines.base import Outputs, Start, UnavailableError
from edge_tf.tflite_runtime import quantize, run_each
from firmware_export.oracle import micro
from tflite_model.info import ModelInfo


def interpreter_of(model: bytes, info: ModelInfo) -> Any:
    """The interpreter with a model loaded and a sufficiently large arena.

    Raises:
      UnavailableError: it is not installed here.
    """
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError as error:
        raise UnavailableError(micro.remedy(error)) from None
    activations = sum(t.byte_size for t in info.tensors if not t.is_constant)
    return runtime.Interpreter.from_bytes(
        model, arena_size=activations + 64 * len(info.tensors) + 100_000
    )


class TFLiteMicro:
    """The interpreter that runs on the device, built for this machine."""

    id: str = ids.TFLITE_MICRO
    name = "TFLite Micro"
    bit_exact = True
    start: Start = "features"
    most_clips = 0

    def __init__(self, model: bytes) -> None:
        self._model = model

    def run(self, features: np.ndarray) -> Outputs:
        info = tflite_model.parse(self._model, "the int8 model")
        interpreter = interpreter_of(self._model, info)

        def invoke(clip: np.ndarray) -> np.ndarray:
            interpreter.set_input(clip, 0)
            interpreter.invoke()
            return interpreter.get_output(0)

        source, target = info.inputs[0], info.outputs[0]
        clips = quantize(features, source.scales[0], source.zero_points[0])
        logits, seconds = run_each(self.name, clips, invoke)
        return Outputs(logits, target.scales[0], target.zero_points[0], seconds)
