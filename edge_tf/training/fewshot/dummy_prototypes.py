"""D-ProtoNets (arXiv:2206.13691): prototypes of what is none of an episode's words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from edge_tf.fewshot.recogniser import Dummies
from edge_tf.training.fewshot.episode_loss import Embedded
from edge_tf.training.fewshot.prototypes import PrototypeLoss, class_means, squared_distances

HIDDEN = 32


class DummyPrototypes(tf.Module):
    """The learnt form of recogniser.Dummies; its docstring has the formula.

    Args:
      size: of an embedding.
      dummies: number of dummy prototypes.
      seed: of the initial weights.
    """

    def __init__(self, size: int, dummies: int, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng([seed, 0xD0])

        def drawn(inputs: int, *shape: int) -> tf.Variable:
            bound = 1.0 / np.sqrt(inputs)  # as PyTorch initializes linear layers
            return tf.Variable(rng.uniform(-bound, bound, shape).astype(np.float32))

        self.hidden, self.hidden_bias = drawn(size, size, HIDDEN), drawn(size, HIDDEN)
        self.output = drawn(HIDDEN, HIDDEN, dummies, size)
        self.output_bias = drawn(HIDDEN, dummies, size)

    def __call__(self, words: tf.Tensor) -> tf.Tensor:
        """(ways, size) prototypes to (dummies, size)."""
        hidden = tf.reduce_max(tf.nn.relu(words @ self.hidden + self.hidden_bias), axis=0)
        return tf.tensordot(hidden, self.output, axes=1) + self.output_bias

    def numpy(self) -> Dummies:
        """The same for the recogniser."""
        return Dummies(
            self.hidden.numpy(),
            self.hidden_bias.numpy(),
            self.output.numpy(),
            self.output_bias.numpy(),
        )


def chosen_dummies(
    queries: tf.Tensor, dummies: tf.Tensor, noise: tf.Tensor, temperature: float = 1.0
) -> tf.Tensor:
    """One dummy prototype per query, by a Gumbel softmax (arXiv:1611.01144) over the dummies.

    Args:
      queries: (n, size).
      dummies: (dummies, size).
      noise: (n, dummies), Gumbel noise; zeros: a plain softmax.
      temperature: of the softmax; towards 0 it becomes a choice.

    Returns:
      (n, size): the weighted mean of the dummies, nearer ones weigh more.
    """
    weights = tf.nn.softmax((noise - squared_distances(queries, dummies)) / temperature, axis=-1)
    return weights @ dummies


def gumbel(uniform: tf.Tensor) -> tf.Tensor:
    """Gumbel noise from uniform noise in [0, 1)."""
    return -tf.math.log(-tf.math.log(tf.clip_by_value(uniform, 1e-7, 1.0 - 1e-7)))


class DummyPrototypeLoss:
    """Cross-entropy with one more class, that of unknown words.

    Loss = CE(known queries, their word) + unknown_weight * CE(unknown queries, the last class). The
    logit of the last class is minus the distance to the query's dummy, divided by a temperature
    that is above 1, so that dummies need not be as near as words are.

    Args:
      size: of an embedding.
      dummies: number of dummy prototypes; 0: this is PrototypeLoss.
      unknown_temperature, unknown_weight: see above; the paper's gamma and lambda.
      seed: of weights and noise.
    """

    def __init__(
        self,
        size: int,
        dummies: int,
        unknown_temperature: float,
        unknown_weight: float,
        seed: int,
    ) -> None:
        self.dummies = DummyPrototypes(size, dummies, seed) if dummies else None
        self._temperature, self._weight = unknown_temperature, unknown_weight
        self._seed = seed % 2**31
        # Noise depends on seed and step alone, so that a resumed training has the same.
        self._step = tf.Variable(0, trainable=False, dtype=tf.int32)

    @property
    def variables(self) -> Sequence[tf.Variable]:
        return () if self.dummies is None else self.dummies.trainable_variables

    def __call__(self, episode: Embedded) -> tuple[tf.Tensor, tf.Tensor]:
        if self.dummies is None:
            return PrototypeLoss()(episode)
        words = class_means(episode.support)
        queries = tf.concat([episode.known, episode.unknown], axis=0)
        dummies = self.dummies(words)
        self._step.assign_add(1)
        uniform = tf.random.stateless_uniform(
            [tf.shape(queries)[0], dummies.shape[0]], [self._seed, self._step]
        )
        chosen = chosen_dummies(queries, dummies, gumbel(uniform))
        none = squared_distances(queries, chosen[:, tf.newaxis]) / self._temperature
        logits = -tf.concat([squared_distances(queries, words), none], axis=1)
        count = tf.shape(episode.known)[0]
        unknown = tf.fill([tf.shape(episode.unknown)[0]], tf.shape(words)[0])
        of_known = _mean_loss(episode.known_words, logits[:count])
        of_unknown = _mean_loss(unknown, logits[count:])
        return logits[:count, :-1], of_known + self._weight * of_unknown

    def trackables(self) -> dict[str, Any]:
        if self.dummies is None:
            return {}
        return {"dummies": self.dummies, "dummies_step": self._step}


def _mean_loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
