"""The second stage of a detector as C: its network beside the first one's, and what asks it."""

import dataclasses
from collections.abc import Iterable

import tflite_model
from firmware_export import naming, packing
from firmware_export.errors import ExportError
from firmware_export.frontend.config import LogMel
from firmware_export.linkage import Linkage
from firmware_export.runtime import render, second_stage
from firmware_export.runtime.second_stage import Second
from firmware_export.standalone import compiler
from firmware_export.standalone import passes as all_passes
from firmware_export.standalone.compiler import Compiled
from firmware_export.standalone.spotting import Spotting
from firmware_export.standalone.target import AUTO, Target
from tflite_model.info import ModelInfo

_PREFIX = "second"
_OWN = ("model.c", "model.h")


@dataclasses.dataclass(frozen=True)
class CompiledSecond:
    """A second stage as C.

    Attributes:
      second: the stage.
      compiled: its network.
      files: what is compiled besides the first stage, by name: second_model.c and .h,
        second_stage.c and .h, and the kernels that its network needs.
    """

    second: Second
    compiled: Compiled
    files: dict[str, str]


def compile(
    first: ModelInfo,
    spotting: Spotting,
    target: Target = AUTO,
    passes: Iterable[str] = all_passes.ALL,
    version: str = "0",
    kernels_version: str = "",
) -> CompiledSecond | None:
    """The second stage of a folder; None if it has none.

    Args:
      first: the first stage's network, in the streaming form.
      spotting: labels, front-end, detector and second stage.
      target: the core; decides the kernel sets.
      passes: names of the passes to run.
      version: of edge_tf, for the file headers.
      kernels_version: as for compiler.compile.

    Raises:
      ExportError: it does not fit the first stage, or cannot be compiled.
    """
    second = spotting.second
    if second is None:
        return None
    frontend = LogMel.from_dict(spotting.frontend)
    if spotting.frames_between(streaming=True) != 1:
        raise ExportError(
            "a detector with a second stage decides at each frame: leave out --decisions_per_second"
        )
    second.config.check(spotting.detector, frontend.frames)
    info = tflite_model.parse(second.model, second.name)
    try:
        packing.check_classifier(info, spotting.labels, streaming=True)
        wanted = (1, frontend.mel_bands, 1, 1)
        if info.inputs[0].shape != wanted:
            raise ExportError(
                f"it takes {info.inputs[0].shape}, the first stage's front-end makes {wanted}; "
                "train both with the same front-end"
            )
        compiled = compiler.compile(
            info,
            target.kernels,
            passes,
            streaming=True,
            version=version,
            model_sha256=packing.sha256(second.model),
            kernels_version=kernels_version,
        )
    except ExportError as error:
        raise ExportError(f"{second.name}: {error}") from None
    given, own = first.inputs[0], info.inputs[0]
    table = second_stage.feature_table(
        given.scales[0], given.zero_points[0], own.scales[0], own.zero_points[0]
    )
    scale = info.outputs[0].scales[0]
    files = {
        **{name: text for name, text in compiled.files.items() if name not in _OWN},
        **_renamed(compiled),
        **render.second_stage_sources(second.config, table, scale, version),
    }
    return CompiledSecond(second, compiled, files)


def check(spotting: Spotting | None, is_streaming: bool, linkage: Linkage) -> None:
    """Checks that an export can have the second stage that it is asked for.

    Raises:
      ExportError: it cannot.
    """
    if spotting is None or spotting.second is None:
        return
    if not is_streaming:
        raise ExportError("a second stage hears streams: leave out --nostreaming")
    if linkage.external:
        raise ExportError("a second stage has a buffer of its own: leave out --arena=external")
    if linkage.prefix == _PREFIX:
        raise ExportError(
            f"--prefix={_PREFIX} is what the second stage is called: give another, such as the word"
        )


def _renamed(compiled: Compiled) -> dict[str, str]:
    """second_model.c and second_model.h."""
    own = {f"src/{name}": compiled.files[name].encode() for name in _OWN}
    renamed = naming.renamed(own, _PREFIX)
    return {name.removeprefix("src/"): text.decode() for name, text in renamed.items()}
