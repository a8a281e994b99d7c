from typing import Any

import numpy as np
import pytest

import tflite_model
from firmware_export.golden import Golden
from firmware_export.oracle import micro
from firmware_export.tflm import arena, planning
from tests import shared
from tests.firmware_export import models
from tests.firmware_export.standalone.states_test import WindowModel


@pytest.fixture
def tflite_micro() -> Any:
    shared.need_tflite_micro()
    from tflite_micro.python.tflite_micro import runtime

    return runtime


def runs(runtime: Any, model: bytes, golden: Golden, arena_bytes: int) -> bool:
    try:
        interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
    except RuntimeError:
        return False
    interpreter.set_input(golden.features[:1], 0)
    interpreter.invoke()
    return np.array_equal(interpreter.get_output(0), golden.logits[:1])


def test_the_recommended_arena_works_and_much_less_does_not(
    tflite_micro: Any, converted_model: bytes, converted_golden: Golden
) -> None:
    ran = micro.run(converted_model, converted_golden.features)
    assert ran is not None
    found = arena.measured(tflite_model.parse(converted_model), ran)
    assert found.source == "measured"
    assert found.minimum_bytes is not None
    assert found.bytes % 16 == found.minimum_bytes % 16 == 0
    assert found.bytes >= found.minimum_bytes * 1.1
    assert found.bytes < found.minimum_bytes * 1.1 + 16
    assert abs(found.minimum_bytes - found.used_bytes) < 64
    assert "tflite_micro" in found.measured_with
    assert runs(tflite_micro, converted_model, converted_golden, found.bytes)
    assert runs(tflite_micro, converted_model, converted_golden, found.minimum_bytes)
    assert not runs(tflite_micro, converted_model, converted_golden, found.minimum_bytes - 16)
    assert not runs(tflite_micro, converted_model, converted_golden, found.bytes // 2)


def test_the_estimate_is_above_what_is_needed(
    tflite_micro: Any, converted_model: bytes, converted_golden: Golden
) -> None:
    info = tflite_model.parse(converted_model)
    estimated = arena.estimate(info)
    ran = micro.run(converted_model, converted_golden.features)
    assert ran is not None
    assert arena.peak_activation_bytes(info) < ran.minimum_bytes
    assert ran.minimum_bytes < estimated.bytes < 2 * ran.minimum_bytes
    assert estimated.source == "estimated"
    assert estimated.minimum_bytes is None
    assert estimated.bytes % 16 == 0


def test_peak_of_a_chain_and_a_branch(small_model: bytes) -> None:
    """[1, 8] and [1, 3] are both alive during the only op, each rounded up to 16 bytes."""
    assert arena.peak_activation_bytes(tflite_model.parse(small_model)) == 32

    def branch(model: Any) -> None:
        graph = model.subgraphs[0]
        for name in ("long lived", "short lived"):
            tensor = models.schema.TensorT()
            tensor.name, tensor.shape, tensor.type = name, [1, 8], models.schema.TensorType.INT8
            graph.tensors.append(tensor)
        first = graph.operators[0]
        graph.operators = []
        for inputs, outputs in (([0], [4]), ([4], [5]), ([4, 5], [3])):
            op = models.schema.OperatorT()
            op.opcodeIndex, op.inputs, op.outputs = first.opcodeIndex, inputs, outputs
            graph.operators.append(op)

    info = tflite_model.parse(models.fully_connected(branch))
    assert arena.peak_activation_bytes(info) == 48  # 4, 5 and 3; the input is gone by then


def test_the_plan_is_the_interpreter_s(
    tflite_micro: Any, converted_model: bytes, converted_golden: Golden
) -> None:
    """What its planner makes of tensors is known exactly, so that scratch can be added to it."""
    window = WindowModel((1, 40, 101, 1))
    x = window.over_time(window.pointwise(window.input, 3), 3, rows=40)
    whole = window.end(window.mean(window.pointwise(x, 6), 1), 4)
    features = np.zeros((1, 40, 101, 1), np.int8)
    for model, inputs in ((converted_model, converted_golden.features), (whole, features)):
        info = tflite_model.parse(model)
        ran = micro.run(model, inputs)
        assert ran is not None
        assert ran.head_bytes + ran.tail_bytes == ran.used_bytes
        unknown = ran.head_bytes - planning.plan(planning.activations(info))
        # MEAN has scratch memory of its own.
        assert 0 <= unknown <= 16 * 3 * sum(op.name == "MEAN" for op in info.ops)
        found = arena.measured(info, ran)
        reference, dsp, mve = (found.devices[library] for library in planning.LIBRARIES)
        assert ran.head_bytes < reference < ran.minimum_bytes
        assert reference <= dsp and reference <= mve


def test_scratch_memory_of_cmsis_nn() -> None:
    """By its formulas: buffers of im2col, a block of channels, sums of the weights."""
    info = tflite_model.parse(models.fully_connected())
    assert planning.scratch(info, planning.REFERENCE) == []
    assert planning.scratch(info, planning.CMSIS_NN) == []
    assert planning.scratch(info, planning.CMSIS_NN_MVE) == [planning.Buffer(16, 0, 0)]
    window = WindowModel((1, 8, 4, 1))
    info = tflite_model.parse(window.end(window.over_time(window.pointwise(window.input, 3), 3), 4))
    depthwise = next(op for op in info.ops if op.name == "DEPTHWISE_CONV_2D")
    _, rows, columns, channels = info.tensors[depthwise.inputs[1]].shape
    sizes = {
        library: {b.first: b.size for b in planning.scratch(info, library)}[depthwise.index]
        for library in (planning.CMSIS_NN, planning.CMSIS_NN_MVE)
    }
    assert sizes[planning.CMSIS_NN] == planning.aligned(2 * channels * rows * columns)
    assert sizes[planning.CMSIS_NN_MVE] == planning.aligned(4 * 124 * rows * columns)


def test_a_plan_of_three_buffers() -> None:
    """The largest at the start, the next after it, the smallest in the gap that time leaves."""
    buffers = [
        planning.Buffer(32, 0, 1),
        planning.Buffer(64, 1, 2),
        planning.Buffer(48, 3, 4),
    ]
    assert planning.plan(buffers) == 96
    assert planning.plan(buffers[1:]) == 64
    assert planning.plan([]) == 0
