"""Augmentation as BC-ResNet was trained with: background noise, time shift, SpecAugment."""

import dataclasses
from collections.abc import Sequence

import numpy as np

# Widest frequency mask for each tau (arXiv:2106.04140, sec. 4.1); narrower networks get none.
SPEC_AUGMENT_BANDS = {1.5: 1, 2: 3, 3: 5, 6: 7, 8: 7}


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
    """

    probability: float = 0.8
    noise_amplitude: float = 0.1
    silence_amplitude: float = 1.0
    max_shift: int = 1_600
    frequency_mask: int = 0
    time_mask: int = 0
    masks: int = 2

    @classmethod
    def for_bc_resnet(cls, tau: float) -> "AugmentationConfig":
        """The published settings: SpecAugment from tau 1.5 on."""
        bands = max((b for t, b in SPEC_AUGMENT_BANDS.items() if t <= tau), default=0)
        return cls(frequency_mask=bands, time_mask=20 if tau >= 1.5 else 0)


class Augmenter:
    """Applies an AugmentationConfig to batches; all randomness comes from the caller's generator.

    Args:
      config: the settings.
      noise: background recordings, each (n,) int16 and at least one clip long; may be empty, and
        then clips are shifted only.
    """

    def __init__(self, config: AugmentationConfig, noise: Sequence[np.ndarray]) -> None:
        self.config = config
        self.noise = list(noise)

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
