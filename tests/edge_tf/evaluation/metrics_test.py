import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_tf.evaluation import metrics

CLASSES = 5


@st.composite
def judged(draw):
    count = draw(st.integers(1, 60))
    labels = draw(hnp.arrays(np.int64, count, elements=st.integers(0, CLASSES - 1)))
    chosen = draw(hnp.arrays(np.int64, count, elements=st.integers(-1, CLASSES - 1)))
    return labels, chosen


def test_perfect_predictions():
    labels = np.array([0, 1, 2, 2])
    assert metrics.accuracy(labels, labels) == 1.0
    assert metrics.confusion_matrix(labels, labels, 3).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 2]]
    for figures in metrics.per_class(labels, labels, 3):
        assert (figures.precision, figures.recall, figures.f1) == (1.0, 1.0, 1.0)


def test_figures_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    chosen = np.array([0, 0, 1, 1, 0, 0])
    assert metrics.accuracy(labels, chosen) == 0.5
    zero, one, two = metrics.per_class(labels, chosen, 3)
    assert (zero.support, zero.precision, zero.recall) == (3, 0.5, 2 / 3)
    assert zero.f1 == pytest.approx(4 / 7)
    assert (one.precision, one.recall, one.f1) == (0.5, 0.5, 0.5)
    assert (two.support, two.precision, two.recall, two.f1) == (1, None, 0.0, 0.0)


def test_a_class_that_neither_occurs_nor_is_given_has_no_figures():
    figures = metrics.per_class(np.array([0]), np.array([0]), 2)[1]
    assert (figures.support, figures.precision, figures.recall, figures.f1) == (0, None, None, None)


def test_equal_outputs_choose_the_first_and_nan_chooses_nothing():
    outputs = np.array([[1.0, 1.0], [0.0, np.nan], [np.inf, 0.0], [0.0, 1.0]])
    assert metrics.predictions(outputs).tolist() == [0, -1, -1, 1]
    assert metrics.predictions(np.array([[-128, 127]], np.int8)).tolist() == [1]


def test_undecided_clips_are_wrong_and_agree_with_nothing():
    chosen = np.array([-1, 1])
    assert metrics.accuracy(np.array([0, 1]), chosen) == 0.5
    assert metrics.agreement(chosen, chosen) == 0.5
    assert metrics.confusion_matrix(np.array([0, 1]), chosen, 2).sum() == 1
    assert metrics.per_class(np.array([0, 1]), chosen, 2)[0].recall == 0.0


@given(judged())
def test_confusion_matrix_sums(pair):
    labels, chosen = pair
    matrix = metrics.confusion_matrix(labels, chosen, CLASSES)
    decided = chosen != metrics.UNDECIDED
    assert matrix.sum() == decided.sum()
    assert matrix.trace() == metrics.correct(labels, chosen)
    expected = np.bincount(labels[decided], minlength=CLASSES)
    assert matrix.sum(axis=1).tolist() == expected.tolist()


@given(judged(), st.randoms(use_true_random=False))
def test_the_order_of_clips_does_not_matter(pair, random):
    labels, chosen = pair
    order = random.sample(range(len(labels)), len(labels))
    one = metrics.confusion_matrix(labels, chosen, CLASSES)
    other = metrics.confusion_matrix(labels[order], chosen[order], CLASSES)
    assert (one == other).all()
    assert metrics.accuracy(labels, chosen) == metrics.accuracy(labels[order], chosen[order])
    assert metrics.per_class(labels, chosen, CLASSES) == metrics.per_class(
        labels[order], chosen[order], CLASSES
    )


@given(judged())
def test_f1_lies_between_precision_and_recall(pair):
    labels, chosen = pair
    for figures in metrics.per_class(labels, chosen, CLASSES):
        if figures.precision is not None and figures.recall is not None:
            assert figures.f1 is not None
            low, high = sorted([figures.precision, figures.recall])
            assert low - 1e-12 <= figures.f1 <= high + 1e-12


def test_standard_error_of_the_published_size():
    assert metrics.standard_error(0.9543, 2540) == pytest.approx(0.00414, abs=1e-5)
    assert metrics.standard_error(1.0, 10) == 0.0


def test_wilson_interval_by_hand():
    low, high = metrics.wilson_interval(8, 10)
    assert [low, high] == pytest.approx([0.49016, 0.94332], abs=1e-5)
    assert metrics.wilson_interval(0, 5)[0] == 0.0
    assert metrics.wilson_interval(5, 5)[1] == 1.0


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share(right_of_count):
    right, count = right_of_count
    low, high = metrics.wilson_interval(right, count)
    assert 0.0 <= low <= right / count <= high <= 1.0
    mirrored = metrics.wilson_interval(count - right, count)
    assert list(mirrored) == pytest.approx([1 - high, 1 - low])


@given(
    hnp.arrays(np.int8, (4, 3)),
    st.floats(1e-4, 10.0),
    st.integers(-128, 127),
)
def test_int8_survives_the_round_trip(values, scale, zero_point):
    real = metrics.dequantize(values, scale, zero_point)
    assert (metrics.to_lsb(real, scale, zero_point) == values).all()


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 10.0), st.integers(-128, 127))
def test_to_lsb_takes_the_nearest_step(value, scale, zero_point):
    step = int(metrics.to_lsb(np.array([value]), scale, zero_point)[0])
    assert abs(scale * (step - zero_point) - value) <= scale / 2 * (1 + 1e-9) + 1e-9


