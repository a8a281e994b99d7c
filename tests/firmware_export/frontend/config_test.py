from typing import Any

import pytest

from firmware_export.errors import ExportError
from firmware_export.frontend.config import LogMel
from tests.firmware_export.runtime.compiled import FRONTEND


def test_takes_the_fields_of_frontend_json() -> None:
    config = LogMel.from_dict(FRONTEND)
    assert (config.window, config.hop, config.mel_bands, config.frames) == (480, 160, 40, 101)


def test_whole_numbers_are_frequencies() -> None:
    """JSON has one kind of number: 8000.0 may come back as 8000."""
    assert LogMel.from_dict({**FRONTEND, "low_hz": 20, "high_hz": 8000}).high_hz == 8000.0


def test_files_of_before_normalization() -> None:
    config = LogMel.from_dict(FRONTEND)
    assert (config.normalization, config.norm_lambda, config.feature_bytes) == ("none", 0.0, 1)
    config.check_streaming()


def test_normalization() -> None:
    config = LogMel.from_dict({**FRONTEND, "normalization": "relaxed", "norm_lambda": 1})
    assert (config.normalization, config.norm_lambda, config.feature_bytes) == ("relaxed", 1.0, 2)
    with pytest.raises(ExportError, match="normalization=relaxed needs statistics over a whole"):
        config.check_streaming()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"padding": "reflect"}, "padding=reflect needs sound from the future.*--padding=causal"),
        ({"padding": "same"}, "padding='same' is not one of causal, reflect"),
        ({"fft_size": 600}, "fft_size=600 cannot be computed.*a power of two from 16"),
        ({"fft_size": 8, "window": 8, "hop": 4}, "fft_size=8 cannot be computed"),
        ({"fft_size": 65_536, "clip_samples": 65_536}, "fft_size=65536 cannot be computed"),
        ({"window": 513}, "hop=160, window=513, fft_size=512"),
        ({"hop": 0}, "hop above 0"),
        ({"hop": 481}, "hop=481, window=480"),
        ({"clip_samples": 500}, "clip_samples=500"),
        ({"high_hz": 8_001.0}, "0 to high_hz=8001 does not fit sample_rate=16000"),
        ({"low_hz": 8_000.0}, "low_hz=8000 to high_hz=8000"),
        ({"low_hz": float("nan")}, "low_hz=nan is not a number"),
        ({"mel_bands": 0}, "mel_bands=0 must be within 1 to 1024"),
        ({"mel_bands": 2_000}, "mel_bands=2000 must be within 1 to 1024"),
        ({"mel_bands": 40.0}, "mel_bands=40.0 is not a number of type int"),
        ({"mel_bands": True}, "mel_bands=True is not a number"),
        ({"window": "480"}, "window='480' is not a number"),
        ({"clip_samples": 20_000_000}, "window of 125001 frames is too long"),
        ({"pcen": True}, "the fields sample_rate, .*pcen, not sample_rate"),
        ({"normalization": "residual"}, "and optionally normalization and norm_lambda"),
        ({"norm_lambda": 0.1}, "and optionally normalization and norm_lambda"),
        ({"normalization": "batch", "norm_lambda": 0.1}, "normalization='batch' is not one of"),
        ({"normalization": None, "norm_lambda": 0.1}, "normalization=None is not one of none"),
        ({"normalization": [], "norm_lambda": 0.1}, r"normalization=\[\] is not one of none"),
        ({"normalization": "relaxed", "norm_lambda": "1"}, "norm_lambda='1' is not a number"),
        ({"normalization": "relaxed", "norm_lambda": 1.5}, "norm_lambda=1.5 must be within 0 to"),
        ({"normalization": "relaxed", "norm_lambda": -1}, "norm_lambda=-1 must be within 0 to 1"),
    ],
)
def test_what_a_device_cannot_compute(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ExportError, match=message) as error:
        LogMel.from_dict({**FRONTEND, **changes})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("values", [{}, {"padding": "causal"}, [], "causal", None])
def test_something_else(values: Any) -> None:
    with pytest.raises(ExportError, match="use the 'frontend' part of the run's frontend"):
        LogMel.from_dict(values)
