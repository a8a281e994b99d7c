"""Estimates of instructions are near what the emulated core takes, and order choices rightly."""

import numpy as np
import pytest

import tflite_model
from firmware_export.boards import profiling
from firmware_export.standalone import compiler, cost_features, costs
from firmware_export.standalone.cost_figures import FIGURES
from firmware_export.standalone.ops.shared import kernel_choice
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.passes_test import Model


def model() -> bytes:
    """Windows, pixels and depthwise windows, on rows that are no multiple of a group."""
    made = Model((1, 13, 11, 8))
    x = made.conv(made.input, 24, (3, 3))
    x = made.conv(x, 40)
    x = made.depthwise(x, (3, 3))
    x = made.depthwise(x, (3, 3), (2, 2))
    x = made.conv(x, 16)
    return made.builder.finish([made.input], [x])


@pytest.mark.firmware
@pytest.mark.parametrize(
    ("board", "nearness"), [("cortex-m4", 0.25), ("cortex-m55", 0.4), ("rv32", 0.4)]
)
def test_ops_are_near_what_is_measured_and_all_together_within_the_tolerance(board, nearness):
    info = tflite_model.parse(model())
    x = np.random.default_rng(0).integers(-128, 128, info.inputs[0].shape[1:])
    measured = profiling.profile(info, usable(board), x)
    kernels = usable(board).target.kernels
    compiled = compiler.compile(info, kernels)
    assert len(measured.ops) == len(compiled.graph.ops) >= 4
    for cost, op in zip(measured.ops, compiled.graph.ops, strict=True):
        estimate = costs.instructions(
            kernel_choice.lower(op, (kernels,)), costs.key(board, kernels)
        )
        assert estimate == pytest.approx(cost.instructions, rel=nearness), cost.source
    whole = costs.of_graph(compiled.graph, kernels, board)
    assert whole == pytest.approx(measured.instructions, rel=costs.TOLERANCE)


def test_a_core_without_figures_is_none():
    with pytest.raises(KeyError):
        costs.of_graph(compiler.compile(model()).graph, "mve", "cortex-m4")


def test_an_op_of_unknown_kernels_costs_by_its_values():
    made = Model((1, 8, 8, 4))
    small = compiler.compile(made.builder.finish([made.input], [made.op("RELU", [made.input])]))
    made = Model((1, 16, 16, 4))
    large = compiler.compile(made.builder.finish([made.input], [made.op("RELU", [made.input])]))
    few, many = (costs.of_graph(c.graph, "portable", "rv32") for c in (small, large))
    assert 256 < few < many < 5 * few


def test_every_core_has_figures_of_every_kernel():
    assert set(cost_features.KERNELS) < set(next(iter(FIGURES.values())))
    assert len({frozenset(kernels) for kernels in FIGURES.values()}) == 1


def test_a_chain_of_rows_costs_more_than_its_ops():
    made = Model((1, 20, 10, 8))
    x = made.depthwise(made.conv(made.input, 64), (3, 3), (2, 2))
    data = made.builder.finish([made.input], [made.conv(x, 8)])
    with_chain = compiler.compile(data, "dsp")
    without = compiler.compile(data, "dsp", passes_to_run=())
    assert with_chain.plan.size < without.plan.size
    totals = [
        sum(costs.instructions(kernel_choice.lower(op, ("dsp",))) for op in compiled.graph.ops)
        for compiled in (with_chain, without)
    ]
    assert totals[1] < totals[0] < 1.5 * totals[1]


def test_a_percent_of_memory_is_worth_a_percent_of_instructions():
    assert costs.price(900, 1_000) < costs.price(1_000, 1_000) < costs.price(990, 1_020)
    assert costs.price(2_000, 500) == pytest.approx(costs.price(1_000, 1_000))
