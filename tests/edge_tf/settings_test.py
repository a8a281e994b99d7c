"""What a user can choose: one list for flags, records and registries."""

import pytest

from edge_tf import settings
from edge_tf.audio.frontend_config import NORM_LAMBDAS
from edge_tf.errors import UserError
from edge_tf.settings import TrainingSettings
from firmware_export.frontend.config import NORMALIZATIONS


def test_registries_have_what_the_types_name():
    assert ("none", *NORM_LAMBDAS) == NORMALIZATIONS
    assert {"frontend", *settings.INNER_PLACES} == set(settings.NORM_PLACES)


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"batch_size": 1}, {"peak_rate": 0.0}])
def test_a_training_out_of_range_is_refused(bad):
    with pytest.raises(UserError, match="--epochs must be at least 1"):
        TrainingSettings(**bad)
