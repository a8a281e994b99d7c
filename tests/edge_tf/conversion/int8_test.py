"""int8 conversion: the rules hold, and a graph that breaks one is refused by name."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.conversion import int8
from edge_tf.engines.litert import LiteRTReference
from edge_tf.errors import UserError
from firmware_export import tflite_file
from tests.edge_tf.conversion.conversion_fixtures import SHAPE, block_model, features

layers = keras.layers


@pytest.fixture(scope="module")
def converted() -> tuple[keras.Model, bytes]:
    model = block_model()
    return model, int8.convert(model, features(100))


def test_every_tensor_is_integer_and_static(converted):
    info = tflite_file.parse(converted[1])
    assert {tensor.type for tensor in info.tensors} <= {"INT8", "INT32"}
    assert all(tensor.is_static for tensor in info.tensors)
    assert info.inputs[0].shape == (1, *SHAPE)
    assert info.inputs[0].type == info.outputs[0].type == "INT8"


def test_norms_and_dropout_leave_no_op_of_their_own(converted):
    """A batch norm folds into its convolution; the sub-band norm is one MUL and one ADD."""
    ops = tflite_file.parse(converted[1]).op_counts()
    swish = 1
    assert ops["MUL"] == 1 + swish
    assert ops["ADD"] == 1 + 2
    assert (
        ops["CONV_2D"] == 3 and ops["DEPTHWISE_CONV_2D"] == 2 + 1
    )  # the mean over frequency is one


def test_the_classifier_is_a_convolution(converted):
    """FULLY_CONNECTED is where LiteRT's reference and TFLite Micro round differently."""
    assert "FULLY_CONNECTED" not in tflite_file.parse(converted[1]).op_counts()


def test_int8_follows_float_within_a_few_steps(converted):
    model, data = converted
    clips = features(50, seed=5)
    outputs = LiteRTReference(data).run(clips)
    expected = model(clips, training=False).numpy()
    error = np.abs(outputs.real_logits() - expected)
    assert outputs.scale is not None and np.median(error) < 2 * outputs.scale
    centred = [y - y.mean(axis=0) for y in (outputs.real_logits(), expected)]
    assert np.sum(centred[0] * centred[1]) > 0.9 * np.sum(np.square(centred[1]))


def test_representative_clips_set_the_input_range(converted):
    """Of all clips, or of every third or fifth: what gave the least error."""
    scale = tflite_file.parse(converted[1]).inputs[0].scales[0]
    subsets = [features(100)[::stride] for stride in (1, 3, 5)]
    ranges = [(max(0.0, clips.max()) - clips.min()) / 255 for clips in subsets]
    assert min(abs(scale / expected - 1) for expected in ranges) < 1e-4


def test_the_means_of_logits_are_those_of_the_float_model(converted):
    """The mean error over representative clips is below half a step in every logit."""
    model, data = converted
    clips = features(100)
    outputs = LiteRTReference(data).run(clips)
    error = outputs.real_logits() - model(clips, training=False).numpy()
    assert outputs.scale is not None
    assert np.abs(error.mean(axis=0)).max() < 0.5 * outputs.scale


def refusal(model, types=None, signature=(1, *SHAPE)) -> str:
    """What `check` says of a model converted without our rules."""
    function = tf.function(lambda x: model(x, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec(signature, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
    if types:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[None]] for x in features(10))
        converter.inference_input_type = converter.inference_output_type = types
    with pytest.raises(UserError) as caught:
        int8.check(converter.convert())
    return str(caught.value)


def dense_model() -> keras.Model:
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)))


def test_a_float_model_is_refused():
    message = refusal(dense_model())
    assert "float tensor" in message and "op 0" in message


def test_float_inputs_and_outputs_are_refused():
    assert "QUANTIZE" in refusal(dense_model(), tf.float32)


def test_a_dynamic_batch_is_refused():
    inputs = keras.Input(SHAPE)
    convolution = layers.DepthwiseConv2D((1, 3), dilation_rate=(1, 4), padding="same")
    model = keras.Model(inputs, convolution(inputs))
    message = refusal(model, tf.int8, (None, *SHAPE))
    assert "SPACE_TO_BATCH_ND" in message or "dynamic" in message


def test_an_op_without_int8_form_is_refused_in_one_line():
    inputs = keras.Input(SHAPE)
    x = layers.Lambda(lambda x: tf.signal.irfft(tf.signal.rfft(x[..., 0])))(inputs)
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    with pytest.raises(UserError) as caught:
        int8.convert(model, features(10))
    assert "\n" not in str(caught.value)


def test_rubbish_is_refused():
    from firmware_export.errors import ExportError

    with pytest.raises(ExportError):
        int8.check(b"rubbish")
