"""finetune: more epochs and nothing else; the baseline for the other recipes."""

from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings


def phases(settings: Settings) -> list[Phase]:
    return [Phase("finetune")]
