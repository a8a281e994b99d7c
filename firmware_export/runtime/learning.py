"""What a device needs to learn words and to find them."""

import dataclasses

from firmware_export.frontend.config import LogMel
from firmware_export.runtime.enroller import StreamLimits
from firmware_export.runtime.recogniser import Recogniser
from firmware_export.runtime.takes import TakeLimits


@dataclasses.dataclass(frozen=True, eq=False)
class Learning:
    """What a device needs to learn words and to find them, besides network and front-end.

    Attributes:
      recogniser: its dummies, if it has some.
      size: of an embedding.
      identity: of the network; see words.identity_of.
      unlike: largest squared distance of a take from the mean of those before it.
      takes: when a take is refused.
      stream: when a word is told.
      about: how threshold and `unlike` were chosen, for the reader; a sentence.
    """

    recogniser: Recogniser
    size: int
    identity: bytes
    unlike: int
    takes: TakeLimits
    stream: StreamLimits
    about: str

    @classmethod
    def of(
        cls,
        recogniser: Recogniser,
        size: int,
        identity: bytes,
        frontend: LogMel,
        scale: float,
        frames: int,
        threshold: int,
        unlike: int,
        about: str,
    ) -> "Learning":
        """That of a network.

        Args:
          recogniser, size, identity, unlike, about: see the attributes.
          frontend: of the network, without normalization.
          scale: of its input.
          frames: from one decision to the next.
          threshold: least score of a word.
        """
        return cls(
            recogniser,
            size,
            identity,
            unlike,
            TakeLimits.of(frontend, scale),
            StreamLimits.of(frontend, frames, threshold),
            about,
        )
