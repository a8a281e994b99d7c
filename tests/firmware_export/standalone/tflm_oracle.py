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


def run_sequence(
    model: bytes, inputs: Sequence[np.ndarray], tensors: Sequence[int] = ()
) -> np.ndarray:
    """Runs a model that keeps state on one input after the other.

    Args:
      model: a .tflite file of one input.
      inputs: one after the other.
      tensors: see `run`; here the first of them, or the first output.

    Returns:
      [inputs, ...]: the tensor after each run.
    """
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    interpreter = runtime.Interpreter.from_bytes(
        model,
        arena_size=_ARENA,
        intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
    )
    results = []
    for values in inputs:
        interpreter.set_input(values, 0)
        interpreter.invoke()
        if tensors:
            results.append(np.array(interpreter.GetTensor(tensors[0], 0)["tensor_data"]))
        else:
            results.append(np.array(interpreter.get_output(0)))
    return np.stack(results)
