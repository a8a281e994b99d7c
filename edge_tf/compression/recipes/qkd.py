"""qkd: self-study, co-study, tutoring (arXiv:1911.12491); epochs 30 : 100 : 70 as published."""

import tf_keras as keras

from edge_tf.compression.network import Network
from edge_tf.compression.objectives import CoStudy
from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings
from edge_tf.training.objective import CrossEntropy, Objective


def phases(settings: Settings) -> list[Phase]:
    return [
        Phase("self_study", 30, quantized=True, objective=_alone),
        Phase("co_study", 100, quantized=True, objective=_together),
        # The teacher is fixed now: the default objective uses it.
        Phase("tutoring", 70, quantized=True),
    ]


def _alone(
    network: Network, teacher: keras.Model | None, settings: Settings, steps: int
) -> Objective:
    return CrossEntropy(network.model)


def _together(
    network: Network, teacher: keras.Model | None, settings: Settings, steps: int
) -> Objective:
    if teacher is None:
        raise ValueError("qkd needs a teacher; the settings should have refused this")
    return CoStudy(network, teacher, settings.temperature)
