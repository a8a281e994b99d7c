"""The objective of a training on episodes: one forward pass, the method's loss, the auxiliary's."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.settings import EpisodeShape
from edge_tf.training.fewshot.auxiliary import AuxiliaryHead
from edge_tf.training.fewshot.episode_loss import Embedded, EpisodeLoss
from edge_tf.training.objective import Term, cross_entropy

_NEVER = -1e9


class EpisodeObjective:
    """Splits a batch into the parts of an episode and clips for the auxiliary classifier.

    A batch is, in this order: ways * shots takes, known queries, unknown queries, auxiliary clips.
    Its labels, (batch, ways + auxiliary classes), are one-hot for known queries (in the first
    columns) and auxiliary clips (in the others), and 0 where nothing is asked.

    Args:
      model: maps features to embeddings.
      shape: of an episode.
      others: words of an episode besides the known ones.
      loss: the method.
      auxiliary: None: no such classifier.
      auxiliary_weight: of its loss.
    """

    def __init__(
        self,
        model: keras.Model,
        shape: EpisodeShape,
        others: int,
        loss: EpisodeLoss,
        auxiliary: AuxiliaryHead | None = None,
        auxiliary_weight: float = 0.0,
    ) -> None:
        self._model, self._shape, self._others = model, shape, others
        self._loss, self._auxiliary, self._weight = loss, auxiliary, auxiliary_weight
        self._learnt = [*model.trainable_variables, *loss.variables]
        heads = [] if auxiliary is None else auxiliary.trainable_variables
        self.variables: Sequence[tf.Variable] = [*self._learnt, *heads]

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Sequence[Term]]:
        shape = self._shape
        takes = shape.ways * shape.shots
        episode = takes + shape.queries + shape.unknown
        embeddings = self._model(features, training=True)
        support, known, unknown, others = tf.split(
            embeddings,
            [takes, shape.queries, shape.unknown, tf.shape(embeddings)[0] - episode],
        )
        size = embeddings.shape[-1]
        of_words, loss = self._loss(
            Embedded(
                tf.reshape(support, [shape.ways, shape.shots, size]),
                tf.ensure_shape(known, [shape.queries, size]),
                tf.ensure_shape(unknown, [shape.unknown, size]),
                self._others,
            )
        )
        logits = tf.pad(of_words, [[takes, shape.unknown], [0, 0]])
        terms = [Term(loss, self._learnt)]
        if self._auxiliary is not None:
            found = self._auxiliary(others)
            asked = labels[episode:, shape.ways :]
            terms.append(Term(self._weight * cross_entropy(asked, found), self.variables))
            logits = tf.pad(logits, [[0, 0], [0, found.shape[1]]], constant_values=_NEVER)
            logits = tf.concat(
                [logits, tf.pad(found, [[0, 0], [shape.ways, 0]], constant_values=_NEVER)], axis=0
            )
        return logits, terms

    def trackables(self) -> dict[str, Any]:
        head = {} if self._auxiliary is None else {"auxiliary": self._auxiliary}
        return {**self._loss.trackables(), **head}
