"""Golden vectors of a model without clips: random inputs and what TFLite Micro makes of them."""

import numpy as np

from firmware_export.golden import Golden
from firmware_export.oracle import micro
from tflite_model.info import ModelInfo

_INPUTS = 4


def make(model: bytes, info: ModelInfo) -> tuple[Golden, micro.Run] | None:
    """The vectors, equal in every export, and the run that gave their outputs.

    Args:
      model: a .tflite file with one int8 input, of batch 1, and one int8 output.
      info: the same, parsed.

    Returns:
      None where TFLite Micro does not run.

    Raises:
      ExportError: it rejects the model, crashes on it or does not finish.
    """
    shape = (_INPUTS, *info.inputs[0].shape[1:])
    features = np.random.default_rng(0).integers(-128, 128, shape, dtype=np.int8)
    ran = micro.run(model, features)
    if ran is None:
        return None
    logits = ran.logits.reshape(_INPUTS, info.outputs[0].byte_size)
    return Golden(features, logits, np.zeros(_INPUTS, np.int64)), ran
