"""The load of what is exported: the network, and the front-end and detector around it."""

import dataclasses
from typing import Any

from firmware_export.frontend.config import LogMel
from firmware_export.standalone import compiler, memory
from firmware_export.standalone.load import estimate
from firmware_export.standalone.spotting import Spotting
from firmware_export.standalone.target import KERNEL_SETS


def on_parts(compiled: compiler.Compiled, spotting: Spotting | None) -> list[estimate.PartLoad]:
    """The load on each common part; `spotting` is None for a network alone."""
    ram = sum(memory.static_ram(compiled, spotting).values())
    return estimate.of_program(compiled, ram, _around(compiled, spotting))


def to_dict(compiled: compiler.Compiled, spotting: Spotting | None) -> dict[str, Any]:
    """The same for JSON: the entry "load" of manifest.json."""
    around = _around(compiled, spotting)
    return estimate.to_dict(on_parts(compiled, spotting), around, compiled.streaming)


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
    compiled = compiler.compile(model, "dsp", streaming=streaming)
    return to_dict(dataclasses.replace(compiled, kernel_sets=KERNEL_SETS), spotting)


def _around(compiled: compiler.Compiled, spotting: Spotting | None) -> estimate.Around | None:
    """What runs around the network, and how often."""
    if spotting is None:
        return None
    frames = spotting.frames_between(compiled.streaming)
    return estimate.Around(LogMel.from_dict(spotting.frontend), len(spotting.labels), frames)
