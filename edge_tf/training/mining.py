"""Other sound that a network takes for a word, cut out so that it can be trained on."""

from collections.abc import Mapping

import numpy as np
import scipy.special
import tf_keras as keras

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.streams import sound_bank
from edge_tf.data.streams.sound_bank import SoundBank
from edge_tf.data.streams.targets import Classes, Windows
from edge_tf.models.whole_sound import WholeSound

_MOST_HOURS = 3.0  # of each kind
_MOST = 600  # sounds, the most alike first
_BEFORE_S, _AFTER_S = 2.0, 0.4
_LEAST = 0.1  # of a threshold is near enough


def mine(
    model: keras.Model,
    others: Mapping[str, SoundBank],
    threshold: float,
    windows: Windows,
    frontend: FrontendConfig,
    classes: Classes,
) -> SoundBank:
    """Sounds with the highest scores.

    Args:
      model: (batch, bands, frames, 1) to logits (batch, windows, classes).
      others: sound without words, by kind.
      threshold: what a detection takes; sounds that come near count as well.
      windows: those of the model.
      frontend: of the model.
      classes: of the model.
    """
    listen = WholeSound(model, frontend, windows.window, windows.every, windows.unsettled)
    found: list[tuple[float, np.ndarray]] = []
    most = int(_MOST_HOURS * 3600 * windows.rate)
    for kind, bank in others.items():
        sound = bank.samples[:most]
        if len(sound):
            probabilities = scipy.special.softmax(listen(sound, kind), axis=-1)
            scores = probabilities[:, classes.words].max(axis=-1)
            found += _cuts(scores, sound, max(_LEAST, threshold / 2), windows)
    found.sort(key=lambda pair: -pair[0])
    return sound_bank.of(sound for _, sound in found[:_MOST])


def _cuts(
    scores: np.ndarray, sound: np.ndarray, least: float, windows: Windows
) -> list[tuple[float, np.ndarray]]:
    """Peaks of at least `least`, none beside another."""
    left = scores.copy()
    apart = round(windows.rate / windows.hop / windows.every)
    found = []
    while left.size and (peak := float(left.max())) >= least:
        at = int(left.argmax())
        left[max(0, at - apart) : at + apart + 1] = 0.0
        end = (at * windows.every + windows.window) * windows.hop
        first = max(0, end - round(_BEFORE_S * windows.rate))
        found.append((peak, sound[first : end + round(_AFTER_S * windows.rate)]))
    return found
