"""Augmentation settings: for words, and for scenes recorded with unseen microphones."""

import dataclasses
import math

from edge_tf import records
from edge_tf.errors import UserError
from edge_tf.records import JsonObject, later

# Widest frequency mask for each tau (arXiv:2106.04140, sec. 4.1); narrower networks get none.
SPEC_AUGMENT_BANDS = {1.5: 1, 2: 3, 3: 5, 6: 7, 8: 7}

# Scenes: masks of up to 40 of 256 bands and up to 80 of the 336 frames of 10 s (hop 30 ms).
_SCENE_MASKS = (40 / 256, 80 / 336)


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """Augmentation of training clips.

    Attributes:
      probability: share of clips that get noise and a shift, both or neither (as published).
      noise_amplitude: noise is scaled by U(0, noise_amplitude).
      silence_amplitude: the same for clips of digital silence, which always get noise.
      max_shift: samples; the clip is shifted by U(-max_shift, max_shift), filled with zeros.
      frequency_mask, time_mask: SpecAugment; a mask is int(U(0, value)) bands or frames wide.
      masks: number of masks of each kind.
      max_roll: samples; every clip is rotated by U(-max_roll, max_roll), wrapping around.
      mixup_alpha: features and labels are mixed with those of another clip of the batch, weights
        Beta(mixup_alpha, mixup_alpha) (arXiv:1710.09412); 0: off.
      device_probability: share of clips that are filtered by another device's response.
      device_responses: folder of recorded impulse responses for that; "": simulated devices.
      equalizer_probability: share of clips that get a random smooth curve added to their log-mel
        bands, which is the effect of a device apart from its noise floor.
      equalizer_decibels: standard deviation of that curve.
      translator_probability: share of the clips of the translator's source device that are
        translated to another device.

    Raises:
      UserError: a value is out of range.
    """

    probability: float = 0.8
    noise_amplitude: float = 0.1
    silence_amplitude: float = 1.0
    max_shift: int = 1_600
    frequency_mask: int = 0
    time_mask: int = 0
    masks: int = 2
    # For scenes only.
    max_roll: int = later(0)
    mixup_alpha: float = later(0.0)
    device_probability: float = later(0.0)
    device_responses: str = later("")
    equalizer_probability: float = later(0.0)
    equalizer_decibels: float = later(6.0)
    translator_probability: float = later(0.0)

    def __post_init__(self) -> None:
        shares = ("probability", "device_probability", "equalizer_probability")
        for name in (*shares, "translator_probability"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UserError(f"{name}={getattr(self, name)} is not between 0 and 1")
        for name in ("max_shift", "max_roll", "mixup_alpha", "equalizer_decibels"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name}={getattr(self, name)} must be finite and not below 0")

    @classmethod
    def for_bc_resnet(cls, tau: float) -> "AugmentationConfig":
        """The published settings: SpecAugment from tau 1.5 on."""
        bands = max((b for t, b in SPEC_AUGMENT_BANDS.items() if t <= tau), default=0)
        return cls(frequency_mask=bands, time_mask=20 if tau >= 1.5 else 0)

    @classmethod
    def for_scenes(
        cls,
        bands: int,
        frames: int,
        sample_rate: int = 16_000,
        *,
        device_probability: float = 0.0,
        device_responses: str = "",
        equalizer_probability: float = 0.0,
        translator_probability: float = 0.0,
    ) -> "AugmentationConfig":
        """Like the winner of DCASE 2021 task 1A: roll of 1.5 s, mixup 0.3, 2 + 2 masks.

        The published masks of up to 40 of 256 bands and 80 frames are scaled to the features.

        Args:
          bands, frames: size of the features.
          sample_rate: Hz.
          device_probability, device_responses, equalizer_probability, translator_probability: see
            the attributes.
        """
        of_bands, of_frames = _SCENE_MASKS
        return cls(
            probability=0.0,
            max_shift=0,
            frequency_mask=round(of_bands * bands),
            time_mask=round(of_frames * frames),
            max_roll=round(1.5 * sample_rate),
            mixup_alpha=0.3,
            device_probability=device_probability,
            device_responses=device_responses,
            equalizer_probability=equalizer_probability,
            translator_probability=translator_probability,
        )

    def to_dict(self) -> JsonObject:
        """As recorded in a run; unused settings for scenes are omitted, as in runs on words."""
        return records.to_json(self)
