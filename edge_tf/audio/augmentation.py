"""Augmentation: as BC-ResNet was trained with for words, and for scenes on unseen microphones.

Words (arXiv:2106.04140): background noise, time shift, SpecAugment. Scenes (arXiv:2111.06531): time
roll, mixup, SpecAugment, and random devices.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from edge_tf.audio import devices
from edge_tf.errors import UserError

# Widest frequency mask for each tau (arXiv:2106.04140, sec. 4.1); narrower networks get none.
SPEC_AUGMENT_BANDS = {1.5: 1, 2: 3, 3: 5, 6: 7, 8: 7}

# Scenes: masks of up to 40 of 256 bands and up to 80 of the 336 frames of 10 s (hop 30 ms).
_SCENE_MASKS = (40 / 256, 80 / 336)
_SCENES_ONLY = (
    "max_roll",
    "mixup_alpha",
    "device_probability",
    "device_responses",
    "equalizer_probability",
    "equalizer_decibels",
    "translator_probability",
)
# Devices that trainings draw from; making a filter for each clip would cost more than its features.
_POOL = 500


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """How training clips are varied.

    Attributes:
      probability: share of clips that get noise and a shift, both or neither (as published).
      noise_amplitude: noise is scaled by U(0, noise_amplitude).
      silence_amplitude: the same for clips of digital silence, which always get noise.
      max_shift: samples; the clip moves by U(-max_shift, max_shift), zeros come in.
      frequency_mask, time_mask: SpecAugment; a mask is int(U(0, value)) bands or frames wide.
      masks: number of masks of each kind.
      max_roll: samples; every clip is turned round by U(-max_roll, max_roll), what leaves at one
        end comes in at the other.
      mixup_alpha: features and labels are mixed with those of another clip of the batch, weights
        Beta(mixup_alpha, mixup_alpha) (arXiv:1710.09412); 0: not.
      device_probability: share of clips that are heard through another device.
      device_responses: folder of recorded impulse responses for that; "": simulated devices.
      equalizer_probability: share of clips whose log-mel bands get a random smooth curve added,
        which is what a device does to them if noise floors are left out.
      equalizer_decibels: standard deviation of that curve.
      translator_probability: share of the clips of the translator's source that are translated to
        another device.

    Raises:
      UserError: a value out of range.
    """

    probability: float = 0.8
    noise_amplitude: float = 0.1
    silence_amplitude: float = 1.0
    max_shift: int = 1_600
    frequency_mask: int = 0
    time_mask: int = 0
    masks: int = 2
    max_roll: int = 0
    mixup_alpha: float = 0.0
    device_probability: float = 0.0
    device_responses: str = ""
    equalizer_probability: float = 0.0
    equalizer_decibels: float = 6.0
    translator_probability: float = 0.0

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
        """As the winner of DCASE 2021 task 1A: roll of 1.5 s, mixup 0.3, 2 + 2 masks.

        The published masks of up to 40 of 256 bands and 80 frames are scaled to the features.

        Args:
          bands, frames: size of the features.
          sample_rate: Hz.
          device_probability, device_responses, equalizer_probability, translator_probability: as
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

    def to_dict(self) -> dict[str, Any]:
        """As recorded in a run: what is for scenes only if it is used, as runs of words have it."""
        fields = dataclasses.fields(self)
        values = {field.name: getattr(self, field.name) for field in fields}
        unused = {f.name for f in fields if f.name in _SCENES_ONLY and values[f.name] == f.default}
        return {name: value for name, value in values.items() if name not in unused}


class Translator(Protocol):
    """Maps features of one device to those of others (edge_tf.training.device_translation).

    Attributes:
      source: the device whose clips it translates.
      targets: names of the others.
    """

    @property
    def source(self) -> str: ...

    @property
    def targets(self) -> tuple[str, ...]: ...

    def __call__(self, features: Any, targets: Any) -> Any:
        """Features (batch, mel_bands, frames, 1) to the same; targets (batch,) int32, -1: none."""
        ...


