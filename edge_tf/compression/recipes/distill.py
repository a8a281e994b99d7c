"""distill: a float student learns from a larger run's logits, optionally its features."""

from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings


def phases(settings: Settings) -> list[Phase]:
    # The recipe requires a teacher, and the default objective uses it.
    return [Phase("distill")]
