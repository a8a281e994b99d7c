"""Checked parameters of a log-mel front-end in C."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from firmware_export.errors import ExportError

Padding = Literal["causal", "reflect", "none"]
Normalization = Literal["none", "residual", "relaxed"]
PADDINGS: tuple[Padding, ...] = get_args(Padding)
NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)

_NORM_FIELDS = ("normalization", "norm_lambda")
_MIN_FFT, _MAX_FFT = 16, 32_768
_MAX_BANDS = 1_024
_MAX_FRAMES = 65_535


@dataclasses.dataclass(frozen=True)
class LogMel:
    """A causal log-mel front-end that can be computed in integers.

    Attributes:
      sample_rate: Hz.
      clip_samples: samples of one model window.
      window: length of the periodic Hann window in samples.
      hop: samples from one frame to the next.
      fft_size: points, a power of two; zeros follow the window.
      mel_bands: number of HTK mel filters between low_hz and high_hz.
      log_offset: added to the mel energy (of samples in [-1, 1)) before the logarithm.
      padding: "causal": a clip is preceded by zeros; "none": frames that reach there are left out.
      normalization: "none", "residual" or "relaxed"; see firmware_export.frontend.normalization.
      norm_lambda: lambda of the normalization, 0 to 1.
    """

    sample_rate: int
    clip_samples: int
    window: int
    hop: int
    fft_size: int
    mel_bands: int
    low_hz: float
    high_hz: float
    log_offset: float
    padding: Padding = "causal"
    normalization: Normalization = "none"
    norm_lambda: float = 0.0

    @property
    def frames(self) -> int:
        """Frames per model window."""
        return 1 + self.clip_samples // self.hop - self.warm_up

    @property
    def warm_up(self) -> int:
        """Frames after a reset that are not part of the first window.

        Frame t ends before sample t * hop, so these start before the sound.
        """
        return -(-self.window // self.hop) if self.padding == "none" else 0

    @property
    def feature_bytes(self) -> int:
        """Bytes per feature in the window of frames; 16 bits if it is still to be normalized."""
        return 1 if self.normalization == "none" else 2

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "LogMel":
        """From the "frontend" part of a run's frontend.json.

        The two normalization fields may both be missing.

        Raises:
          ExportError: a field is missing, unknown or of another type, or a device cannot compute
            such features.
        """
        kinds = {field.name: field.type for field in dataclasses.fields(cls)}
        names = [name for name in kinds if name not in _NORM_FIELDS]
        if not isinstance(values, dict) or set(values) not in ({*names}, {*names, *_NORM_FIELDS}):
            given = ", ".join(map(str, values)) if isinstance(values, dict) else repr(values)
            raise ExportError(
                f"the front-end has the fields {given}, not {', '.join(names)} and optionally "
                f"{' and '.join(_NORM_FIELDS)}; use the 'frontend' part of the run's "
                "frontend.json"
            )
        texts = {name: values[name] for name in ("padding", "normalization") if name in values}
        numbers = {
            name: _number(name, value, kinds[name])
            for name, value in values.items()
            if name not in texts
        }
        _check_padding(texts["padding"])
        frontend = cls(**numbers, **texts)
        frontend._check()
        return frontend

    def check_streaming(self) -> None:
        """Raises ExportError if features of a frame depend on other frames of its window."""
        if self.normalization != "none":
            raise ExportError(
                f"normalization={self.normalization} needs statistics over a whole window, but a "
                "stream has one frame at a time; train with --nostreaming or without "
                "normalization"
            )

    def _check(self) -> None:
        if not 0 < self.hop <= self.window <= self.fft_size <= self.clip_samples:
            raise ExportError(
                f"front-end lengths are hop={self.hop}, window={self.window}, fft_size="
                f"{self.fft_size}, clip_samples={self.clip_samples}; each must be at least the one "
                "before, and hop above 0"
            )
        if not _MIN_FFT <= self.fft_size <= _MAX_FFT or self.fft_size & (self.fft_size - 1):
            raise ExportError(
                f"fft_size={self.fft_size} cannot be computed on a device; train with a power of "
                f"two from {_MIN_FFT} to {_MAX_FFT}"
            )
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ExportError(
                f"mel range low_hz={self.low_hz:g} to high_hz={self.high_hz:g} does not fit "
                f"sample_rate={self.sample_rate}; use one within 0 to {self.sample_rate / 2:g} Hz"
            )
        if not 1 <= self.mel_bands <= _MAX_BANDS:
            raise ExportError(f"mel_bands={self.mel_bands} must be within 1 to {_MAX_BANDS}")
        if self.frames > _MAX_FRAMES:
            raise ExportError(
                f"a window of {self.frames} frames is too long for a device; train with a longer "
                f"hop or shorter clips, for at most {_MAX_FRAMES} frames"
            )
        if self.normalization not in NORMALIZATIONS:
            raise ExportError(
                f"normalization={self.normalization!r} is not one of {', '.join(NORMALIZATIONS)}"
            )
        if not 0 <= self.norm_lambda <= 1:
            raise ExportError(f"norm_lambda={self.norm_lambda:g} must be within 0 to 1")


def _number(name: str, value: Any, kind: Any) -> Any:
    expected = (int, float) if kind is float else int
    if isinstance(value, bool) or not isinstance(value, expected) or not math.isfinite(value):
        raise ExportError(
            f"front-end: {name}={value!r} is not a number of type {kind.__name__}; restore the "
            "run's frontend.json"
        )
    return kind(value)


def _check_padding(padding: Any) -> None:
    if padding == "reflect":
        raise ExportError(
            "padding=reflect needs sound from the future, which a device does not have; train "
            "with --padding=causal"
        )
    if padding not in PADDINGS:
        raise ExportError(f"padding={padding!r} is not one of {', '.join(PADDINGS)}")
