"""The threshold and the limit of takes: the lowest that keep what was asked for."""

import numpy as np
import pytest

from edge_tf.fewshot import judging, threshold
from edge_tf.fewshot.episodes import Words
from edge_tf.fewshot.integer import IntegerRecogniser
from edge_tf.fewshot.recogniser import Recogniser
from edge_tf.settings import EpisodeShape

WORDS = ("a", "b", "c", "d")
LABELS = np.repeat(np.arange(4), 40)
NAMES = [f"{at:03}" for at in range(160)]
EPISODES = Words(LABELS, NAMES, WORDS, EpisodeShape(3, 4, 6, 8)).draw(0, 0, 80)
RECOGNISER = IntegerRecogniser.of(Recogniser(), 0.05, 0)


def embeddings(spread: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(scale=spread, size=(160, 6))
    return np.clip(np.round(20 * np.eye(4, 6)[LABELS] + noise), -128, 127).astype(np.int8)


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_a_lower_threshold_would_let_more_pass_than_was_asked_for(share):
    values = embeddings(8.0)
    chosen = threshold.choose(values, EPISODES, RECOGNISER, share)
    for score, passes in ((chosen.score, True), (chosen.score - 1, False)):
        found = judging.judge(values, EPISODES, RECOGNISER, score)
        assert (found.accepted.mean() <= share) == passes
    found = judging.judge(values, EPISODES, RECOGNISER, chosen.score)
    assert chosen.accepted == found.accepted.mean()
    assert chosen.true_accepts == pytest.approx(1.0 - found.missed.mean())


def test_words_apart_cost_nothing_and_noise_all():
    apart = threshold.choose(embeddings(1.0), EPISODES, RECOGNISER, 0.01)
    assert apart.true_accepts == 1.0 and apart.others_refused == 1.0
    noise = np.random.default_rng(1).integers(-40, 40, size=(160, 6)).astype(np.int8)
    found = threshold.choose(noise, EPISODES, RECOGNISER, 0.01)
    assert found.true_accepts < 0.1 and found.others_refused < 0.1


def test_few_takes_of_a_word_are_further_apart_than_the_limit():
    chosen = threshold.choose(embeddings(4.0), EPISODES, RECOGNISER, 0.01)
    assert 0.0 < chosen.takes_refused <= threshold.REFUSED_TAKES
    assert chosen.others_refused > 0.9
