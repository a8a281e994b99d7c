"""The compressed Keras model with simulated int8, as in quantization-aware training."""

from pathlib import Path

import numpy as np

from edge_tf import records
from edge_tf.engines import ids
from edge_tf.engines.base import Outputs, Start
from edge_tf.errors import UserError
from edge_tf.models import inference, loading
from edge_tf.run_records import Range, RangesFile


class KerasQuantized:
    """Keras in inference mode, rounding where the int8 graph does.

    Args:
      path: compressed.keras.
      ranges: quantization.json, which the stage "compress" wrote next to it.
    """

    id: str = ids.KERAS_QUANTIZED
    name = "Keras, int8 simulated"
    bit_exact = False
    start: Start = "features"
    most_clips = 0

    def __init__(self, path: Path, ranges: Path) -> None:
        self._path, self._ranges = path, ranges

    def run(self, features: np.ndarray) -> Outputs:
        from edge_tf.compression.quantization import QuantizedModel

        ranges = read_ranges(self._ranges)
        try:
            simulated = QuantizedModel(loading.load(self._path), ranges=ranges)
        except (KeyError, ValueError):
            raise UserError(
                f"{self._ranges} belongs to another model than {self._path}",
                "run pipelines.compress again",
            ) from None
        # The speed of a simulation says nothing about the device.
        logits = inference.logits(simulated.model, features)
        return Outputs(logits, None, None, None)


def read_ranges(path: Path) -> dict[str, Range]:
    """Smallest and largest value by layer name, per tensor or per channel.

    Raises:
      UserError: the file was not written by this library.
    """
    try:
        ranges = records.load(path, RangesFile).ranges
        found = {name: np.array(pair, np.float32) for name, pair in ranges.items()}
        good = all(
            pair.shape[:1] == (2,)
            and np.all(pair[0] <= 0)
            and np.all((pair[1] >= 0) & (pair[1] < np.inf))
            for pair in found.values()
        )
    except (UserError, ValueError):
        found, good = {}, False
    if not found or not good:
        raise UserError(f"{path} does not contain ranges", "run pipelines.compress again")
    return {name: (pair[0].tolist(), pair[1].tolist()) for name, pair in found.items()}
