"""The gates of a byte budget and of a detector; those of the hops are in hop_table_test.py."""

import numpy as np
import pytest

from edge_tf.evaluation.hops import gates, hop_table
from edge_tf.evaluation.hops.hop_result import HopResult
from tflite_model.sparsity import ParameterSize


@pytest.mark.parametrize(("size", "passed"), [(62_464, True), (62_465, False), (0, True)])
def test_a_budget_is_kept_to_the_byte(size, passed):
    """61 KiB."""
    gate = gates.judge_size(ParameterSize(314_960, 50_000, size), 61.0)
    assert gate.passed is passed
    assert gate.name == "non-zero parameters fit 61 KiB"
    assert gate.detail == f"50,000 of 314,960 are non-zero, {size:,} bytes"


def test_a_broken_budget_fails_the_table():
    broken = gates.judge_size(ParameterSize(10, 10, 2000), 1.0)
    logits = np.array([[1.0, 0.0], [0.0, 1.0]])
    hop = HopResult(name="Keras", engine="keras", outputs=logits)
    table = hop_table.build([hop], np.array([0, 1]), others=[broken])
    assert table.failed == [broken] and table.gates[-1] is broken
    assert hop_table.build([hop], np.array([0, 1])).failed == []
