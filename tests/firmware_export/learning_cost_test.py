"""Learning and recognising words costs little beside the network; benchmarks/fewshot.md."""

import pytest

from firmware_export.standalone.enrolling import Enrolling
from tests.firmware_export import learning_cost

pytestmark = pytest.mark.firmware


@pytest.fixture(scope="module")
def model() -> bytes:
    return learning_cost.network()


@pytest.mark.parametrize("dummies", [True, False])
def test_ten_words_fit_the_targets_on_a_cortex_m4(model, dummies, tmp_path):
    """Of flash, code alone with dummies: their weights are what benchmarks/fewshot.md says."""
    cost = learning_cost.measure(model, "cortex-m4", tmp_path, dummies)
    frames = 151  # of the take, which is judged once
    assert 0 < cost.take + cost.judge / frames <= 0.02 * cost.network
    assert 0 < cost.recognition <= 0.01 * cost.network
    assert 0 < cost.ram <= 2_048
    learning = learning_cost.export(model, tmp_path / "again", dummies)
    told = Enrolling(learning, learning_cost.CONFIG.to_dict()).ram()
    assert sum(told.values()) == cost.ram
    assert 0 < cost.code <= 4_096
