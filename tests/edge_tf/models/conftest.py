"""Models of the paper's widths, each built once for the session."""

import functools
from collections.abc import Callable

import pytest
import tf_keras as keras

from edge_tf.models import build_model


@pytest.fixture(scope="session")
def bc_resnet() -> Callable[..., keras.Model]:
    """bc_resnet(tau, num_classes=12), shared: a test that reads weights sets them first."""

    @functools.cache
    def model(tau: float, num_classes: int = 12) -> keras.Model:
        keras.utils.set_random_seed(0)  # the same weights whichever tests run
        return build_model("bc_resnet", tau=tau, num_classes=num_classes)

    return model
