"""The grid of int8, and logits as real numbers."""

import numpy as np

from edge_tf.tflite_runtime import Int8Logits, quantize


def test_quantize_rounds_to_nearest_and_saturates():
    values = np.array([-1e9, -0.26, -0.24, 0.0, 0.24, 0.26, 1e9], np.float32)
    assert quantize(values, 0.5, 3).tolist() == [-128, 2, 3, 3, 3, 4, 127]


def test_logits_are_real_numbers_of_their_own_grid():
    logits = Int8Logits(np.array([[-128, 3, 127]], np.int8), 0.5, 3, seconds=0.0)
    assert logits.real().tolist() == [[-65.5, 0.0, 62.0]]