class Augmenter:
    """Applies an AugmentationConfig to batches; all randomness comes from the caller's generator.

    Args:
      config: the settings.
      noise: background recordings, each (n,) int16 and at least one clip long; may be empty, and
        then clips are shifted only.
      sample_rate: Hz, of the clips.
      translator: for config.translator_probability; None: no clip is translated.

    Raises:
      UserError: the recorded responses cannot be read.
    """

    def __init__(
        self,
        config: AugmentationConfig,
        noise: Sequence[np.ndarray],
        sample_rate: int = 16_000,
        translator: Translator | None = None,
    ) -> None:
        self.config = config
        self.translator = translator if config.translator_probability > 0.0 else None
        self.noise = list(noise)
        self.devices: list[np.ndarray] = []
        if config.device_probability > 0.0 and config.device_responses:
            self.devices = devices.load_responses(config.device_responses, sample_rate)
        elif config.device_probability > 0.0:
            self.devices = devices.pool(0, _POOL, sample_rate)

    def waveforms(
        self, clips: np.ndarray, is_silence: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Varies a batch in the time domain.

        Args:
          clips: (batch, samples) int16.
          is_silence: (batch,) bool, clips of digital silence.
          rng: source of randomness.

        Returns:
          (batch, samples) float32 in [-1, 1].
        """
        result = clips.astype(np.float32)
        result *= 1.0 / 32768.0
        samples = result.shape[1]
        limit = self.config.max_shift
        for row, silent in enumerate(is_silence):
            if not silent and rng.random() >= self.config.probability:
                continue
            shift = max(-samples, min(int(rng.uniform(-limit, limit)), samples))
            if shift > 0:
                result[row, shift:] = result[row, : samples - shift].copy()
                result[row, :shift] = 0.0
            elif shift < 0:
                result[row, :shift] = result[row, -shift:].copy()
                result[row, shift:] = 0.0
            if self.noise:
                amplitude = self.config.silence_amplitude if silent else self.config.noise_amplitude
                recording = self.noise[rng.integers(len(self.noise))]
                start = rng.integers(len(recording) - samples + 1)
                scale = np.float32(rng.uniform(0.0, amplitude) / 32768.0)
                result[row] += scale * recording[start : start + samples]
        if self.config.max_roll > 0:
            for row in result:
                row[:] = np.roll(row, int(rng.uniform(-self.config.max_roll, self.config.max_roll)))
        if self.devices:
            for row in result:
                if rng.random() < self.config.device_probability:
                    row[:] = devices.apply(row, self.devices[rng.integers(len(self.devices))])
        return np.clip(result, -1.0, 1.0, out=result)

    def masks(
        self, batch: int, bands: int, frames: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """SpecAugment without warping (arXiv:1904.08779): factors of 0 where a mask lies.

        Returns:
          (batch, bands) and (batch, frames) float32, to multiply log-mel features with.
        """
        along_frequency = np.ones((batch, bands), np.float32)
        along_time = np.ones((batch, frames), np.float32)
        for factors, widest in (
            (along_frequency, self.config.frequency_mask),
            (along_time, self.config.time_mask),
        ):
            if widest < 1:
                continue
            for row in factors:
                for _ in range(self.config.masks):
                    width = min(int(rng.uniform(0, widest)), len(row))
                    start = rng.integers(len(row) - width + 1)
                    row[start : start + width] = 0.0
        return along_frequency, along_time

    def equalizers(self, batch: int, bands: int, rng: np.random.Generator) -> np.ndarray:
        """Random smooth curves over mel bands, 0 for the clips that get none.

        A Gaussian process; a fifth of the bands, about an octave at 1 kHz, is its correlation
        length.

        Returns:
          (batch, bands) float32, to add to log-mel features (natural logarithm of power).
        """
        curves = np.zeros((batch, bands), np.float32)
        if self.config.equalizer_probability > 0.0:
            chosen = rng.random(batch) < self.config.equalizer_probability
            root = devices.smooth_root(bands, bands / 5)
            smooth = rng.standard_normal((batch, bands)) @ root
            neper = self.config.equalizer_decibels * math.log(10.0) / 10.0
            curves[chosen] = neper * smooth[chosen]
        return curves

    def translations(self, recorded_with: Sequence[str], rng: np.random.Generator) -> np.ndarray:
        """Which target device each clip is translated to; -1: none.

        Args:
          recorded_with: devices of the clips.
          rng: source of randomness.

        Returns:
          (batch,) int32.
        """
        found = np.full(len(recorded_with), -1, np.int32)
        if self.translator is not None:
            chosen = rng.random(len(found)) < self.config.translator_probability
            chosen &= np.array([name == self.translator.source for name in recorded_with], bool)
            targets = rng.integers(len(self.translator.targets), size=len(found))
            found[chosen] = targets[chosen]
        return found

    def mixing(self, batch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Mixup (arXiv:1710.09412): clip i becomes weight * clip i + (1 - weight) * its partner.

        Returns:
          Partners, (batch,) int32, each clip one, and the weights, (batch,) float32.
        """
        alpha = self.config.mixup_alpha
        if alpha <= 0.0:
            return np.arange(batch, dtype=np.int32), np.ones(batch, np.float32)
        partners = rng.permutation(batch).astype(np.int32)
        return partners, rng.beta(alpha, alpha, batch).astype(np.float32)
