"""Factor transfer: what its loss ignores, what the paraphraser can do, what learns when."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression.teaching import distillation, factor_transfer
from edge_tf.compression.teaching.factor_transfer import FactorTransfer, Paraphraser, factor_loss
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet, ds_cnn

STUDENT, TEACHER = (3, 4, 2), (3, 4, 6)


def factors(seed: int, batch: int = 5) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(0, 1, (batch, 3, 4, 2)), tf.float32)


def features(seed: int = 0, shape=TEACHER, batch: int = 8, rank: int = 2) -> tf.Tensor:
    """After a ReLU, with fewer causes than channels, like those of a network."""
    draw = np.random.default_rng(seed)
    causes = np.abs(draw.normal(0, 1, (batch, *shape[:2], rank)))
    mix = np.abs(np.random.default_rng(7).normal(0, 1, (rank, shape[2])))
    return tf.constant(causes @ mix, tf.float32)


def built(student=STUDENT, teacher=TEACHER, **arguments) -> FactorTransfer:
    loss = FactorTransfer("student", "teacher", **{"passes": 1, **arguments})
    loss.build([student], [teacher])
    return loss


def prepared(**arguments) -> FactorTransfer:
    loss = built(**arguments)
    loss.prepare([[features()]])
    return loss


def values(variables) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


# The loss


@pytest.mark.parametrize("multiple", [1e-3, 0.5, 1.0, 1e4])
def test_a_positive_multiple_is_the_same_factor(multiple):
    np.testing.assert_allclose(factor_loss(factors(0), multiple * factors(0)), 0, atol=1e-7)


def test_each_clip_has_a_multiple_of_its_own():
    multiples = tf.constant([0.1, 1.0, 3.0, 10.0, 7.0])[:, None, None, None]
    np.testing.assert_allclose(factor_loss(factors(0), multiples * factors(0)), 0, atol=1e-7)


def test_a_negative_multiple_is_not():
    assert float(factor_loss(factors(0), -factors(0))) > 0.1


def test_loss_is_the_formula():
    teacher, student = factors(0).numpy().reshape(5, -1), factors(1).numpy().reshape(5, -1)
    teacher /= np.linalg.norm(teacher, axis=1, keepdims=True)
    student /= np.linalg.norm(student, axis=1, keepdims=True)
    expected = np.abs(teacher - student).mean()
    np.testing.assert_allclose(factor_loss(factors(0), factors(1)), expected, rtol=1e-6)


def test_gradient_reaches_the_student_alone_and_is_finite_for_zeros():
    teacher, student = factors(0), tf.concat([factors(1, 4), tf.zeros((1, 3, 4, 2))], 0)
    with tf.GradientTape() as tape:
        tape.watch([teacher, student])
        loss = factor_loss(teacher, student)
    to_teacher, to_student = tape.gradient(loss, [teacher, student])
    assert to_teacher is None
    assert np.isfinite(loss) and np.isfinite(to_student).all()
    # A step along the factor changes nothing, so the gradient is orthogonal to it.
    along = np.sum(to_student * student, axis=(1, 2, 3))
    np.testing.assert_allclose(along, 0, atol=1e-6)


# The paraphraser


def test_layers_are_those_of_the_paper():
    """m -> m -> km -> km, and back; 3x3 with bias, LeakyReLU 0.1, no norm."""
    paraphraser = Paraphraser(6, 0.5)
    kernels = [v.shape.as_list() for v in paraphraser.encoder.trainable_variables]
    assert kernels == [[3, 3, 6, 6], [6], [3, 3, 6, 3], [3], [3, 3, 3, 3], [3]]
    kernels = [v.shape.as_list() for v in paraphraser.decoder.trainable_variables]
    # A transposed convolution keeps its output channels first.
    assert kernels == [[3, 3, 3, 3], [3], [3, 3, 6, 3], [6], [3, 3, 6, 6], [6]]
    for stack in (paraphraser.encoder, paraphraser.decoder):
        slopes = [float(x.alpha) for x in stack.layers if isinstance(x, keras.layers.LeakyReLU)]
        np.testing.assert_allclose(slopes, 0.1)
        assert not stack.non_trainable_variables
    assert built().paraphraser.factor(features()).shape == (8, 3, 4, 3)


def test_with_all_channels_nothing_need_be_lost():
    """k = 1 includes the identity: centre taps of 1."""
    paraphraser = Paraphraser(6, 1.0)
    for variable in paraphraser.variables:
        value = np.zeros(variable.shape)
        if value.ndim == 4:
            value[1, 1] = np.eye(6)
        variable.assign(value)
    np.testing.assert_allclose(paraphraser.reconstruction_loss(features()), 0, atol=1e-6)


def test_with_all_channels_it_learns_to_reconstruct_nearly_exactly():
    """A small set: the remaining error is a twentieth of that of the best constant."""
    teacher = features(rank=1)
    loss = built(rate=1.0, passes=10, learning_rate=0.3, weight_decay=0.0)
    loss.prepare([[teacher]] * 40)
    unit = float(loss.paraphraser.scale)
    constant = np.mean(np.abs(teacher - np.median(teacher, axis=(0, 1, 2))))
    assert float(loss.paraphraser.reconstruction_loss(teacher)) / unit < 0.05 * constant


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_size_of_the_features_does_not_matter(size):
    """The same seed learns the same, whatever unit the features have."""
    teacher = size * features()
    loss = built()
    loss.prepare([[teacher]] * 5)
    reference = built()
    reference.prepare([[features()]] * 5)
    found = loss.paraphraser.factor(teacher)
    np.testing.assert_allclose(
        found, reference.paraphraser.factor(features()), rtol=1e-3, atol=1e-4
    )


def test_batches_must_be_iterable_again_for_more_than_one_pass():
    with pytest.raises(ValueError, match="pass 1 has no batches"):
        built().prepare([])
    once = iter([[features()]])
    with pytest.raises(ValueError, match="pass 2 has no batches"):
        built(passes=2).prepare(once)


def test_features_that_are_not_finite_are_reported():
    with pytest.raises(UserError, match="its loss is not finite; check the teacher"):
        built().prepare([[features() * float("nan")]])


# With a student


def test_the_students_step_changes_the_student_and_the_translator_alone():
    inputs = keras.Input((3, 4, 1))
    student = keras.Model(inputs, keras.layers.Conv2D(2, 3, padding="same")(inputs))
    teacher = keras.Model(
        inputs, keras.layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    )
    clips = tf.constant(np.random.default_rng(0).normal(size=(8, 3, 4, 1)), tf.float32)
    loss = built()
    loss.prepare([[teacher(clips)]])
    fixed = [*teacher.variables, *loss.paraphraser.variables, loss.paraphraser.scale]
    learning = [*student.trainable_variables, *loss.variables]
    assert not {id(v) for v in fixed} & {id(v) for v in learning}
    before, at_first = values(fixed), values(learning)
    optimizer = keras.optimizers.legacy.SGD(1.0)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape(persistent=True) as tape:
            value = loss([student(clips)], [teacher(clips)])
        assert tape.gradient(value, teacher.trainable_variables) == [None, None]
        optimizer.apply_gradients(zip(tape.gradient(value, learning), learning, strict=True))
        return value

    losses = [float(step()) for _ in range(40)]
    assert losses[-1] < 0.8 * losses[0]
    for new, old in zip(values(fixed), before, strict=True):
        np.testing.assert_array_equal(new, old)
    for new, old in zip(values(learning), at_first, strict=True):
        assert np.abs(new - old).max() > 0


def test_preparing_leaves_the_translator_alone():
    loss = built()
    before = values(loss.variables)
    loss.prepare([[features()]])
    for new, old in zip(values(loss.variables), before, strict=True):
        np.testing.assert_array_equal(new, old)


def test_it_must_be_prepared_first():
    loss = built()
    assert not loss.prepared
    with pytest.raises(ValueError, match="call prepare first"):
        loss([features(1, STUDENT)], [features(2)])


def test_a_checkpoint_brings_everything_back(tmp_path):
    loss, other = prepared(seed=1), built(seed=2)
    path = tf.train.Checkpoint(**loss.trackables()).write(str(tmp_path / "state"))
    before = other.prepared
    tf.train.Checkpoint(**other.trackables()).read(path).assert_consumed()
    assert (before, other.prepared) == (False, True)
    given = [features(1, STUDENT)], [features(2)]
    np.testing.assert_array_equal(other(*given), loss(*given))


def test_the_same_seed_gives_the_same_loss():
    given = [features(1, STUDENT)], [features(2)]
    np.testing.assert_allclose(prepared()(*given), prepared()(*given), rtol=1e-5)
    assert float(prepared(seed=3)(*given)) != float(prepared()(*given))


def test_it_reads_the_last_stage_of_bc_resnet():
    student, teacher = bc_resnet.build(1), bc_resnet.build(2)
    loss = FactorTransfer.for_models(student, teacher, passes=1)
    assert loss.student_layers == loss.teacher_layers == ["stage3_block3_relu"]
    assert loss.paraphraser.factor_channels == 20
    clips = tf.random.stateless_normal((3, 40, 101, 1), (1, 2))
    _, *theirs = distillation.with_features(teacher, loss.teacher_layers)(clips, training=False)
    _, *mine = distillation.with_features(student, loss.student_layers)(clips, training=False)
    loss.prepare([theirs])
    assert 0 < float(loss(mine, theirs)) < 1


def test_networks_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="has no layers stage"):
        factor_transfer.last_stage(ds_cnn.build(12))
    other = bc_resnet.build(1, input_shape=(40, 51, 1))
    with pytest.raises(UserError, match="101 columns, the student's 5 and 51"):
        FactorTransfer.for_models(other, bc_resnet.build(1))


def test_settings_that_make_no_sense():
    with pytest.raises(ValueError, match="rate=0"):
        FactorTransfer("a", "b", rate=0)
    with pytest.raises(ValueError, match="passes=0"):
        FactorTransfer("a", "b", passes=0)
