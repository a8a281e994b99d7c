"""The compressed Keras model with int8 simulated, as quantization-aware training saw it."""

from pathlib import Path

import numpy as np

from edge_tf import files
from edge_tf.engines import keras_float
from edge_tf.engines.base import Outputs
from edge_tf.errors import UserError


class KerasQuantized:
    """Keras in inference mode, rounding where the int8 graph does.

    Args:
      path: compressed.keras.
      ranges: quantization.json, as the stage "compress" wrote it beside.
    """

    id = "keras_quantized"
    name = "Keras, int8 simulated"
    bit_exact = False
    start = "features"
    most_clips = 0

    def __init__(self, path: Path, ranges: Path) -> None:
        self._path, self._ranges = path, ranges

    def run(self, features: np.ndarray) -> Outputs:
        from edge_tf.compression.quantization import QuantizedModel

        ranges = read_ranges(self._ranges)
        try:
            simulated = QuantizedModel(keras_float.load(self._path), ranges=ranges)
        except KeyError as error:
            raise UserError(
                f"{self._ranges} has the layer {error}, which {self._path} has not",
                "run pipelines.compress again",
            ) from None
        # A simulation's speed says nothing about a device's.
        logits = simulated.model.predict(features, batch_size=200, verbose=0)
        return Outputs(logits, None, None, None)


def read_ranges(path: Path) -> dict[str, tuple[float, float]]:
    """By layer name, smallest and largest value. Raises UserError when the file is not ours."""
    value = files.read_json(path)
    try:
        found = value["ranges"].items()
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in found}
    except (AttributeError, KeyError, TypeError, ValueError):
        ranges = {}
    if not ranges or not all(low <= 0 <= high < np.inf for low, high in ranges.values()):
        raise UserError(f"{path} does not hold ranges", "run pipelines.compress again")
    return ranges
