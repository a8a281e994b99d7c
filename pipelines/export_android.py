"""Exports the model of a run for Android: sound in, scores out, in one file that apps load.

Writes to --out: model_waveform.tflite for MediaPipe's AudioClassifier, the Task Library and LiteRT;
model_int8.tflite for apps that compute features themselves; a sample app as an Android Studio
project; README.md with the steps.

    python -m pipelines.export_android --run_dir=RUN --out=DIR
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from edge_tf import run_dir
from edge_tf.engines import ids
from edge_tf.run_records import EvaluateRecord, ExportAndroidRecord, FileFacts
from pipelines import app, common, exporting, help_text

if TYPE_CHECKING:
    from edge_tf.android.manifest import Manifest, Measured
    from edge_tf.audio.frontend_config import FrontendConfig
    from firmware_export.runtime.detector import DetectorConfig

FLAGS = flags.FLAGS


def define_flags() -> None:
    common.define_run_dir()
    with help_text.group(help_text.Group.OUTPUT):
        flags.DEFINE_string("out", None, "<DIR>: Folder to write. Default: RUN_DIR/android.")
        exporting.define_force()
    with help_text.group(help_text.Group.DETECTION):
        common.define_background()
    flags.register_validator("out", lambda path: path != "", message="must not be empty")


def export(
    run: str | Path,
    out: str | Path | None = None,
    force: bool = False,
    background: Sequence[str] = (),
) -> "Manifest":
    """Exports the model of a run and records the stage.

    Args:
      run: the run directory.
      out: folder to write; None for "android" in the run directory.
      force: delete what was added to or changed in an earlier export at `out`.
      background: labels that the detector does not report, besides those of the run.

    Returns:
      The manifest of what was written; see `edge_tf.android.package.export`.

    Raises:
      UserError, ExportError: an earlier stage is missing, or the files do not fit together.
    """
    directory = run_dir.RunDirectory(run)
    directory.refuse_embedding("pipelines.export_android")
    folder = Path(out) if out else directory / run_dir.ANDROID
    exporting.announce(folder, force)
    from edge_tf.evaluation.streams import operating_point

    operating_point.refuse_second(directory, "an export for Android")
    model = directory.require_int8().read_bytes()
    config = directory.frontend()
    labels = directory.labels()
    golden, wav = exporting.read_golden(directory)
    exporting.check_frontend(directory, golden, wav)
    detector = _detector(directory, config, background)

    # TensorFlow takes seconds to load.
    from edge_tf.android import models, package
    from firmware_export import packing

    title = models.title(directory)
    made = models.make(model, config, labels, title)
    manifest = package.export(
        made,
        title,
        config,
        labels,
        package.Listening(
            detector, _frames(config) * config.hop, operating_point.caveat(directory)
        ),
        golden,
        wav,
        folder,
        _measured(directory, packing.sha256(made.waveform)),
        force,
    )
    directory.record(
        ExportAndroidRecord(
            out=str(folder),
            models={
                name: FileFacts(bytes=facts.bytes, sha256=facts.sha256)
                for name, facts in manifest.models.items()
            },
        )
    )
    return manifest


def summary(manifest: "Manifest", folder: str | Path) -> str:
    """One line for the screen about what was exported."""
    sizes = ", ".join(f"{name} {facts.bytes:,} B" for name, facts in manifest.models.items())
    measured = manifest.measured
    accuracy = "not measured yet, see pipelines.evaluate"
    if measured:
        accuracy = f"{100 * measured.accuracy:.2f} % of {measured.clips:,} test clips"
    return f"android: {folder}: {sizes}; from the waveform: {accuracy}"


def _detector(
    directory: run_dir.RunDirectory, config: "FrontendConfig", background: Sequence[str]
) -> "DetectorConfig":
    """The firmware's detector; one that counts frames is converted to the same times in windows."""
    streaming = directory.lookahead() is not None
    detector = exporting.detector(directory, streaming, background)
    return detector.at_rate(_frames(config), 1) if streaming else detector


def _frames(config: "FrontendConfig") -> int:
    """Of the front-end, from one inference to the next."""
    from firmware_export.runtime.detector import frames_between

    return frames_between(config.sample_rate, config.hop)


def _measured(directory: run_dir.RunDirectory, sha256: str) -> "Measured | None":
    """What the last evaluation measured on this very file."""
    from edge_tf.android.manifest import Measured

    evaluated = directory.find(EvaluateRecord)
    if evaluated is None or evaluated.android_sha256 != sha256:
        return None
    accuracy = evaluated.accuracy.get(ids.ANDROID_XNNPACK)
    keras_accuracy = evaluated.accuracy.get(ids.KERAS)
    if accuracy is None or keras_accuracy is None:
        return None
    return Measured(evaluated.clips, accuracy, keras_accuracy)


@common.locked_run
def main() -> None:
    manifest = export(FLAGS.run_dir, FLAGS.out, FLAGS.force, FLAGS.background_labels)
    print(summary(manifest, FLAGS.out or Path(FLAGS.run_dir) / run_dir.ANDROID))


if __name__ == "__main__":
    define_flags()
    app.run(main)
