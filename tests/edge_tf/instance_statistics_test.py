"""Instance statistics: what the formulas promise, of any features."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from edge_tf import instance_statistics as stats

EPSILON = 1e-3


def features(seed: int, shape: tuple[int, ...] = (3, 8, 21, 2)) -> np.ndarray:
    """float64: identities are exact but for its rounding."""
    draw = np.random.default_rng(seed)
    return draw.normal(draw.normal(0, 5, (*shape[:2], 1, 1)), draw.uniform(0.5, 3), shape)


def run(function, x: np.ndarray, *arguments: float) -> np.ndarray:
    out = function(tf.constant(x), *arguments).numpy()
    assert out.shape == x.shape
    return out


def test_frequency_instance_norm_is_its_formula():
    """In loops: a clip and a band at a time, biased variance over time and channels."""
    x = features(0)
    ours = run(stats.frequency_instance_norm, x, EPSILON)
    for clip in range(3):
        for band in range(8):
            row = x[clip, band].ravel()
            mean = sum(row) / len(row)
            variance = sum((v - mean) ** 2 for v in row) / len(row)
            expected = (x[clip, band] - mean) / (variance + EPSILON) ** 0.5
            np.testing.assert_allclose(ours[clip, band], expected, rtol=1e-12, atol=1e-13)


def test_layer_norm_is_its_formula():
    x = features(1)
    ours = run(stats.layer_norm, x, EPSILON)
    for clip, out in zip(x, ours, strict=True):
        expected = (clip - clip.mean()) / np.sqrt(clip.var() + EPSILON)
        np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13)


def test_limits_of_lambda():
    x = features(2)
    instance = run(stats.frequency_instance_norm, x, EPSILON)
    np.testing.assert_array_equal(run(stats.residual_norm, x, 0.0, EPSILON), instance)
    np.testing.assert_array_equal(run(stats.relaxed_norm, x, 0.0, EPSILON), instance)
    whole = run(stats.layer_norm, x, EPSILON)
    np.testing.assert_array_equal(run(stats.relaxed_norm, x, 1.0, EPSILON), whole)
    np.testing.assert_allclose(run(stats.residual_norm, x, 1.0, EPSILON), x + instance, rtol=1e-12)


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1), lam=st.floats(0.0, 1.0), size=st.floats(0.01, 30.0)
)
def test_a_microphone_changes_the_residual_only(seed: int, lam: float, size: float):
    """An offset of each band vanishes in FreqIN and is lambda * offset in ResNorm."""
    x = features(seed)
    offset = np.random.default_rng(seed).normal(0, size, (1, 8, 1, 1))
    before = run(stats.frequency_instance_norm, x, EPSILON)
    after = run(stats.frequency_instance_norm, x + offset, EPSILON)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-10)
    change = run(stats.residual_norm, x + offset, lam, EPSILON) - run(
        stats.residual_norm, x, lam, EPSILON
    )
    np.testing.assert_allclose(change, np.broadcast_to(lam * offset, x.shape), rtol=0, atol=1e-10)


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    lam=st.floats(0.0, 1.0),
    gain=st.floats(0.1, 10.0),
    offset=st.floats(-20.0, 20.0),
)
def test_rfn_knows_no_gain(seed: int, lam: float, gain: float, offset: float):
    """Neither of the features, but for epsilon, nor of the sound, which adds to log-mel."""
    x = features(seed)
    before = run(stats.relaxed_norm, x, lam, EPSILON)
    after = run(stats.relaxed_norm, gain * x + offset, lam, EPSILON * gain**2)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-9)


def test_rfn_is_not_blind_to_the_spectrum():
    """Offsets of single bands remain, unless lambda is 0: that is what is relaxed."""
    x = features(3)
    offset = np.linspace(-5, 5, 8).reshape(1, 8, 1, 1)
    before, after = (run(stats.relaxed_norm, v, 0.5, EPSILON) for v in (x, x + offset))
    assert np.abs(after - before).max() > 0.1


@pytest.mark.parametrize("function", [stats.frequency_instance_norm, stats.layer_norm])
def test_what_does_not_move_is_0(function):
    """Not infinite, nor the float's own rounding amplified."""
    for value in (0.0, -13.815511, 1e3):
        out = function(tf.fill([2, 4, 167, 1], np.float32(value)), EPSILON).numpy()
        np.testing.assert_allclose(out, 0.0, atol=5e-3)


def test_clips_do_not_meet():
    x = features(4)
    alone = run(stats.relaxed_norm, x[1:2], 0.5, EPSILON)
    np.testing.assert_allclose(run(stats.relaxed_norm, x, 0.5, EPSILON)[1:2], alone, rtol=1e-12)


def test_any_length_in_a_graph():
    """Time need not be known when the graph is made."""
    signature = [tf.TensorSpec([None, 8, None, 2], tf.float64)]
    graph = tf.function(lambda x: stats.residual_norm(x, 0.1, EPSILON), input_signature=signature)
    x = features(5)
    expected = run(stats.residual_norm, x[:, :, :9], 0.1, EPSILON)
    np.testing.assert_allclose(graph(x[:, :, :9]).numpy(), expected, rtol=1e-9, atol=1e-12)
