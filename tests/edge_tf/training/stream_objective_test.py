"""The loss over all windows of streams: windows of which nothing is asked have no say."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.settings import TrainingSettings
from edge_tf.training.step import SgdStep
from edge_tf.training.stream_objective import StreamObjective

WINDOWS, CLASSES = 6, 3


class Echo(keras.Model):
    """Its logits are its weights, so that a gradient of these is one of the logits."""

    def __init__(self, logits: np.ndarray) -> None:
        super().__init__()
        self.logits = self.add_weight("logits", logits.shape, initializer="zeros")
        self.logits.assign(logits)

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.identity(self.logits)


def loss_and_gradient(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    objective = StreamObjective(Echo(logits), steps=1)
    with tf.GradientTape() as tape:
        _, (term,) = objective(tf.zeros([1]), tf.constant(labels))
    return float(term.loss), tape.gradient(term.loss, objective.variables[0]).numpy()


def random_logits(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (2, WINDOWS, CLASSES)).astype(np.float32)


def one_hot(*rows: list[int]) -> np.ndarray:
    """-1: nothing asked."""
    labels = np.zeros((len(rows), WINDOWS, CLASSES), np.float32)
    for stream, row in enumerate(rows):
        for window, label in enumerate(row):
            labels[stream, window, label] = label >= 0
    labels[np.array(rows) < 0] = 0
    return labels


def entropies(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64)
    log = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -(log * labels).sum(axis=-1)


def test_the_loss_is_the_means_of_both_kinds_and_the_worst_of_other_sound():
    rows = ([0, 0, -1, 1, -1, 0], [0, 0, 0, 0, -1, 2])
    logits, labels = random_logits(), one_hot(*rows)
    losses, asked = entropies(logits, labels), np.array(rows)
    expected = losses[asked > 0].mean() + losses[asked == 0].mean()
    expected += np.mean([losses[i][asked[i] == 0].max() for i in range(2)])
    assert loss_and_gradient(logits, labels)[0] == pytest.approx(expected, rel=1e-5)


def together(logits: np.ndarray, *classes: int) -> np.ndarray:
    """Log probability of some classes as one."""
    likely = np.exp(logits.astype(np.float64))
    return np.log(likely[..., list(classes)].sum(axis=-1) / likely.sum(axis=-1))


def test_classes_that_are_no_word_count_as_one_and_which_counts_little():
    """Windows of silence, of other sound, around a word 2 (it or no word), and a word's."""
    rows = np.array([[1, 0.5, 0], [0.5, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0.5, 0]])
    labels = np.stack([rows, rows]).astype(np.float32)
    logits = random_logits(2)
    objective = StreamObjective(Echo(logits), steps=1, background=(0, 1))
    _, (term,) = objective(tf.zeros([1]), tf.constant(labels))
    other = [0, 1, 2, 5]
    background = -together(logits, 0, 1)
    which = background.copy() * 0
    which[:, [0, 5]] = -(together(logits, 0) - together(logits, 0, 1))[:, [0, 5]]
    which[:, 1] = -(together(logits, 1) - together(logits, 0, 1))[:, 1]
    expected = -together(logits, 2)[:, 3].mean() + background[:, other].mean()
    expected += 0.3 * which[:, other].mean() + background[:, other].max(axis=1).mean()
    assert float(term.loss) == pytest.approx(expected, rel=1e-5)


def test_around_a_word_only_another_word_is_wrong():
    """Class 0 is no word, the word is class 1: a gradient moves what 2 has to both as they are."""
    logits = random_logits(3)
    labels = np.tile(np.array([1, 1, 0], np.float32), (2, WINDOWS, 1))
    loss, gradient = loss_and_gradient(logits, labels)
    losses = -together(logits, 0, 1)
    assert loss == pytest.approx(losses.mean() + losses.max(axis=1).mean(), rel=1e-5)
    assert np.all(gradient[..., 2] > 0) and np.all(gradient[..., :2] < 0)
    likely = np.exp(logits)
    np.testing.assert_allclose(
        gradient[..., 0] / gradient[..., 1], likely[..., 0] / likely[..., 1], rtol=1e-3
    )


