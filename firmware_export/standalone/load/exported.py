"""The load of what is exported: the network, and the front-end and detector around it."""

import dataclasses
from typing import Any

import tflite_model
from firmware_export.frontend.config import LogMel
from firmware_export.standalone import cascade, compiler, memory
from firmware_export.standalone.cascade import CompiledSecond
from firmware_export.standalone.enrolling import Enrolling
from firmware_export.standalone.load import estimate
from firmware_export.standalone.spotting import Spotting
from firmware_export.standalone.target import KERNEL_SETS, Target

_DSP = Target("dsp", "dsp")


def on_parts(
    compiled: compiler.Compiled,
    around: Spotting | Enrolling | None,
    second: CompiledSecond | None = None,
) -> list[estimate.PartLoad]:
    """The load on each common part.

    Args:
      compiled: the network.
      around: front-end and detector; what learns words counts for RAM alone; None for a network
        alone.
      second: of the detector; None: it has none.
    """
    ram = sum(memory.static_ram(compiled, around, second).values())
    return estimate.of_program(compiled, ram, _around(compiled, around, second))


def to_dict(
    compiled: compiler.Compiled,
    around: Spotting | Enrolling | None,
    second: CompiledSecond | None = None,
) -> dict[str, Any]:
    """The same for JSON: the entry "load" of manifest.json."""
    loads = on_parts(compiled, around, second)
    return estimate.to_dict(loads, _around(compiled, around, second), compiled.streaming)


def of_model(
    model: bytes, spotting: Spotting | None = None, streaming: bool = False
) -> dict[str, Any]:
    """The load of a model on common parts, each with the kernels that suit it best.

    Args:
      model: an int8 .tflite file.
      spotting: front-end and detector; None for the model alone.
      streaming: it has the streaming form.

    Returns:
      As the entry "load" of manifest.json.

    Raises:
      ExportError: the model cannot be compiled.
    """
    info = tflite_model.parse(model)
    compiled = compiler.compile(info, "dsp", streaming=streaming)
    second = cascade.compile(info, spotting, _DSP) if spotting and streaming else None
    return to_dict(dataclasses.replace(compiled, kernel_sets=KERNEL_SETS), spotting, second)


def _around(
    compiled: compiler.Compiled,
    spotting: Spotting | Enrolling | None,
    second: CompiledSecond | None,
) -> estimate.Around | None:
    """What runs around the network, and how often; None: the network is estimated alone."""
    if not isinstance(spotting, Spotting):
        return None
    frames = spotting.frames_between(compiled.streaming)
    config = LogMel.from_dict(spotting.frontend)
    return estimate.Around(config, len(spotting.labels), frames, second)
