"""pqk: prune and quantize, then the pruned weights help to teach (arXiv:2106.14681)."""

from edge_tf.compression.network import Network
from edge_tf.compression.objectives import InNetworkTeacher
from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings
from edge_tf.training.objective import Objective


def phases(settings: Settings) -> list[Phase]:
    return [
        Phase("prune_qat", quantized=True, sparsity=settings.sparsity),
        Phase("in_network_teacher", quantized=True, revived=True, objective=_in_network),
    ]


def _in_network(network: Network, teacher: object, settings: Settings, steps: int) -> Objective:
    return InNetworkTeacher(network, settings.temperature, steps)
