"""How a network for streams fares on validation streams: false rejects at few false accepts.

The float network is run on all windows at once, and its smoothed probabilities are compared with
one threshold; the detector itself, on int8 logits, is chosen by `evaluate --stream`.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.audio.frontend import log_mel
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.streams.mixing import Mixer
from edge_tf.data.streams.targets import Classes, Windows

_BATCH = 16
_MOST_TRIES = 20  # streams that are mixed for one with a word that can be judged
_CHUNK_FRAMES = 2_400  # of other sound
_SMOOTHED_S = 0.2
# A detection is the word's from so long before its end to so long after it.
_EARLY_S, _LATE_S = 0.1, 0.7
# Judged at these numbers of false accepts on all of the other sound, for each word that is listened
# for: the first ones are chance, and ten words are taken for each other more often than one.
_FALSE_ACCEPTS = (1, 2, 4, 8)
_PAUSE_S = 1.2


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The result.

    Attributes:
      false_rejects: share of the words that are missed, the mean over several thresholds that let
        few false accepts through.
      threshold: the one with the fewest.
    """

    false_rejects: float
    threshold: float


class StreamJudge:
    """Judges a network on fixed streams with words and on fixed other sound.

    A word that is taken for another one is a false accept, too.

    Args:
      mixer: makes the streams with words.
      windows: those of the mixer's streams.
      other: (n,) int16, sound without words.
      frontend: of the network.
      classes: of the network.
      streams: how many with words that end late enough to be judged.
      seed: for these.

    Raises:
      ValueError: no word can be judged.
    """

    def __init__(
        self,
        mixer: Mixer,
        windows: Windows,
        other: np.ndarray,
        frontend: FrontendConfig,
        classes: Classes,
        streams: int,
        seed: int,
    ) -> None:
        self._windows, self._classes = windows, classes
        self._judged: tuple[keras.Model, tf.types.experimental.GenericFunction] | None = None
        rng = np.random.default_rng([seed, 0x1D6E])
        waves: list[np.ndarray] = []
        self._words: list[tuple[int, int, np.ndarray]] = []
        said: list[set[int]] = []
        seconds = windows.ends * windows.hop / windows.rate
        first = (windows.unsettled + windows.window) * windows.hop / windows.rate
        for _ in range(_MOST_TRIES * streams):
            wave, words = mixer(rng)
            due = []
            for word in words:
                end = word.end / windows.rate
                hit = (seconds >= end - _EARLY_S) & (seconds <= end + _LATE_S)
                if end > first and hit.any() and seconds[-1] > end + _SMOOTHED_S:
                    due.append((len(waves), classes.words[word.label - 1], hit))
            if due:
                self._words += due
                waves.append(wave)
                said.append({classes.words[word.label - 1] for word in words})
            if len(waves) == streams:
                break
        if not waves:
            raise ValueError("no word ends late enough in a stream to be judged")
        # Per stream, the words that nobody says in it.
        self._not_said = np.array([[at not in one for at in classes.words] for one in said])
        self._positive = _features(np.stack(waves), frontend)
        self._chunks = windows.hop * (_CHUNK_FRAMES - 1)
        self._negative = _features(self._cut(other), frontend)

    def _cut(self, sound: np.ndarray) -> np.ndarray:
        """Chunks that overlap by what the network needs before its first settled window."""
        lead = (self._windows.unsettled + self._windows.window) * self._windows.hop
        padded = np.concatenate([np.zeros(lead, np.int16), sound])
        step = self._chunks - lead
        pieces = []
        for at in range(0, max(1, len(sound)), step):
            piece = padded[at : at + self._chunks]
            pieces.append(np.pad(piece, (0, self._chunks - len(piece))))
        return np.stack(pieces).astype(np.float32) / np.float32(32768.0)

    def __call__(self, model: keras.Model) -> Judgement:
        """Judges a network that maps (batch, bands, frames, 1) to logits of all windows."""
        run = self._traced(model)
        smoothed = max(1, round(_SMOOTHED_S * self._windows.rate / self._windows.hop))
        smoothed = max(1, smoothed // self._windows.every)
        unsettled = -(-self._windows.unsettled // self._windows.every)
        positive = _smooth(_run(run, self._positive), smoothed)
        scores = [float(positive[stream, hit, label].max()) for stream, label, hit in self._words]
        words = self._classes.words
        wrong = positive[:, unsettled:, words] * self._not_said[:, np.newaxis]
        negative = _smooth(_run(run, self._negative), smoothed)[:, unsettled:, words]
        heard = np.concatenate([part.max(axis=-1).ravel() for part in (negative, wrong)])
        pause = round(_PAUSE_S * self._windows.rate / self._windows.hop / self._windows.every)
        counts = [count * len(words) for count in _FALSE_ACCEPTS]
        peaks = _peaks(heard, pause, max(counts) + 1)
        found = np.array(scores)
        missed = [float(np.mean(found <= peaks[count])) for count in counts]
        return Judgement(float(np.mean(missed)), float(peaks[counts[0]]))

    def _traced(self, model: keras.Model) -> tf.types.experimental.GenericFunction:
        """The network as a graph, the same one as long as it is the same network."""
        if self._judged is None or self._judged[0] is not model:
            run = tf.function(
                lambda x: tf.nn.softmax(model(x, training=False)),
                input_signature=[tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)],
                autograph=False,
            )
            self._judged = model, run
        return self._judged[1]


def _features(waves: np.ndarray, frontend: FrontendConfig) -> np.ndarray:
    config = dataclasses.replace(frontend, clip_samples=waves.shape[1])
    parts = [
        log_mel(tf.constant(waves[at : at + _BATCH]), config).numpy()
        for at in range(0, len(waves), _BATCH)
    ]
    return np.concatenate(parts)


def _run(run: tf.types.experimental.GenericFunction, features: np.ndarray) -> np.ndarray:
    parts = [
        run(tf.constant(features[at : at + _BATCH])).numpy()
        for at in range(0, len(features), _BATCH)
    ]
    return np.concatenate(parts)


def _smooth(values: np.ndarray, count: int) -> np.ndarray:
    """The mean over the last `count` windows, (streams, windows, classes); zeros come before."""
    padded = np.pad(values, ((0, 0), (count - 1, 0), (0, 0)))
    # No running sum: its rounding would decide between scores that are equal.
    return np.lib.stride_tricks.sliding_window_view(padded, count, axis=1).mean(axis=-1)


def _peaks(scores: np.ndarray, pause: int, count: int) -> Sequence[float]:
    """The `count` highest scores that are `pause` apart, the highest first; then zeros."""
    left = scores.copy()
    found = []
    for _ in range(count):
        at = int(np.argmax(left))
        found.append(float(left[at]))
        left[max(0, at - pause) : at + pause + 1] = 0.0
    return found
