"""Runs the whole chain: train, compress (with --recipe), convert, evaluate at every hop, export.

Writes the models, report.html, firmware/, firmware_c/ and android/ to --run_dir. After an
interruption, run the same command again: it continues where it stopped. If a gate fails, the report
is written, nothing is exported and the exit status is 1.

    python -m pipelines.run --run_dir=RUN --data_dir=SPEECH_COMMANDS --tau=1.5
    python -m pipelines.run --run_dir=RUN --task=wake --words="hey lamp"
"""

from absl import flags

from edge_tf import run_dir
from edge_tf.errors import UserError
from edge_tf.run_records import ExportFirmwareRecord
from firmware_export.linkage import Linkage
from pipelines import (
    app,
    common,
    compress,
    convert,
    evaluate,
    export_android,
    export_firmware,
    exporting,
    fewshot,
    help_text,
    train,
    training_flags,
    wake,
)

FLAGS = flags.FLAGS
_RESULTS = (run_dir.REPORT_HTML, run_dir.FIRMWARE, run_dir.FIRMWARE_C, run_dir.ANDROID)


def define_flags() -> None:
    train.define_flags(few_shot=False)
    compress.define_own_flags()
    with help_text.group(help_text.Group.COMPRESSION):
        flags.DEFINE_integer(
            "compress_epochs", 10, "With --recipe: epochs of compression, over all its phases."
        )
        flags.DEFINE_float(
            "compress_rate", 0.0, "With --recipe: peak learning rate; 0: the recipe's own."
        )
    convert.define_own_flags()
    evaluate.define_own_flags()
    with help_text.group(help_text.Group.OUTPUT):
        exporting.define_linkage()
    export_firmware.define_rate()


def main() -> None:
    exporting.linkage_flags()  # a wrong one must not wait for hours
    if FLAGS.task == fewshot.TASK:
        raise UserError(
            f"pipelines.run does not take --task={fewshot.TASK}, whose network has no export yet",
            "run pipelines.train, convert and evaluate",
        )
    if (FLAGS.task == wake.TASK or FLAGS.on_streams) and not FLAGS["stream"].present:
        FLAGS.stream = True  # a detector in hours of sound needs an operating point
    evaluate.check_second()
    chain = {
        "train": train.main,
        **({"compress": _compress} if FLAGS.recipe else {}),
        "convert": convert.main,
        "evaluate": evaluate.main,
        "export_firmware": _export,
        "export_android": _export_android,
    }
    if FLAGS.recipe:
        compress.check_flags(
            FLAGS.compress_epochs, FLAGS.compress_rate
        )  # hours before the stage needs them
    with common.run_directory().locked():
        for number, (stage, work) in enumerate(chain.items(), 1):
            print(f"[{number}/{len(chain)}] {stage}", flush=True)
            work()


def _compress() -> None:
    names = {"epochs": "compress_epochs", "peak_rate": "compress_rate"}
    compress.compress(FLAGS.compress_epochs, FLAGS.compress_rate, names)


def _export() -> None:
    run = common.run_directory()
    folders = {"tflm": run / run_dir.FIRMWARE}
    if FLAGS.second:
        print(f"no {folders.popitem()[1].name}: only plain C has a second stage")
    if training_flags.value("padding") == "reflect":
        print(f"no {run_dir.FIRMWARE_C}: plain C includes the front-end, which reads no future")
    else:
        folders["standalone"] = run / run_dir.FIRMWARE_C
    given = exporting.linkage_flags()
    linkages = {"tflm": Linkage(given.prefix), "standalone": given}
    for flavor, folder in folders.items():
        manifest = export_firmware.export(
            run.path,
            folder,
            flavor,
            linkage=linkages[flavor],
            decisions_per_second=FLAGS.decisions_per_second,
        )
        print(export_firmware.summary(manifest, folder))


def _export_android() -> None:
    run = common.run_directory()
    folder = run / run_dir.ANDROID
    if FLAGS.second:
        print(f"no {run_dir.ANDROID}: only plain C has a second stage")
    else:
        print(export_android.summary(export_android.export(run.path, folder), folder))
    exported = run.find(ExportFirmwareRecord)
    if exported is not None and exported.load is not None:
        print(export_firmware.load_line(exported.load))
    made = [name for name in _RESULTS if (run / name).exists()]
    print(f"done: {', '.join(str(run / name) for name in made)}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
