"""Costs per op: they add up to the whole, belong to the right op, and come out as a table."""

import dataclasses
import json
from pathlib import Path

import pytest

import tflite_model
from edge_tf import records
from edge_tf.evaluation.cost import file_cost
from edge_tf.evaluation.report import profile_text
from firmware_export.boards import board as boards
from firmware_export.boards import profiling
from firmware_export.errors import ExportError
from firmware_export.oracle import micro
from firmware_export.standalone import compiler
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.boards.measuring_test import FEATURES, FILTERS, small
from tests.firmware_export.standalone.model_builder import Builder

CONVOLUTION = 64 * FILTERS * 9
CLASSIFIER = 3 * FILTERS


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> file_cost.FileCost:
    """The small model on a Cortex-M4 and a Cortex-M55."""
    path = tmp_path_factory.mktemp("profile") / "small.tflite"
    path.write_bytes(small())
    return file_cost.measure(path, [usable("cortex-m4"), usable("cortex-m55")])


@pytest.mark.firmware
class TestAFile:
    def test_ops_add_up_to_the_whole(self, found):
        for board in found.boards:
            total = sum(op.instructions for op in board.ops)
            assert total == pytest.approx(board.cost.instructions, rel=0.02)
            assert max(op.ram_bytes for op in board.ops) == board.cost.arena_bytes
            assert max(op.stack_bytes for op in board.ops) <= board.cost.stack_bytes + 256

    def test_cycles_are_estimated_where_the_cores_timing_is_published(self, found):
        m4, m55 = found.boards
        total = sum(op.cycles.estimate for op in m4.ops)
        assert total == pytest.approx(m4.cost.cycles.estimate, rel=0.02)
        for op in m4.ops:
            assert op.instructions <= op.cycles.least <= op.cycles.estimate <= op.cycles.most
            assert op.cycles.most < 3 * op.instructions
        assert m55.cost.cycles is None
        assert [op.cycles for op in m55.ops] == [None] * len(m55.ops)

    def test_each_op_has_its_own_figures(self, found):
        for board in found.boards:
            ops = {op.source: op for op in board.ops}
            assert ops["op 0 CONV_2D"].multiply_adds == CONVOLUTION
            assert ops["op 1 MEAN"].multiply_adds == 0
            assert ops["op 2 CONV_2D"].multiply_adds == CLASSIFIER
            assert ops["op 0 CONV_2D"].flash_bytes > FILTERS * 9 + 9 * FILTERS
            most = max(board.ops, key=lambda op: op.instructions)
            assert most.source == "op 0 CONV_2D"
            assert ops["op 0 CONV_2D"].instructions > 0.5 * CONVOLUTION / 4

    def test_constants_of_all_ops_are_those_of_the_model(self, found):
        compiled = compiler.compile(tflite_model.parse(small()), "dsp")
        flash = sum(op.flash_bytes for op in found.boards[0].ops)
        assert flash == compiled.constant_bytes == sum(compiled.op_constant_bytes)

    @pytest.mark.skipif(bool(micro.unavailable_reason()), reason=micro.unavailable_reason())
    def test_bytes_are_tflite_micros(self, found):
        assert [board.differing_bytes for board in found.boards] == [0, 0]
        assert found.output_bytes == 3
        assert found.tflm_arena_bytes is not None and found.tflm_arena_bytes > 64 * FILTERS

    def test_the_table_has_the_most_expensive_op_first(self, found):
        text = profile_text.render(found)
        first, second = text.split("\n\nsmall.tflite on cortex-m55: ")
        assert first.startswith("small.tflite on cortex-m4: ")
        assert f"for {CONVOLUTION + CLASSIFIER:,} multiply-adds (" in first
        for part, board in zip((first, second), found.boards, strict=True):
            rows = [line for line in part.splitlines() if line.startswith("| op ")][1:]
            order = [row.split("|")[1].strip() for row in rows]
            by_cost = sorted(board.ops, key=lambda op: -op.instructions)
            assert order == [op.source for op in by_cost]

    def test_the_table_names_cycles_an_estimate(self, found):
        m4, m55 = profile_text.render(found).split("\n\nsmall.tflite on cortex-m55: ")
        cycles = found.boards[0].cost.cycles
        assert f"Estimated cycles, without wait states: {cycles.estimate:,}, " in m4
        assert "| cycles (est.) |" in m4
        for op in found.boards[0].ops:
            assert f" {op.cycles.estimate:,} |" in m4
        assert "cycles" not in m55

    def test_without_tflite_micro_it_says_so(self, found):
        alone = dataclasses.replace(found, tflm_arena_bytes=None, tflm="not available here")
        assert "Not compared with TFLite Micro: not available here." in profile_text.render(alone)

    def test_json_has_all_figures(self, found):
        written = json.loads(json.dumps(records.to_json(found)))
        (m4, _) = written["boards"]
        assert m4["ops"][0]["multiply_adds"] == CONVOLUTION
        assert m4["cost"] == json.loads(json.dumps(dataclasses.asdict(found.boards[0].cost)))


def test_the_host_counts_nothing():
    with pytest.raises(ExportError, match="instructions are not counted on host: name an emul"):
        profiling.profile(tflite_model.parse(small()), boards.HOST, FEATURES[0])


def test_two_outputs_are_refused_before_anything_runs(tmp_path: Path):
    builder = Builder()
    x, y, z = (builder.activation((1, 4), 0.1) for _ in range(3))
    builder.op("RELU", [x], y)
    builder.op("RELU", [x], z)
    path = tmp_path / "two.tflite"
    path.write_bytes(builder.finish([x], [y, z]))
    with pytest.raises(ExportError, match="1 inputs and 2 outputs of type INT8, and only"):
        file_cost.measure(path, [])
