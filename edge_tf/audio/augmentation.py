"""Augmentation: BC-ResNet's for words, and for scenes recorded with unseen microphones.

Words (arXiv:2106.04140): background noise, time shift, SpecAugment. Scenes (arXiv:2111.06531): time
roll, mixup, SpecAugment, and random devices.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from edge_tf.audio import devices
from edge_tf.audio.augmentation_config import AugmentationConfig

# Devices to draw from in training; a new filter per clip would cost more than its features.
_POOL = 500


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
      noise: background recordings, each (n,) int16 and at least one clip long; if empty,
        clips are only shifted.
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
        """Augments a batch in the time domain.

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
        """SpecAugment without warping (arXiv:1904.08779): factors, 0 where masked.

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
        """Random smooth curves over mel bands, 0 for clips that get none.

        A Gaussian process with a correlation length of a fifth of the bands, about an octave at
        1 kHz.

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
          A partner per clip, (batch,) int32, and the weights, (batch,) float32.
        """
        alpha = self.config.mixup_alpha
        if alpha <= 0.0:
            return np.arange(batch, dtype=np.int32), np.ones(batch, np.float32)
        partners = rng.permutation(batch).astype(np.int32)
        return partners, rng.beta(alpha, alpha, batch).astype(np.float32)
