"""prune: magnitude pruning of the float model (TFMOT; arXiv:1710.01878)."""

from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings


def phases(settings: Settings) -> list[Phase]:
    return [Phase("prune", sparsity=settings.sparsity)]
