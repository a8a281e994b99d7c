"""Golden vectors of a model as the converter makes it, and a model that needs no TensorFlow."""

from pathlib import Path

import numpy as np
import pytest

from firmware_export.golden import Golden
from firmware_export.oracle import micro

FRONTEND = {"sample_rate": 16000, "mel_bands": 40, "padding": "causal"}


@pytest.fixture(scope="session")
def converted_golden(converted_model: bytes) -> Golden:
    """Golden vectors of `converted_model`, from LiteRT's reference kernels."""
    return golden_of(converted_model, clips=4)


@pytest.fixture(scope="session")
def small_golden(small_model: bytes) -> Golden:
    return golden_of(small_model, clips=3)


@pytest.fixture
def no_tflite_micro(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that tflite_micro has no wheel for."""
    monkeypatch.setattr(micro.importlib.util, "find_spec", lambda name: None)


def golden_of(model: bytes, clips: int) -> Golden:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    features = np.random.default_rng(2).integers(
        -128, 128, (clips, *given["shape"][1:]), dtype=np.int8
    )
    logits = []
    for clip in features:
        interpreter.set_tensor(given["index"], clip[np.newaxis])
        interpreter.invoke()
        logits.append(interpreter.get_tensor(result["index"])[0])
    stacked = np.stack(logits)
    return Golden(features, stacked, np.arange(clips) % stacked.shape[1])


def folder_content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
