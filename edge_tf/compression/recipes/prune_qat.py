"""prune_qat: pruning, then quantization-aware training that preserves the zeros (PQAT)."""

from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings


def phases(settings: Settings) -> list[Phase]:
    return [
        Phase("prune", sparsity=settings.sparsity),
        Phase("qat", quantized=True),
    ]
