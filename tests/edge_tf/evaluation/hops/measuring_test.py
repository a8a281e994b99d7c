"""What engines put out becomes a HopResult each."""

import numpy as np
import pytest

from edge_tf.engines.base import Outputs, UnavailableError
from edge_tf.engines.emitted_c import EmittedC, IntegerFrontend
from edge_tf.engines.keras_float import KerasFloat
from edge_tf.evaluation.hops import measuring
from firmware_export.boards import board as boards
from firmware_export.standalone.spotting import Spotting

LABELS = np.arange(200) % 4
DEVICES = ("",) * len(LABELS)
INT8 = Outputs(np.zeros((5, 4), np.int8), 0.5, -3, 0.01)
M55 = boards.by_name("cortex-m55")


def test_all_that_an_engine_says_is_kept():
    engine = EmittedC(b"", boards.HOST)
    result = measuring._result(engine, INT8, np.arange(5))
    assert (result.name, result.engine, result.start) == (engine.name, engine.id, "features")
    assert (result.scale, result.zero_point, result.seconds_per_inference) == (0.5, -3, 0.01)
    assert result.bit_exact and result.outputs is INT8.logits and result.is_partial


def test_an_engine_that_cannot_run_says_why(tmp_path):
    result = measuring._result(KerasFloat(tmp_path / "none"), UnavailableError("no keras"), None)
    assert result.unavailable == "no keras" and result.outputs is None and not result.bit_exact


@pytest.mark.parametrize(
    ("start", "wanted"), [("features", ""), ("waveform", IntegerFrontend.name)]
)
def test_c_from_the_waveform_on_is_compared_with_the_integer_front_end(start, wanted):
    engine = EmittedC(b"", boards.HOST, Spotting(["a", "b"], {}), start)
    assert measuring._result(engine, INT8, None).compare_to == wanted
    assert measuring._result(engine, UnavailableError("no gcc"), None).compare_to == wanted


def test_a_slow_engine_runs_an_even_choice_of_clips():
    slow = EmittedC(b"", M55)
    rows = measuring._rows_for(slow, LABELS, DEVICES)
    assert rows is not None and len(rows) == slow.most_clips < len(LABELS)
    assert len(set(np.bincount(LABELS[rows]))) == 1
    assert measuring._rows_for(EmittedC(b"", boards.HOST), LABELS, DEVICES) is None
    assert measuring._rows_for(slow, LABELS[: slow.most_clips], DEVICES) is None
