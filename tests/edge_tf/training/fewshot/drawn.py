"""Random episodes of embeddings for tests of losses."""

import numpy as np
import tensorflow as tf

from edge_tf.training.fewshot.episode_loss import Embedded

WAYS, SHOTS, QUERIES, UNKNOWN, OTHERS, SIZE = 4, 3, 8, 6, 2, 5


def parts(seed: int = 0, shots: int = SHOTS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Support, known and unknown queries as arrays."""
    rng = np.random.default_rng(seed)
    shapes = ((WAYS, shots, SIZE), (QUERIES, SIZE), (UNKNOWN, SIZE))
    support, known, unknown = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return support, known, unknown


def embedded(support: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> Embedded:
    return Embedded(tf.constant(support), tf.constant(known), tf.constant(unknown), OTHERS)
