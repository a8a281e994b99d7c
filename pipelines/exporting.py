"""What exports take from a run besides its model."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from edge_tf import run_dir
from edge_tf.errors import UserError
from firmware_export import linkage

if TYPE_CHECKING:
    import numpy as np

    from edge_tf.records import JsonObject
    from firmware_export.golden import Golden
    from firmware_export.runtime.detector import DetectorConfig


_LOG = logging.getLogger("edge_tf.exporting")
_NAMES = 40

# Clips whose features are compared with what integers give, and the most of them that may be
# further than a step away, or at all. A right front-end has less than 0.001 and 0.015 of them; a
# window of 479 samples for 480 moves 0.01 to 0.05 by a step.
_CHECKED = 4
_FAR = 0.005
_NEAR = 0.03


def define_force() -> None:
    flags.DEFINE_boolean(
        "force",
        False,
        "Replace an earlier export at --out even if files in it were added or changed since; says "
        "which it deletes.",
    )


def define_linkage() -> None:
    """How the firmware of a run fits into one with other models."""
    flags.DEFINE_string(
        "prefix",
        "",
        "<NAME>: Begins all names of the exported code, so that several models fit into one "
        "firmware: with lamp, lamp_model_invoke, lamp_spotter.h and the library edge_tf_lamp. "
        "Default: model_invoke, spotter.h, edge_tf_model.",
    )
    flags.DEFINE_string(
        "kernels",
        None,
        "<DIR>: For plain C: folder of the component edge_kernels, which models with this flag "
        "share; written if it is not there. Default: each model has its own kernels.",
    )
    flags.DEFINE_enum(
        "arena",
        "static",
        list(linkage.ARENAS),
        "For plain C: static: the model has its buffer; external: the caller gives it to each "
        "call, for several streams of a model or models that take turns.",
    )
    flags.register_validator("kernels", lambda path: path != "", message="must not be empty")


def linkage_flags() -> linkage.Linkage:
    """The values of these flags.

    Raises:
      ExportError: one is not usable.
    """
    values = flags.FLAGS
    kernels = Path(values.kernels) if values.kernels else None
    return linkage.Linkage(values.prefix, values.arena, kernels)


def announce(folder: Path, force: bool) -> None:
    """Says what --force will delete; raises ExportError if `folder` cannot be replaced."""
    from firmware_export import folder as folders

    folders.check_replaceable(folder, force)
    lost = folders.would_lose(folder, _NAMES)
    if lost:
        _LOG.warning("--force replaces %s and deletes %s", folder, lost)


def read_golden(run: run_dir.RunDirectory) -> "tuple[Golden, np.ndarray]":
    """The golden vectors, and the same clips as sound, (clips, samples) int16.

    Raises:
      UserError: golden.npz is missing or damaged.
    """
    from edge_tf import golden_file
    from firmware_export.golden import Golden

    found = golden_file.load(run)
    return Golden(found.features, found.logits, found.label_index), found.wav


def frontend(run: run_dir.RunDirectory, needed: bool = True) -> "JsonObject":
    """frontend.json, checked; as it is written, since firmware keeps a copy.

    Args:
      run: the run directory.
      needed: False: it may describe no front-end, for a model of other features.

    Raises:
      UserError: it is missing or damaged.
    """
    from edge_tf import files, records
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.run_records import FrontendFile

    path = run.require(run_dir.FRONTEND)
    found: JsonObject = files.read_json(path)
    if not isinstance(found, dict):
        raise UserError(f"{path} does not describe a front-end", "restore it, or train again")
    if needed or "frontend" in found:
        FrontendConfig.load(path)
        records.load(path, FrontendFile)
    return found


def check_frontend(run: run_dir.RunDirectory, golden: "Golden", wav: "np.ndarray") -> None:
    """Checks frontend.json of a trained run against config.json, the model and the golden clips.

    Args:
      run: without a training's record there is nothing to hold it against.
      golden, wav: of `read_golden`.

    Raises:
      UserError: it is another front-end than the one of the conversion.
    """
    import numpy as np

    import tflite_model
    from edge_tf import records
    from edge_tf.audio import fixed_point
    from edge_tf.run_records import FrontendFile, TrainRecord
    from firmware_export.errors import ExportError

    if run.find(TrainRecord) is None:
        return
    config = run.frontend()
    path = run / run_dir.FRONTEND
    remedy = f"make it again with: {run.command_of('convert')}"
    source = tflite_model.read(run / run_dir.INT8_MODEL).inputs[0]
    given = records.load(path, FrontendFile, remedy).input
    if given and (given.scale, given.zero_point) != (source.scales[0], source.zero_points[0]):
        raise UserError(
            f"{path} has an input scale of {given.scale:g} and zero point {given.zero_point}, "
            f"{run_dir.INT8_MODEL} has {source.scales[0]:g} and {source.zero_points[0]}",
            remedy,
        )
    try:
        features = fixed_point.log_mel(
            wav[:_CHECKED], config, source.scales[0], source.zero_points[0]
        )
    except ExportError:  # not for integers, such as padding=reflect: nothing to compare with
        return
    except ValueError as error:
        raise UserError(f"the golden clips do not fit {path} ({error})", remedy) from None
    wanted = golden.features[:_CHECKED]
    if features.shape != wanted.shape:
        raise UserError(
            f"{path} makes features of shape {features.shape[1:]}, but those of "
            f"{run_dir.GOLDEN} have {wanted.shape[1:]}",
            remedy,
        )
    apart = np.abs(features.astype(int) - wanted)
    if (apart > 1).mean() > _FAR or (apart > 0).mean() > _NEAR:
        raise UserError(
            f"{path} makes other features than those of {run_dir.GOLDEN} ({apart.max()} steps "
            "apart)",
            remedy,
        )


def frames_per_decision(
    run: run_dir.RunDirectory, streaming: bool, decisions_per_second: float | None = None
) -> int | None:
    """Frames from one decision of the detector to the next; None without a front-end.

    Args:
      run: the run.
      streaming: one frame per inference: then each frame may have a decision.
      decisions_per_second: None: a decision per frame, or ten per second for whole windows.

    Raises:
      ExportError: no whole number of frames gives this rate.
    """
    from firmware_export.runtime.detector import frames_between, frames_for

    if "frontend" not in frontend(run, needed=False):
        if decisions_per_second is not None:
            raise UserError(
                f"{run.path} has no front-end, so --decisions_per_second means nothing",
                "leave it out",
            )
        return None
    config = run.frontend()
    if decisions_per_second is not None:
        return frames_for(decisions_per_second, config.sample_rate, config.hop)
    return 1 if streaming else frames_between(config.sample_rate, config.hop)


def detector(
    run: run_dir.RunDirectory,
    streaming: bool,
    background: Sequence[str] = (),
    frames: int | None = None,
) -> "DetectorConfig":
    """For streams the detector that evaluation chose, which may lack what was asked for.

    Otherwise the default one, with the pause that the run's window needs.

    Args:
      run: the run.
      streaming: one frame per inference.
      background: labels that it does not report, besides those of the run.
      frames: from one decision to the next; its times are kept. None: see `frames_per_decision`.
    """
    from edge_tf.evaluation.streams import operating_point
    from firmware_export.runtime.detector import DetectorConfig, frames_between, pause

    if streaming:
        if unmet := operating_point.unmet(run):
            _LOG.warning("%s", unmet)
        found = operating_point.of_run(run, background)
        return found.at_rate(frames, 1) if frames else found
    default = DetectorConfig()
    if "frontend" in frontend(run, needed=False):
        config = run.frontend()
        between = frames_between(config.sample_rate, config.hop)
        default = dataclasses.replace(
            default, refractory_hops=pause(config.num_frames, default.smoothing, between)
        )
        default = default.at_rate(frames, between) if frames else default
    return operating_point.with_background(default, run, background)
