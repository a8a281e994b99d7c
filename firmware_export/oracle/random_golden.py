"""Golden vectors of a model without clips: random inputs and what TFLite Micro makes of them."""

import functools

import numpy as np

import tflite_model
from firmware_export.golden import Golden
from firmware_export.oracle import micro
from tflite_model.info import ModelInfo, TensorInfo

_INPUTS = 4
# Of a model that keeps state, one after the other.
_STEPS = 16
# They are constants of the self-test.
_MAX_BYTES = 1 << 20


@functools.lru_cache(maxsize=1)
def make(model: bytes) -> tuple[Golden, micro.Run] | None:
    """The vectors, equal in every export, and the run that gave their outputs.

    The last are kept, as a model is often exported for several targets in a row.

    Args:
      model: a .tflite file that `tflite_model.parse` accepts.

    Returns:
      None where TFLite Micro does not run.

    Raises:
      ExportError: it rejects the model, crashes on it or does not finish.
    """
    info = tflite_model.parse(model)
    rng = np.random.default_rng(0)
    wanted = _STEPS if info.subgraphs else _INPUTS
    size = sum(tensor.byte_size for tensor in info.inputs)
    count = min(wanted, max(1, _MAX_BYTES // max(size, 1)))
    inputs = [_random(rng, info, tensor, count) for tensor in info.inputs]
    ran = micro.run(model, inputs, outputs=len(info.outputs))
    if ran is None:
        return None
    labels = np.zeros(count, np.int64)
    golden = Golden(inputs[0], ran.logits, labels, tuple(inputs[1:]), tuple(ran.outputs[1:]))
    return golden, ran


def _random(
    rng: np.random.Generator, info: ModelInfo, tensor: TensorInfo, count: int
) -> np.ndarray:
    """Values of an input: [count, ...its shape without batch], over its whole range."""
    shape = (count, *(tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape))
    if tensor.type == "BOOL":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if tensor.type == "FLOAT32":
        scale, zero_point = _quantization(info, tensor)
        steps = rng.uniform(-140, 140, shape) - zero_point
        return (steps * scale).astype(np.float32)
    kind = np.dtype(tensor.type.lower())
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)


def _quantization(info: ModelInfo, tensor: TensorInfo) -> tuple[float, int]:
    """Scale and zero point to which a float input is quantized; 1 and 0 if it is not."""
    for op in info.ops:
        if op.name == "QUANTIZE" and op.inputs == (tensor.index,):
            result = info.tensors[op.outputs[0]]
            if result.scales:
                return result.scales[0], result.zero_points[0]
    return 1.0, 0
