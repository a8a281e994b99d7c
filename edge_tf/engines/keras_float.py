"""The float Keras model: the first hop."""

import time
from pathlib import Path

import numpy as np

from edge_tf.engines import ids
from edge_tf.engines.base import Outputs, Start
from edge_tf.models import inference, loading


class KerasFloat:
    """Keras in inference mode.

    Args:
      path: a model saved by this library.
      id, name: of the hop; by default those of float.keras.
      bits: kernels are first rounded to this many bits; 0: not rounded.
    """

    bit_exact = False
    start: Start = "features"
    most_clips = 0

    def __init__(
        self, path: Path, id: str = ids.KERAS, name: str = "Keras float", bits: int = 0
    ) -> None:
        self._path, self.id, self.name, self._bits = path, id, name, bits

    def run(self, features: np.ndarray) -> Outputs:
        import tensorflow as tf

        model = loading.load(self._path)
        if self._bits:
            from edge_tf.compression.position_scaling import round_weights

            model = round_weights(model, self._bits)
        one = tf.function(lambda clip: model(clip, training=False), autograph=False)
        seconds = []
        for clip in features[:50]:
            began = time.perf_counter()
            one(clip[np.newaxis])
            seconds.append(time.perf_counter() - began)
        return Outputs(inference.logits(model, features), None, None, float(np.median(seconds)))
