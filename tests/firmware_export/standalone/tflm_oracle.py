"""What TensorFlow Lite Micro's interpreter makes of a model: the bytes to be matched."""

from collections.abc import Sequence

import numpy as np
import pytest

_ARENA = 1 << 21


def run(model: bytes, inputs: Sequence[np.ndarray], tensors: Sequence[int] = ()) -> list:
    """Runs a model once; skips the test where the interpreter is not installed.

    Args:
      model: a .tflite file.
      inputs: one for each input of the model, of its type.
      tensors: numbers of the tensors wanted; none: the model's first output.

    Returns:
      arrays, in the order asked for.

    Raises:
      RuntimeError: TFLite Micro refuses the model.
    """
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    interpreter = runtime.Interpreter.from_bytes(
        model,
        arena_size=_ARENA,
        intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
    )
    for index, values in enumerate(inputs):
        interpreter.set_input(values, index)
    interpreter.invoke()
    if not tensors:
        return [np.array(interpreter.get_output(0))]
    return [np.array(interpreter.GetTensor(index, 0)["tensor_data"]) for index in tensors]