def test_to_lsb_rounds_halves_away_from_zero_and_does_not_clip():
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994])
    assert metrics.to_lsb(values, 1.0, 0).tolist() == [1, 2, 3, -1, -2, 0]
    assert metrics.to_lsb(np.array([40.0]), 1.0, 127).tolist() == [167]
    assert metrics.to_lsb(np.array([1e300]), 1e-3, 0)[0] == 2**53


def test_differences_reach_255():
    low, high = np.full((1, 2), -128, np.int8), np.full((1, 2), 127, np.int8)
    assert metrics.lsb_differences(low, high).tolist() == [[255, 255]]


def test_softmax_of_large_logits():
    shares = metrics.softmax(np.array([[1000.0, 1000.0], [0.0, math.log(3)]]))
    assert shares == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75]]))


def test_log_loss_of_equal_logits_is_that_of_guessing():
    losses = metrics.log_losses(np.full((3, 10), 7.0), np.array([0, 4, 9]))
    assert losses == pytest.approx(np.full(3, math.log(10)))


def test_log_loss_by_hand():
    logits = np.array([[math.log(3), 0.0], [0.0, math.log(3)]])
    losses = metrics.log_losses(logits, np.array([0, 0]))
    assert losses == pytest.approx([math.log(4 / 3), math.log(4)])


def test_log_loss_is_exact_for_the_sure_and_bounded_for_the_wrong():
    logits = np.array([[40.0, 0.0], [0.0, 1e300], [np.nan, 0.0], [np.inf, 0.0]])
    losses = metrics.log_losses(logits, np.zeros(4, np.int64))
    most = -math.log(metrics.LEAST_PROBABILITY)
    assert losses[0] == pytest.approx(math.exp(-40), rel=0.1)
    assert losses[1:].tolist() == [most] * 3
    small = metrics.log_losses(np.array([[0.0, 30.0]], np.float32), np.array([0]))
    assert small == pytest.approx([30.0])


@given(
    hnp.arrays(np.float64, (6, 3), elements=st.floats(-9, 9)),
    hnp.arrays(np.float64, (6, 1), elements=st.floats(-1e3, 1e3)),
)
def test_log_loss_ignores_a_shared_offset_and_agrees_with_softmax(logits, offset):
    labels = np.array([0, 1, 2, 0, 1, 2])
    losses = metrics.log_losses(logits, labels)
    assert losses == pytest.approx(-np.log(metrics.softmax(logits)[np.arange(6), labels]))
    assert metrics.log_losses(logits + offset, labels) == pytest.approx(losses, abs=1e-9)


def test_mean_and_error_by_hand():
    assert list(metrics.mean_and_error(np.array([1.0, 3.0]))) == pytest.approx([2.0, 1.0])
    assert metrics.mean_and_error(np.array([5.0])) == (5.0, None)


def test_macro_accuracy_counts_each_class_the_same():
    labels, chosen = np.array([0, 0, 0, 1, 4]), np.array([0, 0, 1, 1, 0])
    assert metrics.macro_accuracy(labels, chosen) == pytest.approx((2 / 3 + 1 + 0) / 3)


@given(judged())
def test_macro_accuracy_is_the_mean_recall(pair):
    labels, chosen = pair
    recalls = [figures.recall for figures in metrics.per_class(labels, chosen, CLASSES)]
    expected = np.mean([recall for recall in recalls if recall is not None])
    assert metrics.macro_accuracy(labels, chosen) == pytest.approx(expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.accuracy(np.array([]), np.array([])),
        lambda: metrics.accuracy(np.array([1]), np.array([1, 2])),
        lambda: metrics.predictions(np.zeros(3)),
        lambda: metrics.confusion_matrix(np.array([3]), np.array([0]), 3),
        lambda: metrics.confusion_matrix(np.array([0]), np.array([3]), 3),
        lambda: metrics.confusion_matrix(np.array([-1]), np.array([0]), 3),
        lambda: metrics.macro_accuracy(np.array([]), np.array([])),
        lambda: metrics.log_losses(np.zeros((2, 3)), np.array([0])),
        lambda: metrics.log_losses(np.zeros((1, 3)), np.array([3])),
        lambda: metrics.log_losses(np.zeros(3), np.array([0, 1, 2])),
        lambda: metrics.mean_and_error(np.array([])),
        lambda: metrics.standard_error(1.1, 3),
        lambda: metrics.wilson_interval(4, 3),
        lambda: metrics.to_lsb(np.array([np.nan]), 1.0, 0),
        lambda: metrics.to_lsb(np.array([1.0]), 0.0, 0),
        lambda: metrics.dequantize(np.array([1]), 1.0, 128),
        lambda: metrics.lsb_differences(np.zeros(2), np.zeros(2)),
        lambda: metrics.lsb_differences(np.zeros(2, int), np.zeros(3, int)),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()
