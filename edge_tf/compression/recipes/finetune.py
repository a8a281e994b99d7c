"""finetune: some more epochs, nothing else; what the other recipes are compared with."""

from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings


def phases(settings: Settings) -> list[Phase]:
    return [Phase("finetune")]
