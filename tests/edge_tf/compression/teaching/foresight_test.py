"""Foresight: what its loss depends on, and that the streaming network keeps its structure."""

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.compression.teaching.foresight import Foresight, distance
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet, ds_cnn

SHAPE = (3, 12, 4)


def features(seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(0, 1, (2, *SHAPE)), tf.float32)


def built(**arguments) -> Foresight:
    loss = Foresight(["mine"], ["theirs"], **arguments)
    loss.build([SHAPE], [SHAPE])
    return loss


def test_equal_features_have_the_smallest_distance():
    x = features()[:, 0]
    least = np.log1p(np.exp(-1.0))
    assert float(distance(x, x)) == pytest.approx(least, rel=1e-5)
    assert float(distance(features(1)[:, 0], x)) > least + 0.1


def test_no_gradient_reaches_the_teacher():
    x, loss = features(), built()
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss([features(1)], [x])
    assert tape.gradient(value, x) is None


def test_the_teacher_s_size_does_not_matter():
    loss = built()
    once, thrice = (float(loss([features(1)], [k * features()])) for k in (1.0, 3.0))
    assert once == pytest.approx(thrice, rel=1e-5)


def test_the_branch_predicts_future_frames_from_past_frames():
    """With the identity as map, a student that is the teacher of k frames later has no error."""
    frames = 5
    loss = built(frames=frames)
    for variable in loss.variables:
        variable.assign(tf.eye(4))
    theirs = features()
    unit = theirs * tf.math.rsqrt(tf.reduce_mean(tf.square(tf.reduce_mean(theirs, 1))))
    mine = tf.concat([unit[:, :, frames:], features(2)[:, :, :frames]], axis=2)
    now = distance(tf.reduce_mean(mine, 1), tf.reduce_mean(unit, 1))
    ahead = 2 * float(loss([mine], [theirs])) - float(now)
    assert ahead == pytest.approx(np.log1p(np.exp(-1.0)), rel=1e-4)


def test_without_frames_ahead_there_is_one_map_a_layer():
    assert len(built(frames=0).variables) == 1 and len(built().variables) == 2
    with pytest.raises(ValueError, match="must not be negative"):
        built(frames=-1)


def test_a_centred_teacher_of_another_width_teaches_each_stage():
    student = bc_resnet.build(0.25, 4, (40, 33, 1), lookahead=0)
    teacher = bc_resnet.build(0.5, 4, (40, 33, 1))
    loss = Foresight.for_models(student, teacher)
    assert len(loss.student_layers) == len(loss.teacher_layers) == 4
    assert [tuple(v.shape) for v in loss.variables[:4]] == [(2, 4), (3, 6), (4, 8), (5, 10)]


def test_a_teacher_of_another_kind_is_refused():
    student = bc_resnet.build(0.25, 4, (40, 33, 1), lookahead=0)
    with pytest.raises(UserError, match="has no layers stage"):
        Foresight.for_models(student, ds_cnn.build(4, (40, 33, 1)))
