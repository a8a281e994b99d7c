"""qat: quantization-aware training (TFMOT); masked weights stay zero."""

from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings


def phases(settings: Settings) -> list[Phase]:
    return [Phase("qat", quantized=True)]
