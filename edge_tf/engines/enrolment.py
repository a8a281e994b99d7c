"""A word learnt from takes that are whole sounds, as a device learns it."""

from collections.abc import Sequence

import numpy as np

from edge_tf.engines.embedder import Embedder
from firmware_export.runtime.enroller import Enroller, Told, WordStream
from firmware_export.runtime.learning import Learning
from firmware_export.runtime.takes import Verdict


def enrol(
    embedder: Embedder, learning: Learning, takes: Sequence[np.ndarray]
) -> tuple[Enroller, list[Verdict]]:
    """Learns from takes, each of which begins after silence.

    Args:
      embedder: of the network.
      learning: when takes are refused.
      takes: (n,) int16 each.

    Returns:
      What has learnt, and what became of each take.
    """
    enroller = Enroller(learning.takes, learning.unlike)
    verdicts = []
    for pcm in takes:
        embedder.reset()
        take = enroller.begin_take()
        take.hear(pcm)
        for frame, embedding in embedder.push(pcm):
            take.push(frame, embedding)
        verdicts.append(enroller.add_take(take))
    return enroller, verdicts


def recognise(
    embedder: Embedder, learning: Learning, words: np.ndarray, pcm: np.ndarray
) -> list[tuple[int, Told]]:
    """Finds words in a sound that begins after silence.

    Args:
      embedder: of the network.
      learning: recogniser and thresholds.
      words: (words, size) int16 prototypes.
      pcm: (n,) int16.

    Returns:
      The words that are told, each with the number of its frame, from 0.
    """
    stream = WordStream(learning.stream, learning.recogniser, words)
    every = learning.stream.frames // embedder.frames
    embedder.reset()
    told, due = [], 0
    for at, (_, embedding) in enumerate(embedder.push(pcm)):
        if embedding is None:
            continue
        found = stream.push(embedding) if due % every == 0 else None
        due += 1
        if found is not None:
            told.append((at, found))
    return told
