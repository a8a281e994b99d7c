"""Slimming: the same outputs from a smaller file, in an order that needs no more memory."""

import numpy as np
import pytest

import tflite_model
from edge_tf.conversion import int8
from edge_tf.conversion.rewriting.folding import inference_model
from edge_tf.conversion.tflite import slimming
from edge_tf.engines.litert import LiteRTReference
from tests.edge_tf.conversion.conversion_fixtures import SHAPE, block_model, features
from tests.firmware_export.standalone import random_models, tflm_oracle
from tests.firmware_export.standalone.model_builder import Builder
from tflite_model.info import ModelInfo


@pytest.fixture(scope="module", params=["device", "plain"])
def converted(request) -> bytes:
    """A block as the converter leaves it."""
    model, clips = block_model(), features(30)
    if request.param == "device":
        return int8.quantize_graph(int8._device(model, clips)(clips, None), clips)
    folded = inference_model(model)
    return int8.quantize_graph((lambda x: folded(x, training=False), folded.variables), clips)


def peak(info: ModelInfo) -> int:
    """Bytes of the largest set of activations needed at one time, by brute force."""
    size = {t.index: t.byte_size for t in info.tensors if not t.is_constant}
    last = {t: at for at, op in enumerate(info.ops) for t in op.inputs if t in size}
    last |= {t.index: len(info.ops) for t in info.outputs}
    first = {t.index: 0 for t in info.inputs}
    first |= {t: at for at, op in enumerate(info.ops) for t in op.outputs}
    return max(
        sum(size[t] for t in first if first[t] <= at <= last.get(t, first[t]))
        for at in range(len(info.ops))
    )


def check(data: bytes) -> tuple[ModelInfo, ModelInfo]:
    slim = slimming.slim(data)
    before, after = tflite_model.parse(data), tflite_model.parse(slim)
    written = {t.index for t in after.tensors if t.is_constant}
    written |= {t.index for t in after.inputs}
    for op in after.ops:
        assert written.issuperset(i for i in op.inputs if i >= 0), f"{op.full_name} came too early"
        written.update(op.outputs)
    assert after.op_counts() == before.op_counts()
    assert peak(after) <= peak(before)
    assert [t.name for t in after.inputs] == [t.name for t in before.inputs]
    assert [t.name for t in after.outputs] == [t.name for t in before.outputs]
    for old, new in zip(before.tensors, after.tensors, strict=True):
        assert (old.shape, old.type, old.scales, old.zero_points, old.data) == (
            new.shape,
            new.type,
            new.scales,
            new.zero_points,
            new.data,
        )
    return before, after


def test_a_block(converted):
    check(converted)
    slim = slimming.slim(converted)
    assert len(slim) < len(converted)
    clips = features(100, seed=4)
    np.testing.assert_array_equal(
        LiteRTReference(slim).run(clips).logits, LiteRTReference(converted).run(clips).logits
    )


def test_a_second_time_changes_nothing(converted):
    slim = slimming.slim(converted)
    assert slimming.slim(slim) == slim


def test_names_inside_are_short_and_the_program_can_still_be_called_by_its_ends(converted):
    from ai_edge_litert.interpreter import Interpreter

    slim = slimming.slim(converted)
    info = tflite_model.parse(slim)
    ends = {t.index for t in (*info.inputs, *info.outputs)}
    assert all(t.name == f"t{t.index}" for t in info.tensors if t.index not in ends)
    interpreter = Interpreter(model_content=slim)
    (signature,) = interpreter.get_signature_list().values()
    assert signature["inputs"] == ["features"]
    runner = interpreter.get_signature_runner()
    clip = np.zeros((1, *SHAPE), np.int8)
    assert [value.shape for value in runner(features=clip).values()] == [(1, 4)]


@pytest.mark.parametrize("seed", range(6))
def test_random_models(seed):
    data, shape = random_models.make(seed, 14)
    check(data)
    x = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    np.testing.assert_array_equal(
        tflm_oracle.run(slimming.slim(data), [x])[0], tflm_oracle.run(data, [x])[0]
    )


def test_a_wide_tensor_is_used_up_before_the_next_is_made():
    """Three wide tensors, all made before any is reduced, as the converter may order them."""
    builder = Builder()
    x = builder.activation((1, 4, 8, 4), 0.1)
    size = builder.numbers(16, 32)
    wide, small = [], []
    for _ in range(3):
        wide.append(builder.activation((1, 16, 32, 4), 0.1))
        builder.op("RESIZE_NEAREST_NEIGHBOR", [x, size], wide[-1])
    axes = builder.numbers(1, 2)
    for tensor in wide:
        small.append(builder.activation((1, 1, 1, 4), 0.1))
        builder.op("MEAN", [tensor, axes], small[-1], keep_dims=True)
    y = builder.activation((1, 3, 1, 4), 0.1)
    builder.op("CONCATENATION", small, y, axis=1)
    before, after = check(builder.finish([x], [y]))
    one = 16 * 32 * 4
    assert peak(before) > 3 * one
    assert peak(after) < one + 200


def test_a_given_order_that_is_better_than_the_greedy_one_is_kept():
    """Freeing the most at once is not always best: the order that needs less is kept."""
    seen = set()
    for seed in range(40):
        data, _ = random_models.make(100 + seed, 12)
        before, after = check(data)
        order = [op.outputs[0] for op in after.ops]
        seen.add(order == [op.outputs[0] for op in before.ops])
    assert seen == {True, False}
