"""int8 conversion: files meet the rules, and a graph that breaks one is refused by name."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import tflite_model
from edge_tf.conversion import int8
from edge_tf.engines.litert import LiteRTReference
from edge_tf.engines.tflite_micro import TFLiteMicro
from edge_tf.errors import UserError
from edge_tf.models import build_model
from tests import shared
from tests.edge_tf.conversion.conversion_fixtures import (
    SHAPE,
    block_model,
    check_tensors,
    features,
    randomize,
)
from tflite_model.errors import TFLiteError

layers = keras.layers


@pytest.fixture(scope="module", params=int8.GRAPHS)
def converted(request) -> tuple[keras.Model, bytes]:
    model = block_model()
    return model, int8.convert(model, features(100), request.param)


@pytest.fixture(scope="module")
def bc_resnet_with_graph() -> tuple[keras.Model, int8.Converted]:
    """A narrow one, for properties of its whole chain of blocks."""
    model = randomize(build_model("bc_resnet", tau=0.5, num_classes=4, input_shape=(40, 31, 1)))
    clips = sounds(60)
    for _ in range(30):  # norms get the statistics of these clips, so that logits differ
        model(clips, training=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "_CALIBRATION_STRIDES", (1,))
        return model, int8.convert_with_graph(model, clips)


@pytest.fixture(scope="module")
def bc_resnet(bc_resnet_with_graph) -> tuple[keras.Model, bytes]:
    model, made = bc_resnet_with_graph
    return model, made.data


def sounds(count: int, seed: int = 0) -> np.ndarray:
    """Clips that differ in loudness, spectrum, envelope and noise."""
    rng = np.random.default_rng(seed)
    shapes = [(count, 1, 1, 1), (count, 40, 1, 1), (count, 1, 31, 1), (count, 40, 31, 1)]
    first, *others = [rng.normal(-1, 2, size=shape).astype(np.float32) for shape in shapes]
    return sum(others, first)


def test_every_tensor_is_integer_and_static(converted):
    info = tflite_model.parse(converted[1])
    assert {tensor.type for tensor in info.tensors} <= {"INT8", "INT32"}
    assert all(tensor.is_static for tensor in info.tensors)
    assert info.inputs[0].shape == (1, *SHAPE)
    assert info.inputs[0].type == info.outputs[0].type == "INT8"


def test_in_the_plain_graph_norms_and_dropout_leave_no_separate_op():
    """A batch norm folds into its convolution; the sub-band norm is one MUL and one ADD."""
    data = int8.convert(block_model(), features(30), "plain")
    ops = tflite_model.parse(data).op_counts()
    swish = 1
    assert ops["MUL"] == 1 + swish
    assert ops["ADD"] == 1 + 2
    # The mean over frequency is one of the depthwise convolutions.
    assert ops["CONV_2D"] == 3 and ops["DEPTHWISE_CONV_2D"] == 2 + 1


# What neither adds rows to a map nor means over it, but as a convolution.
FREE_OF = {"MUL", "ADD", "MEAN", "AVERAGE_POOL_2D", "LOGISTIC", "QUANTIZE", "STRIDED_SLICE"}


def test_in_the_device_graph_a_block_is_convolutions_and_copies():
    data = int8.convert(block_model(), features(30))
    ops = tflite_model.parse(data).op_counts()
    assert not FREE_OF & set(ops)
    # For 5 sub-bands, the mean over frequency, f1 and the mean at the end.
    assert ops["DEPTHWISE_CONV_2D"] == 5 + 1 + 1 + 1
    assert ops["CONV_2D"] == 3 and ops["HARD_SWISH"] == 1
    assert ops["CONCATENATION"] == 2  # the rows for the sub-bands, and theirs


def test_bc_resnet_for_devices_has_no_op_of_values_alone(bc_resnet):
    ops = tflite_model.parse(bc_resnet[1]).op_counts()
    assert not FREE_OF & set(ops)
    blocks = 12
    assert ops["HARD_SWISH"] == blocks
    # Stem, f1's of all blocks, four transitions, tail, classifier.
    assert ops["CONV_2D"] == 1 + blocks + 4 + 1 + 1
    # Of each block 5 sub-bands, the mean and f1; the tail and the mean at the end.
    assert ops["DEPTHWISE_CONV_2D"] == blocks * (5 + 1 + 1) + 2


def test_concatenations_join_tensors_of_one_scale(bc_resnet):
    """Otherwise kernels would requantize, and not all of them round the same way."""
    info = tflite_model.parse(bc_resnet[1])
    for op in info.ops:
        if op.name == "CONCATENATION":
            tensors = [info.tensors[i] for i in (*op.inputs, *op.outputs)]
            assert len({(t.scales, t.zero_points) for t in tensors}) == 1


def test_bc_resnet_follows_float(bc_resnet):
    model, data = bc_resnet
    check_follows(model, data, sounds(40, seed=5))


def test_each_tensor_of_bc_resnet_has_a_node_and_holds_its_values(bc_resnet_with_graph):
    _, made = bc_resnet_with_graph
    check_tensors(made, sounds(1))
    info = tflite_model.parse(made.data)
    assert set(made.graph.tensors) == {info.inputs[0].index, *(op.outputs[0] for op in info.ops)}
    assert all(node.layer for node in made.graph.tensors.values()), "each has a name"


def test_the_bytes_are_those_of_tflite_micro(bc_resnet):
    shared.need_tflite_micro()
    _, data = bc_resnet
    clips = sounds(30, seed=6)
    clips[:5] *= 20
    np.testing.assert_array_equal(
        TFLiteMicro(data).run(clips).logits, LiteRTReference(data).run(clips).logits
    )


def test_an_unknown_form_is_refused():
    with pytest.raises(UserError, match="no graph 'tiny'; choose one of device, plain"):
        int8.convert(block_model(), features(10), "tiny")


def test_the_classifier_is_a_convolution(converted):
    """FULLY_CONNECTED is where LiteRT's reference and TFLite Micro round differently."""
    assert "FULLY_CONNECTED" not in tflite_model.parse(converted[1]).op_counts()


def test_int8_follows_float_within_a_few_steps(converted):
    model, data = converted
    check_follows(model, data, features(50, seed=5))


def check_follows(model: keras.Model, data: bytes, clips: np.ndarray) -> None:
    outputs = LiteRTReference(data).run(clips)
    expected = model(clips, training=False).numpy()
    error = np.abs(outputs.real_logits() - expected)
    assert outputs.scale is not None and np.median(error) < 2 * outputs.scale
    centred = [y - y.mean(axis=0) for y in (outputs.real_logits(), expected)]
    assert np.sum(centred[0] * centred[1]) > 0.9 * np.sum(np.square(centred[1]))


def test_representative_clips_set_the_input_range(converted):
    """From all clips, or every third or fifth: the set with the smallest error."""
    scale = tflite_model.parse(converted[1]).inputs[0].scales[0]
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
    """The error of `check` for a model converted without our rules."""
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


@pytest.mark.parametrize("form", int8.GRAPHS)
def test_an_op_without_int8_form_is_refused_in_one_line(form):
    inputs = keras.Input(SHAPE)
    x = layers.Lambda(lambda x: tf.signal.irfft(tf.signal.rfft(x[..., 0])))(inputs)
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    with pytest.raises(UserError) as caught:
        int8.convert(model, features(10), form)
    assert "\n" not in str(caught.value)


def test_rubbish_is_refused():
    with pytest.raises(TFLiteError, match=r"not a \.tflite file"):
        int8.check(b"rubbish")
