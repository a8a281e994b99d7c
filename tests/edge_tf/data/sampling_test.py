"""Which clips are in an epoch: each once where classes are alike, rare ones more often."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.data import sampling
from edge_tf.errors import UserError
from edge_tf.settings import Sampling

COUNTS = st.lists(st.integers(1, 60), min_size=2, max_size=6)


def labels_of(counts: list[int]) -> np.ndarray:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).permutation(labels)


def test_classes_that_are_alike_are_drawn_as_ever():
    """The order of an epoch is the one that runs had before there was a sampling."""
    assert sampling.suited([100, 100, 400], 100, by_steps=False) == Sampling()
    assert sampling.suited([2500, 2500], 100, by_steps=True) == Sampling()
    labels = labels_of([100, 100, 400])
    before = np.random.default_rng([3, 7]).permutation(len(labels))
    for how in (Sampling(), Sampling(0.25), Sampling(0.25, 600)):
        order = sampling.epoch(labels, how, np.random.default_rng([3, 7]))
        assert np.array_equal(order, before)


@hypothesis.given(COUNTS, st.floats(0, 1), st.integers(0, 500), st.integers(0, 9))
def test_every_clip_is_there_and_rare_classes_are_repeated_evenly(counts, share, least, seed):
    labels, how = labels_of(counts), Sampling(share, least)
    rows = sampling.epoch(labels, how, np.random.default_rng(seed))
    assert len(rows) == sampling.size(labels, how) >= least
    times = np.bincount(rows, minlength=len(labels))
    passes = times[labels == int(np.argmax(counts))].max()
    of_class = np.bincount(labels[rows]) / passes
    for label, count in enumerate(counts):
        assert of_class[label] == max(count, np.ceil(share * max(counts)))
        mine = times[labels == label]
        assert mine.min() >= passes and mine.max() - mine.min() <= passes


def test_a_few_takes_among_many_others():
    how = sampling.suited([24, 576, 24], 100, by_steps=True)
    assert how == Sampling(sampling.RARE_SHARE, 100 * sampling.LEAST_STEPS)
    assert sampling.suited([24, 576, 24], 100, by_steps=False) == Sampling(sampling.RARE_SHARE)
    rows = sampling.epoch(labels_of([24, 576, 24]), how, np.random.default_rng(0))
    assert len(rows) >= 5_000


@pytest.mark.parametrize("bad", [(-0.1, 0), (1.1, 0), (float("nan"), 0), (0.0, -1), (0.0, 10**9)])
def test_what_is_no_sampling_is_refused(bad):
    with pytest.raises(UserError, match="rare_share must be 0 to 1"):
        Sampling(*bad)
