"""Training batches: one episode each, followed by clips for the auxiliary classifier."""

import numpy as np
import tensorflow as tf

from edge_tf.audio.augmentation import Augmenter
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import pipeline
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.fewshot.episodes import Words
from edge_tf.settings import FewShotTraining


class EpisodeBatches:
    """Episodes of a split; see EpisodeObjective for the order and the labels of a batch.

    Step n of epoch e is episode number e * steps + n of the seed. Auxiliary clips are of random
    words, each as likely, whether it has few clips or many.

    Args:
      clips: the training split.
      words: that episodes are drawn from.
      settings: sizes.
      seed: of all that is random.
    """

    def __init__(
        self, clips: Waveforms, words: Words, settings: FewShotTraining, seed: int
    ) -> None:
        self._clips, self._words, self._settings, self._seed = clips, words, settings, seed
        shape = settings.shape
        takes = shape.ways * shape.shots
        labels = np.zeros((takes + shape.queries + shape.unknown, shape.ways), np.float32)
        labels[takes + np.arange(shape.queries), np.arange(shape.queries) % shape.ways] = 1.0
        self._episode_labels = labels
        self._of_class = [np.flatnonzero(clips.labels == at) for at in np.unique(clips.labels)]

    @property
    def columns(self) -> int:
        """Columns of the labels."""
        return self._settings.shape.ways + self._settings.auxiliary_classes

    def chosen(self, epoch: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of clips, (batch,), and labels, (batch, columns), of a step."""
        drawn = self._words.draw(self._seed, epoch * self._settings.steps + step, 1)
        rows = [drawn.support.reshape(-1), drawn.known.reshape(-1), drawn.unknown.reshape(-1)]
        labels, extra = self._episode_labels, self._settings.auxiliary_classes
        if extra:
            rng = np.random.default_rng([self._seed, epoch, step, 0xA0])
            classes = rng.integers(extra, size=self._settings.auxiliary_clips)
            rows.append(np.array([rng.choice(self._of_class[at]) for at in classes]))
            labels = np.pad(labels, ((0, len(classes)), (0, extra)))
            first = len(self._episode_labels), self._settings.shape.ways
            labels[first[0] + np.arange(len(classes)), first[1] + classes] = 1.0
        return np.concatenate(rows), labels

    def epoch(self, epoch: int, frontend: FrontendConfig, augmenter: Augmenter) -> tf.data.Dataset:
        """The batches of an epoch, augmented."""
        return pipeline.chosen_batches(
            self._clips,
            frontend,
            augmenter,
            self.columns,
            lambda step: self.chosen(epoch, step),
            self._settings.steps,
            self._seed,
            epoch,
        )
