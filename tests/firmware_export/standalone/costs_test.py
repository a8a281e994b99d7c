"""Estimates of instructions are near what the emulated core takes, and order choices rightly."""

import numpy as np
import pytest

import tflite_model
from firmware_export.boards import profiling
from firmware_export.standalone import compiler, costs
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
def test_they_are_within_a_quarter_of_what_is_measured():
    info = tflite_model.parse(model())
    x = np.random.default_rng(0).integers(-128, 128, info.inputs[0].shape[1:])
    measured = profiling.profile(info, usable("cortex-m4"), x)
    compiled = compiler.compile(info, "dsp")
    assert len(measured.ops) == len(compiled.graph.ops) >= 4
    for cost, op in zip(measured.ops, compiled.graph.ops, strict=True):
        estimate = costs.instructions(op.lower("dsp"))
        assert estimate == pytest.approx(cost.instructions, rel=0.25), cost.source


def test_a_chain_of_rows_costs_more_than_its_ops():
    made = Model((1, 20, 10, 8))
    x = made.depthwise(made.conv(made.input, 64), (3, 3), (2, 2))
    data = made.builder.finish([made.input], [made.conv(x, 8)])
    with_chain = compiler.compile(data)
    without = compiler.compile(data, passes_to_run=())
    assert with_chain.plan.size < without.plan.size
    totals = [
        sum(costs.instructions(op.lower()) for op in compiled.graph.ops)
        for compiled in (with_chain, without)
    ]
    assert totals[1] < totals[0] < 1.5 * totals[1]


def test_a_percent_of_memory_is_worth_a_percent_of_instructions():
    assert costs.price(900, 1_000) < costs.price(1_000, 1_000) < costs.price(990, 1_020)
    assert costs.price(2_000, 500) == pytest.approx(costs.price(1_000, 1_000))
