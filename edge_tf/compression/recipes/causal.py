"""causal: a streaming student learns from a teacher with look-ahead (arXiv:2308.16415)."""

import tf_keras as keras

from edge_tf.compression.network import Network
from edge_tf.compression.objectives import FromTeacher
from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings
from edge_tf.compression.teaching.foresight import Foresight
from edge_tf.training.objective import Objective

# Weight of the loss on features, added to those on labels and logits.
_FEATURE_WEIGHT = 0.2


def phases(settings: Settings) -> list[Phase]:
    return [Phase("causal", objective=_foresight)]


def _foresight(
    network: Network, teacher: keras.Model | None, settings: Settings, steps: int
) -> Objective:
    assert teacher is not None
    return FromTeacher(
        network,
        teacher,
        settings.temperature,
        settings.distill_weight,
        Foresight.for_models(network.model, teacher, seed=settings.seed),
        _FEATURE_WEIGHT,
    )
