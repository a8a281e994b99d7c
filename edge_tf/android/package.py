"""Exports a run for Android: two .tflite files, and a sample app that uses them."""

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np

import tflite_model
from edge_tf import records
from edge_tf.android import models
from edge_tf.android.manifest import (
    GoldenClip,
    GoldenFacts,
    Manifest,
    Measured,
    ModelFacts,
    SpottingFile,
    TensorFacts,
)
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines.litert import AndroidWaveform, values_between
from edge_tf.errors import UserError
from edge_tf.run_records import FileFacts
from firmware_export import folder, packing
from firmware_export.golden import Golden
from firmware_export.runtime.detector import DetectorConfig
from tflite_model.info import TensorInfo

_HERE = Path(__file__).parent
_ASSETS = "sample/app/src/main/assets"
# Wheels and build folders leave out files with a leading dot.
_RENAMED = {"sample/gitignore": "sample/.gitignore"}
# Number of clips for the app's self-test.
_CLIPS = 2


@dataclasses.dataclass(frozen=True)
class Listening:
    """How an app uses the scores of the model.

    Attributes:
      detector: settings of the detector, as in the firmware.
      hop_samples: hop length from one inference to the next, in samples.
      caveat: why the detector does not hold what was asked for; "" if it does.
    """

    detector: DetectorConfig
    hop_samples: int
    caveat: str = ""


def export(
    made: models.Models,
    title: str,
    config: FrontendConfig,
    labels: Sequence[str],
    listening: Listening,
    golden: Golden,
    wav: np.ndarray,
    out_dir: Path,
    measured: Measured | None = None,
    force: bool = False,
) -> Manifest:
    """Writes the complete folder or nothing; an earlier export at `out_dir` is replaced.

    Args:
      made: the files of `models.make`.
      title: display name of the model.
      config: the front-end.
      labels: in the order of the scores.
      listening: how the app uses the scores.
      golden: features of a few clips, which the front-end in the model must reproduce.
      wav: the same clips as samples, (n, samples) int16.
      out_dir: new, empty, or an earlier export.
      measured: accuracy of exactly this file in the run's report; None if not measured.
      force: delete what was added to or changed in an earlier export at `out_dir`.

    Returns:
      The manifest, as written to manifest.json.

    Raises:
      UserError, ExportError: the golden clips contradict the model, there is no class to detect,
        or `out_dir` has files that no export wrote. Nothing is written in these cases.
    """
    folder.check_replaceable(out_dir, force)
    listening.detector.background_mask(labels)
    golden.check(tflite_model.parse(made.features, models.FEATURES))
    if wav.dtype != np.int16 or wav.shape != (len(golden), config.clip_samples):
        raise UserError(
            f"the golden clips are {wav.dtype} {wav.shape}, the front-end expects int16 "
            f"{(len(golden), config.clip_samples)}",
            "convert the run again",
        )
    _check_features(made.waveform, golden, wav)
    scores = np.exp(AndroidWaveform(made.waveform).run(wav[:_CLIPS]).logits)
    spotting = _spotting(config, labels, listening, scores)
    files = {
        models.WAVEFORM: made.waveform,
        models.FEATURES: made.features,
        packing.LICENSE: packing.license_text(),
        **_sample(),
        f"{_ASSETS}/{models.WAVEFORM}": made.waveform,
        f"{_ASSETS}/spotting.json": _json(spotting),
    }
    for clip, entry in zip(wav, spotting.golden, strict=False):
        files[f"{_ASSETS}/{entry.file}"] = clip.astype("<i2").tobytes()
    manifest = Manifest(
        title=title,
        models={
            models.WAVEFORM: _model_facts(made.waveform, models.WAVEFORM),
            models.FEATURES: _model_facts(made.features, models.FEATURES),
        },
        labels=list(labels),
        frontend=config,
        detector=listening.detector,
        detector_caveat=listening.caveat,
        hop_samples=listening.hop_samples,
        measured=measured,
        golden=GoldenFacts(clips=len(golden), in_sample=len(spotting.golden)),
        files={},
    )
    files["README.md"] = readme(manifest)
    listed = {
        name: FileFacts(bytes=len(content), sha256=packing.sha256(content))
        for name, content in files.items()
    }
    manifest = dataclasses.replace(manifest, files=listed)
    folder.write(out_dir, files, records.to_json(manifest), force)
    return manifest


def _check_features(model: bytes, golden: Golden, wav: np.ndarray) -> None:
    """Checks that the front-end in the model reproduces the features of the conversion."""
    inside = values_between(model, "QUANTIZE", wav.astype(np.float32) / 32768)
    furthest = int(np.abs(inside.astype(int) - golden.features).max())
    if furthest > 1:
        raise UserError(
            f"the front-end in {models.WAVEFORM} is up to {furthest} LSB away from the features "
            "of the golden clips, at most 1 is allowed",
            "convert the run again",
        )


def _spotting(
    config: FrontendConfig, labels: Sequence[str], listening: Listening, scores: np.ndarray
) -> SpottingFile:
    """Content of spotting.json, which the sample app reads."""
    return SpottingFile(
        labels=list(labels),
        sample_rate=config.sample_rate,
        window_samples=config.clip_samples,
        hop_samples=listening.hop_samples,
        detector=listening.detector,
        golden=[
            GoldenClip(
                file=f"golden_{at}.pcm",
                label=labels[int(np.argmax(row))],
                scores=[round(float(score), 6) for score in row],
            )
            for at, row in enumerate(scores)
        ],
    )


def _sample() -> dict[str, bytes]:
    """The files of the sample project next to this module."""
    root = _HERE / "sample"
    found = {
        f"sample/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    return {_RENAMED.get(name, name): content for name, content in found.items()}


def _model_facts(content: bytes, name: str) -> ModelFacts:
    info = tflite_model.parse(content, name)
    return ModelFacts(
        bytes=len(content),
        sha256=packing.sha256(content),
        constant_bytes=info.constant_bytes(),
        input=_tensor(info.inputs[0]),
        output=_tensor(info.outputs[0]),
        ops=info.op_counts(),
    )


def _tensor(tensor: TensorInfo) -> TensorFacts:
    facts = TensorFacts(tensor.type.lower(), list(tensor.shape))
    if not tensor.scales:
        return facts
    return dataclasses.replace(facts, scale=tensor.scales[0], zero_point=tensor.zero_points[0])


def readme(manifest: Manifest) -> bytes:
    """README.md of an export, with the values of the manifest."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    values = {
        **vars(manifest),
        "version": manifest.edge_tf_version,
        "waveform": manifest.models[models.WAVEFORM],
        "features": manifest.models[models.FEATURES],
        "mediapipe": _dependency("com.google.mediapipe:tasks-audio"),
        "litert": _dependency("com.google.ai.edge.litert:litert"),
        **packing.label_values(manifest.labels),
    }
    return environment.get_template("README.md.jinja").render(values).encode("utf-8")


def _dependency(name: str) -> str:
    """A library of the sample, with its version there."""
    gradle = (_HERE / "sample" / "app" / "build.gradle.kts").read_text(encoding="utf-8")
    found = re.search(rf'"({re.escape(name)}:[^"]+)"', gradle)
    assert found is not None
    return found[1]


def _json(record: object) -> bytes:
    text = json.dumps(records.to_json(record), indent=2, ensure_ascii=False)
    return f"{text}\n".encode()
