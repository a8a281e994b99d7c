"""The exports of a run: TensorFlow Lite Micro's runner, and plain C that spots or learns words."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_tf import __version__, run_dir
from edge_tf.errors import UserError
from firmware_export.linkage import Linkage
from firmware_export.standalone.target import Target
from pipelines import exporting

if TYPE_CHECKING:
    from firmware_export.golden import Golden
    from firmware_export.runtime.detector import DetectorConfig
    from firmware_export.standalone.spotting import Sound

# 32 KB of flash each, if the self-test is part of the firmware.
_WAVS = 2


def export_tflm(
    directory: run_dir.RunDirectory,
    folder: Path,
    streaming: bool,
    detector: "DetectorConfig",
    caveat: str,
    linkage: Linkage,
    force: bool,
) -> dict[str, Any]:
    """The runner for TensorFlow Lite Micro of a run with classes."""
    model = directory.require_int8()
    frontend = exporting.frontend(directory, needed=False)
    labels = directory.labels()
    golden, wav = exporting.read_golden(directory)
    exporting.check_frontend(directory, golden, wav)

    # Takes a moment to import, which --help need not wait for.
    from firmware_export.tflm import package

    return package.export(
        model.read_bytes(),
        folder,
        __version__,
        labels=labels,
        frontend=frontend,
        golden=golden,
        detector=detector,
        caveat=caveat,
        streaming=directory.require_streaming().read_bytes() if streaming else None,
        linkage=linkage,
        model_name=str(model),
        force=force,
    )


def export_standalone(
    directory: run_dir.RunDirectory,
    folder: Path,
    target: Target,
    passes: Sequence[str],
    streaming: bool,
    detector: "DetectorConfig",
    caveat: str,
    frames: int | None,
    linkage: Linkage,
    force: bool,
) -> dict[str, Any]:
    """Plain C of a run with classes."""
    from edge_tf.evaluation.streams import operating_point

    model = directory.require_int8()
    frontend = directory.frontend().to_dict()
    labels = directory.labels()
    golden, wav = exporting.read_golden(directory)
    exporting.check_frontend(directory, golden, wav)

    import tflite_model
    from firmware_export.standalone.spotting import Spotting

    sound = _sound(wav, frontend, tflite_model.read(model).inputs[0])
    second = operating_point.second_of(directory)
    spotting = Spotting(labels, frontend, detector, sound, frames, caveat, second)
    return _plain_c(
        directory, folder, golden, target, passes, streaming, linkage, force, spotting=spotting
    )


def export_learning(
    directory: run_dir.RunDirectory,
    folder: Path,
    target: Target,
    passes: Sequence[str],
    streaming: bool,
    decisions_per_second: float | None,
    linkage: Linkage,
    force: bool,
) -> dict[str, Any]:
    """Plain C of a run of --task=fewshot."""
    import numpy as np

    import tflite_model
    from edge_tf.fewshot import device
    from firmware_export.standalone.enrolling import Enrolling

    model = directory.require_int8()
    frames = None
    if decisions_per_second is not None:
        frames = exporting.frames_per_decision(directory, streaming, decisions_per_second)
    learning = device.learning(directory, streaming, frames)
    frontend = directory.frontend().to_dict()
    golden, wav = exporting.read_golden(directory)
    exporting.check_frontend(directory, golden, wav)
    # An embedding has no label.
    golden = dataclasses.replace(golden, label_index=np.zeros(len(golden), np.int64))
    sound = _sound(wav, frontend, tflite_model.read(model).inputs[0])
    return _plain_c(
        directory,
        folder,
        golden,
        target,
        passes,
        streaming,
        linkage,
        force,
        enrolling=Enrolling(learning, frontend, sound),
    )


def _plain_c(
    directory: run_dir.RunDirectory,
    folder: Path,
    golden: "Golden",
    target: Target,
    passes: Sequence[str],
    streaming: bool,
    linkage: Linkage,
    force: bool,
    **around: Any,
) -> dict[str, Any]:
    """The run's network as plain C; `around`: what is built around it."""
    from edge_tf.conversion import layer_names
    from firmware_export.standalone import package
    from firmware_export.standalone import passes as all_passes

    model = directory.require_int8()
    content = model.read_bytes()
    return package.export(
        content,
        folder,
        __version__,
        golden=golden,
        target=target,
        passes=all_passes.select(passes),
        streaming=directory.require_streaming().read_bytes() if streaming else None,
        linkage=linkage,
        model_name=str(model),
        layer_names=layer_names.of_weights(content, directory / run_dir.DEVICE_GRAPH),
        force=force,
        **around,
    )


def _sound(wav: Any, frontend: dict[str, Any], tensor: Any) -> "Sound":
    """The first golden clips with the features that C must make of them."""
    from edge_tf.audio import fixed_point
    from edge_tf.audio.frontend_config import FrontendConfig
    from firmware_export.standalone.spotting import Sound

    try:
        features = fixed_point.log_mel(
            wav[:_WAVS], FrontendConfig(**frontend), tensor.scales[0], tensor.zero_points[0]
        )
    except (TypeError, ValueError) as error:
        raise UserError(
            f"the golden clips do not fit the front-end ({error})", "convert the run again"
        ) from None
    return Sound(wav[:_WAVS], features)
