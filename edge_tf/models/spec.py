"""All that the library needs to know about a model, in one record, defined in the model's file.

Flags read it before TensorFlow loads, so a model's file imports TensorFlow inside its functions.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edge_tf.errors import UserError
from edge_tf.settings import Domain

if TYPE_CHECKING:
    import tf_keras as keras


@dataclasses.dataclass(frozen=True)
class Defaults:
    """Default values of the flags with these names; clip_ms None: the length of the clips."""

    epochs: int
    batch_size: int
    peak_rate: float
    mel_bands: int
    window_ms: int
    hop_ms: int
    clip_ms: int | None
    padding: str
    norm: str


# Of the BC-ResNet paper.
WORDS = Defaults(
    epochs=20,
    batch_size=100,
    peak_rate=0.1,
    mel_bands=40,
    window_ms=30,
    hop_ms=10,
    clip_ms=1000,
    padding="causal",
    norm="none",
)
# Based on the winners of DCASE 2021 Task 1A, with features small enough for a microcontroller.
SCENES = Defaults(
    epochs=100,
    batch_size=32,
    peak_rate=0.06,
    mel_bands=64,
    window_ms=64,
    hop_ms=30,
    clip_ms=None,
    padding="none",
    norm="residual",
)


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A model.

    Attributes:
      name: value of --model.
      build: maps num_classes, input_shape and the settings to an untrained network.
      embeds: num_classes may be None here and in build_stream: the network without its classifier.
      settings: fields of ModelConfig that `build` accepts.
      build_stream: maps num_classes, window_frames and the settings to the streaming form; None:
        there is none.
      build_windows: the same to the form that gives the logits of all windows of a recording, for
        training on streams; None: there is none.
      most_lookahead: maximum useful look-ahead in frames; 0 without a streaming form.
      field: frames, besides its own, that a frame before the final mean depends on; as above.
      mel_bands: the only supported number of mel bands; None: see `mel_bands_multiple`.
      mel_bands_multiple: mel bands must be a multiple of it.
      uses_spec_augment: whether training on words uses BC-ResNet's SpecAugment.
      defaults: default flag values by domain.
    """

    name: str
    build: Callable[..., "keras.Model"]
    settings: tuple[str, ...] = ()
    embeds: bool = False
    build_stream: Callable[..., "keras.Model"] | None = None
    build_windows: Callable[..., "keras.Model"] | None = None
    most_lookahead: int = 0
    field: int = 0
    mel_bands: int | None = None
    mel_bands_multiple: int = 1
    uses_spec_augment: bool = False
    defaults: Mapping[Domain, Defaults] = dataclasses.field(
        default_factory=lambda: {"words": WORDS, "scenes": SCENES}
    )

    def check_mel_bands(self, bands: int) -> None:
        """Raises UserError for an unsupported number of mel bands."""
        what = f"{self.name} does not support --mel_bands={bands}"
        if self.mel_bands is not None and bands != self.mel_bands:
            raise UserError(what, f"it accepts {self.mel_bands}")
        if bands % self.mel_bands_multiple:
            raise UserError(what, f"it accepts multiples of {self.mel_bands_multiple}")
