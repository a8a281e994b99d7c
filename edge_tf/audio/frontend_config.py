"""FrontendConfig: all parameters that turn a waveform into log-mel features, in one place."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

from edge_tf import files, records
from edge_tf.errors import UserError
from edge_tf.records import JsonObject, later
from firmware_export.frontend.config import NORMALIZATIONS, PADDINGS, Normalization, Padding

NORM_LAMBDAS: Mapping[str, float] = {"residual": 0.1, "relaxed": 0.5}
"""Normalizations other than "none", with the lambda of their papers."""

_NORM_FIELDS = ("normalization", "norm_lambda")


@dataclasses.dataclass(frozen=True)
class FrontendConfig:
    """Log-mel front-end of BC-ResNet (arXiv:2106.04140, sec. 4; the authors' published recipe).

    Power spectrogram of a periodic Hann window, HTK mel filters without area normalization,
    natural logarithm of (mel + log_offset); then optional instance normalization.

    Attributes:
      sample_rate: Hz.
      clip_samples: samples of one input clip.
      window: window length in samples.
      hop: samples from one frame to the next.
      fft_size: points; the window is centred, with zeros around it.
      mel_bands: number of mel filters between low_hz and high_hz.
      log_offset: added to the mel energy (of samples in [-1, 1]) before the logarithm.
      padding: "reflect": frame t is centred on sample t * hop and the clip is mirrored at both
        ends (the published features; needs future samples). "causal": frame t ends at sample
        t * hop and zeros precede the clip: what a device can compute as sound arrives. Both
        produce the same number of frames, so that weights fit both. "none": causal without the
        frames that reach before the clip, so that statistics cover sound only and a clip is what
        an always-on device receives.
      normalization: of the log-mel x of a clip, over all its frames; see instance_statistics.
        "none": x. "residual": norm_lambda * x + FreqIN(x) (ResNorm, arXiv:2111.06531). "relaxed":
        norm_lambda * LN(x) + (1 - norm_lambda) * FreqIN(x) (RFN, arXiv:2206.12513).
      norm_lambda: 0 to 1; None is replaced by the paper's value in NORM_LAMBDAS. Without
        normalization it stays None.

    Raises:
      UserError: such features cannot be computed.
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
    padding: Padding = "causal"
    normalization: Normalization = later("none")
    norm_lambda: float | None = later(None)

    def __post_init__(self) -> None:
        if self.padding not in PADDINGS:
            raise UserError(f"padding={self.padding!r:.60} is not one of {', '.join(PADDINGS)}")
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
        self._check_normalization()

    def _check_normalization(self) -> None:
        """Also replaces a lambda of None by the paper's."""
        if self.normalization == "none":
            if self.norm_lambda is not None:
                raise UserError(
                    f"norm_lambda={self.norm_lambda} needs a normalization, but there is none",
                    f"choose normalization={' or '.join(NORM_LAMBDAS)}, or leave norm_lambda out",
                )
            return
        if self.normalization not in NORM_LAMBDAS:
            raise UserError(
                f"normalization={self.normalization!r:.60} is not one of "
                f"{', '.join(NORMALIZATIONS)}"
            )
        if self.norm_lambda is None:
            object.__setattr__(self, "norm_lambda", NORM_LAMBDAS[self.normalization])
        elif not 0 <= self.norm_lambda <= 1:
            raise UserError(f"norm_lambda={self.norm_lambda} must be within 0 to 1")

    @property
    def num_frames(self) -> int:
        return 1 + self.clip_samples // self.hop - self.warm_up

    @property
    def warm_up(self) -> int:
        """Frames after a reset that are left out, since they reach before the clip."""
        return -(-self.window // self.hop) if self.padding == "none" else 0

    @property
    def is_causal(self) -> bool:
        """Whether frames need no future samples, so that a device can compute them."""
        return self.padding != "reflect"

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape of one clip's features: (mel bands, frames, 1), as models expect it."""
        return (self.mel_bands, self.num_frames, 1)

    def to_dict(self) -> JsonObject:
        """For JSON. Without normalization its fields are omitted, as before they existed."""
        return records.to_json(self)

    @classmethod
    def from_dict(cls, values: object, source: str = "front-end config") -> "FrontendConfig":
        """The inverse of to_dict. Raises UserError on bad, unknown or missing fields."""
        fields = [field.name for field in dataclasses.fields(cls)]
        required = [name for name in fields if name not in _NORM_FIELDS]
        if not isinstance(values, dict) or set(values) not in (set(required), set(fields)):
            raise UserError(
                f"{source} must have exactly the fields {', '.join(required)}; or these plus "
                f"{' and '.join(_NORM_FIELDS)}"
            )
        if values.get("norm_lambda", 0.0) is None:
            raise UserError(f"{source}: norm_lambda=None is not a number")
        return records.from_json(values, cls, source)

    @classmethod
    def load(cls, path: Path) -> "FrontendConfig":
        """Reads the "frontend" part of a run's frontend.json. Raises UserError."""
        document = files.read_json(path)
        if not isinstance(document, dict) or "frontend" not in document:
            raise UserError(f"{path} has no 'frontend' entry", "train again into a new --run_dir")
        return cls.from_dict(document["frontend"], str(path))
