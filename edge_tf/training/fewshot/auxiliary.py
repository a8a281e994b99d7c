"""An auxiliary classifier on the embedding, for training only (AuxSL, arXiv:2309.00647)."""

import numpy as np
import tensorflow as tf


class AuxiliaryHead(tf.Module):
    """A linear classifier of many words; it belongs to no network, so that none exports it.

    Args:
      size: of an embedding.
      classes: number of words.
      seed: of the initial weights.
    """

    def __init__(self, size: int, classes: int, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng([seed, 0xA0])
        bound = 1.0 / np.sqrt(size)
        kernel = rng.uniform(-bound, bound, (size, classes)).astype(np.float32)
        self.kernel = tf.Variable(kernel)
        self.bias = tf.Variable(tf.zeros(classes))

    def __call__(self, embeddings: tf.Tensor) -> tf.Tensor:
        """(clips, size) to logits (clips, classes)."""
        return embeddings @ self.kernel + self.bias
