"""distill: a float student learns from a larger run's logits, and from its features if asked."""

from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings


def phases(settings: Settings) -> list[Phase]:
    # A teacher is there, so the default objective reads it.
    return [Phase("distill")]
