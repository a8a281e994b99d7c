"""Front-end and detector with its second stage as C source."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware_export import c_text, templating
from firmware_export.frontend import normalization, tables
from firmware_export.frontend.config import LogMel
from firmware_export.runtime import detector
from firmware_export.runtime.second_stage import SecondConfig


def frontend_sources(
    frontend: dict[str, Any], scale: float, zero_point: int, version: str
) -> dict[str, str]:
    """frontend.h and frontend.c, by name: sound to the int8 features of a model.

    Args:
      frontend: the "frontend" part of a run's frontend.json.
      scale: of the model's input.
      zero_point: of the model's input.
      version: of edge_tf, for the file headers.

    Raises:
      ExportError: a device cannot compute such features.
    """
    made = tables.make(frontend, scale, zero_point)
    values = {
        "version": version,
        "config": made.config,
        "tables": made,
        "hann_rows": c_text.int_rows(made.hann, per_row=8),
        "sine_rows": c_text.int_rows(made.sine, per_row=8),
        "first_bin_rows": c_text.int_rows(made.first_bin),
        "rising_rows": c_text.int_rows(made.rising, per_row=12),
        "log2_rows": c_text.int_rows(made.log2_bulge, per_row=12),
        "log2_bits": tables.LOG2_BITS,
        "step_bits": tables.STEP_BITS,
        "log2_segments": tables.LOG2_SEGMENTS,
        "segment_bits": tables.SEGMENT_BITS,
        "norm": made.normalization,
        "mean_bits": normalization.MEAN_BITS,
        "variance_bits": normalization.VARIANCE_BITS,
        "slope_bits": normalization.SLOPE_BITS,
        "max_level": normalization.MAX_LEVEL,
        "read_thousands": round(read_instructions(made.config) / 1_000),
    }
    return _render(("frontend.h", "frontend.c"), values)


def read_instructions(config: LogMel) -> int:
    """Instructions of feature_window_read() with normalization; measured on a Cortex-M4 at -O2.

    A level is read twice, or three times if the whole window has a mean too; a band takes a root
    and three divisions.
    """
    per_feature, per_band = (30, 660) if config.normalization == "relaxed" else (25, 490)
    return config.mel_bands * (config.frames * per_feature + per_band)


def detector_sources(
    config: detector.DetectorConfig,
    labels: Sequence[str],
    logit_scale: float,
    version: str,
    resumes: bool = False,
) -> dict[str, str]:
    """detector.h and detector.c, by name: int8 logits to detections.

    The logits' zero point is not needed: softmax only uses differences of logits.

    Args:
      config: when a class is detected.
      labels: in the order of the logits.
      logit_scale: of the model's output.
      version: of edge_tf, for the file headers.
      resumes: with detector_resume(), for a second stage.

    Raises:
      ExportError: config, labels and scale do not fit together.
    """
    mask = config.background_mask(labels)
    ignored = [label for label, hidden in zip(labels, mask, strict=True) if hidden]
    values = {
        "version": version,
        "config": config,
        "classes": len(labels),
        "one": detector.ONE,
        "threshold": config.threshold_score,
        "rearm": config.rearm_score,
        # A slash could end the comment that contains these.
        "ignored": [c_text.string_literal(label).replace("/", "\\057") for label in ignored],
        "mask": c_text.int_list(map(int, mask)),
        "resumes": resumes,
        **_exponentials(logit_scale),
    }
    return _render(("detector.h", "detector.c"), values)


def second_stage_sources(
    config: SecondConfig, features: np.ndarray, logit_scale: float, version: str
) -> dict[str, str]:
    """second_stage.h and second_stage.c, by name: hits of the first stage to detections.

    Args:
      config: how it is asked.
      features: of `second_stage.feature_table`.
      logit_scale: of its model's output.
      version: of edge_tf, for the file headers.
    """
    values = {
        "version": version,
        "config": config,
        "feature_rows": c_text.int_rows(features),
        **_exponentials(logit_scale),
    }
    return _render(("second_stage.h", "second_stage.c"), values)


def _exponentials(logit_scale: float) -> dict[str, Any]:
    table = detector.exponentials(logit_scale)
    return {
        "exponential_rows": c_text.int_rows(table, per_row=12),
        "exponentials": len(table),
    }


def _render(names: Sequence[str], values: dict[str, Any]) -> dict[str, str]:
    environment = templating.environment("runtime")
    return {name: environment.get_template(f"{name}.jinja").render(values) for name in names}
