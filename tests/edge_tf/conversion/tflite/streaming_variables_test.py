"""States as resource variables: the bytes of states as inputs and outputs, in both interpreters."""

import numpy as np
import pytest

from edge_tf.conversion.tflite import streaming, streaming_variables
from edge_tf.engines.streaming import Int8Frames, tflite_micro_frames
from tests import shared
from tests.firmware_export.standalone.states_test import WindowModel

BANDS, WINDOW, FRAMES, CLASSES = 6, 9, 40, 4


@pytest.fixture(scope="module")
def form() -> bytes:
    model = WindowModel((1, BANDS, WINDOW, 1))
    x = model.over_time(model.pointwise(model.input, 3), 3, rows=BANDS)
    window = model.end(model.mean(model.pointwise(x, 6), 1), CLASSES)
    return streaming.rewrite(window).data


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(-128, 128, (FRAMES, 1, BANDS, 1, 1), dtype=np.int8)


def explicit(form: bytes) -> Int8Frames:
    shared.need_tflite_micro()
    return tflite_micro_frames(form)


def test_tflite_micro(form: bytes, frames: np.ndarray):
    wanted = explicit(form).push(frames.reshape(FRAMES, BANDS))
    from tflite_micro.python.tflite_micro import runtime

    made = streaming_variables.with_variables(form)
    interpreter = runtime.Interpreter.from_bytes(made, arena_size=100_000)
    for frame, logits in zip(frames, wanted, strict=True):
        interpreter.set_input(frame, 0)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_output(0)[0], logits)


def test_litert(form: bytes, frames: np.ndarray):
    from ai_edge_litert import interpreter as litert

    wanted = explicit(form).push(frames.reshape(FRAMES, BANDS))
    interpreter = litert.Interpreter(
        model_content=streaming_variables.with_variables(form),
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    for frame, logits in zip(frames, wanted, strict=True):
        interpreter.set_tensor(source["index"], frame)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_tensor(target["index"])[0], logits)