def test_windows_of_which_nothing_is_asked_get_no_gradient():
    rows = ([0, -1, -1, 1, -1, 0], [-1, 0, 0, 0, -1, -1])
    gradient = loss_and_gradient(random_logits(1), one_hot(*rows))[1]
    asked = np.array(rows) >= 0
    assert not gradient[~asked].any()
    assert np.all(np.abs(gradient[asked]).max(axis=-1) > 0)


def test_if_nothing_is_asked_the_loss_and_all_gradients_are_zero():
    loss, gradient = loss_and_gradient(random_logits(), one_hot([-1] * 6, [-1] * 6))
    assert loss == 0.0 and not gradient.any()


@pytest.mark.parametrize("row", [[0] * 6, [1] * 6])
def test_streams_of_one_kind_of_window_have_a_finite_loss(row):
    loss, gradient = loss_and_gradient(random_logits(), one_hot(row, row))
    assert np.isfinite(loss) and np.isfinite(gradient).all() and loss > 0


def test_a_certain_network_has_no_loss():
    labels = one_hot([0, 1, 2, 0, -1, 0], [0, 0, 0, 2, 2, -1])
    assert loss_and_gradient(50 * labels, labels)[0] == pytest.approx(0.0, abs=1e-6)


def test_the_share_of_right_windows_counts_what_is_asked():
    """As training reports it: times the batch; 0 if nothing is asked, and weights stay finite."""
    inputs = keras.Input((WINDOWS, CLASSES))
    scaled = keras.layers.Dense(CLASSES, use_bias=False, kernel_initializer="identity")(inputs)
    model = keras.Model(inputs, scaled)
    step = SgdStep(model, TrainingSettings(batch_size=2), StreamObjective(model, steps=1))
    labels = one_hot([0, 0, -1, 1, -1, 0], [0, 2, -1, -1, -1, -1])
    features = labels.copy()
    features[0, 0] = (0, 1, 0)  # one wrong of six
    assert float(step(features, labels, 0.0)[1]) == pytest.approx(2 * 5 / 6)
    assert float(step(features, np.zeros_like(labels), 0.1)[1]) == 0.0
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_any_of_several_right_classes_is_a_right_window():
    inputs = keras.Input((WINDOWS, CLASSES))
    scaled = keras.layers.Dense(CLASSES, use_bias=False, kernel_initializer="identity")(inputs)
    model = keras.Model(inputs, scaled)
    step = SgdStep(model, TrainingSettings(batch_size=2), StreamObjective(model, steps=1))
    labels = np.tile(np.array([1, 0.5, 1], np.float32), (2, WINDOWS, 1))
    features = np.tile(np.array([0, 0, 1], np.float32), (2, WINDOWS, 1))
    features[1, :3] = (0, 1, 0)  # three of twelve are only allowed
    assert float(step(features, labels, 0.0)[1]) == pytest.approx(2 * 9 / 12)


def test_the_worst_windows_weigh_more_as_training_goes_on():
    """From 0.2 to 1 over 60 % of the steps, and no more."""
    logits, labels = random_logits(), one_hot([0] * WINDOWS, [0] * WINDOWS)
    objective = StreamObjective(Echo(logits), steps=10)
    losses = [float(objective(tf.zeros([1]), tf.constant(labels))[1][0].loss) for _ in range(10)]
    worst = entropies(logits, labels).max(axis=1).mean()
    mean = entropies(logits, labels).mean()
    weights = (np.array(losses) - mean) / worst
    expected = np.minimum(1.0, 0.2 + 0.8 * np.arange(1, 11) / 6)
    np.testing.assert_allclose(weights, expected, rtol=1e-4)
