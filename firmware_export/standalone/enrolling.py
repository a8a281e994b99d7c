"""What a folder needs to learn words from sound, and to find them in it."""

import dataclasses
from typing import Any

from firmware_export import packing
from firmware_export.errors import ExportError
from firmware_export.frontend.config import LogMel
from firmware_export.runtime import render_words, words
from firmware_export.runtime.learning import Learning
from firmware_export.standalone.spotting import Sound
from tflite_model.info import ModelInfo


@dataclasses.dataclass(frozen=True, eq=False)
class Enrolling:
    """What a folder needs to learn words from sound, and to find them in it.

    Attributes:
      learning: recogniser, limits and thresholds.
      frontend: fields of the front-end, the "frontend" part of a run's frontend.json.
      sound: clips for the self-test of the front-end.
    """

    learning: Learning
    frontend: dict[str, Any]
    sound: Sound | None = None

    def files(
        self, info: ModelInfo, version: str, streaming: bool, external: bool
    ) -> dict[str, bytes]:
        """The C of it, by path in the folder.

        Args:
          info: the network, in the form that is exported.
          version: of edge_tf, for the file headers.
          streaming: the model has the streaming form.
          external: the caller gives the model's buffer.

        Raises:
          ExportError: network, front-end and recogniser do not fit together, or a device cannot
            compute such features.
        """
        packing.check_ends(info, streaming)
        size = self.learning.size
        if info.outputs[0].byte_size != size:
            raise ExportError(
                f"the model outputs {info.outputs[0].shape}, the recogniser takes {size} values"
            )
        config = LogMel.from_dict(self.frontend)
        made = render_words.sources(self.learning, config, version, streaming, external)
        return {
            **packing.frontend_files(info, self.frontend, version, streaming),
            **{f"src/{name}": text.encode() for name, text in made.items()},
        }

    def values(self) -> dict[str, Any]:
        """For the templates of the folder."""
        config, learning = LogMel.from_dict(self.frontend), self.learning
        stream = learning.stream
        seconds = stream.settle * stream.frames * config.hop / config.sample_rate
        return {
            "sample_rate": config.sample_rate,
            "settle_ms": round(1000 * seconds),
            "threshold_about": learning.about,
            "dummies": learning.recogniser.dummies is not None,
            "learning_bytes": self.constant_bytes,
            "word_bytes": words.NAME_BYTES + 2 * learning.size,
            "most_words": words.MOST_WORDS,
        }

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights in flash besides the network's: those that make dummies."""
        made = self.learning.recogniser.dummies
        return 0 if made is None else made.constant_bytes

    def ram(self) -> dict[str, int]:
        """Bytes of static memory on a 32-bit device besides network, front-end and window."""
        size, limits = self.learning.size, self.learning.takes
        made = self.learning.recogniser.dummies
        dummies = 0 if made is None else made.output_bias.shape[0]
        bands = LogMel.from_dict(self.frontend).mel_bands
        kept = words.MOST_WORDS * (words.NAME_BYTES + 2 * size) + 2 * size * dummies
        return {
            "embedding": _up(4 + bands + size, 8),  # behind the front-end, which is aligned to 8
            "words": _up(4 + kept),
            "enroller": _up(_up(48 + 4 * size + 2 * limits.half) + limits.frames + size),
            "recogniser": 40,
        }


def _up(size: int, step: int = 4) -> int:
    return step * -(-size // step)
