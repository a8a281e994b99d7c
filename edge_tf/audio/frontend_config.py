"""FrontendConfig: every number that turns a waveform into log-mel features, in one place."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from edge_tf import files
from edge_tf.errors import UserError

PADDINGS = ("causal", "reflect")


@dataclasses.dataclass(frozen=True)
class FrontendConfig:
    """Log-mel front-end of BC-ResNet (arXiv:2106.04140, sec. 4; the authors' published recipe).

    Power spectrogram of a periodic Hann window, HTK mel filters without area normalization,
    natural logarithm of (mel + log_offset); no mean or variance normalization.

    Attributes:
      sample_rate: Hz.
      clip_samples: samples of one input clip.
      window: window length in samples.
      hop: samples from one frame to the next.
      fft_size: points; the window sits in its middle, zeros around it.
      mel_bands: number of mel filters between low_hz and high_hz.
      log_offset: added to the mel energy (of samples in [-1, 1]) before the logarithm.
      padding: "reflect": frame t is centred on sample t * hop and the clip is mirrored at both
        ends (the published features; needs sound from the future). "causal": frame t ends at
        sample t * hop and zeros stand before the clip: what a device can compute as sound
        arrives. Both give num_frames frames, so that weights fit both.
    """

    sample_rate: int = 16_000
    clip_samples: int = 16_000
    window: int = 480
    hop: int = 160
    fft_size: int = 512
    mel_bands: int = 40
    low_hz: float = 0.0
    high_hz: float = 8_000.0
    log_offset: float = 1e-6
    padding: str = "causal"

    def __post_init__(self) -> None:
        if self.padding not in PADDINGS:
            raise UserError(f"padding={self.padding!r} is not one of {', '.join(PADDINGS)}")
        if not 0 < self.hop <= self.window <= self.fft_size <= self.clip_samples:
            raise UserError(
                "front-end lengths must satisfy 0 < hop <= window <= fft_size <= clip_samples, "
                f"not {self.hop}, {self.window}, {self.fft_size}, {self.clip_samples}",
                "choose other lengths",
            )
        if self.fft_size % 2:
            raise UserError(f"fft_size={self.fft_size} must be even")
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise UserError(
                f"mel range {self.low_hz} to {self.high_hz} Hz does not fit {self.sample_rate} Hz"
            )
        if self.mel_bands < 1 or not 0 < self.log_offset < math.inf:
            raise UserError("mel_bands must be at least 1 and log_offset finite and above 0")

    @property
    def num_frames(self) -> int:
        return 1 + self.clip_samples // self.hop

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape of one clip's features: (mel bands, frames, 1), as the models take them."""
        return (self.mel_bands, self.num_frames, 1)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(
        cls, values: dict[str, Any], source: str = "front-end config"
    ) -> "FrontendConfig":
        """The inverse of to_dict. Raises UserError on bad, unknown or missing fields."""
        fields: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or set(values) != set(fields):
            raise UserError(f"{source} must have exactly the fields {', '.join(fields)}")
        for name, kind in fields.items():
            expected = (int, float) if kind is float else kind
            if not isinstance(values[name], expected) or isinstance(values[name], bool):
                raise UserError(f"{source}: {name}={values[name]!r} is not of type {kind.__name__}")
        try:
            return cls(**values)
        except UserError as error:
            raise UserError(f"{source}: {error}") from None

    @classmethod
    def load(cls, path: Path) -> "FrontendConfig":
        """Reads the "frontend" part of a run's frontend.json."""
        document = files.read_json(path)
        if not isinstance(document, dict) or "frontend" not in document:
            raise UserError(f"{path} has no 'frontend' entry", "train again into a new --run_dir")
        return cls.from_dict(document["frontend"], str(path))
