"""The whole chain: train, compress if asked, convert, evaluate at every hop, export for devices.

The same command goes on where it was interrupted. When a gate breaks, the report is on disk, the
exit status is 1 and nothing is exported.
"""

from absl import flags

from edge_tf import run_dir
from pipelines import (
    app,
    common,
    compress,
    convert,
    evaluate,
    export_android,
    export_firmware,
    train,
    training_flags,
)

FLAGS = flags.FLAGS
_RESULTS = (run_dir.REPORT_HTML, run_dir.FIRMWARE, run_dir.FIRMWARE_C, run_dir.ANDROID)


def define_flags() -> None:
    train.define_flags()
    compress.define_own_flags()
    flags.DEFINE_integer("compress_epochs", 10, "Passes of the compression, with --recipe.")
    flags.DEFINE_float(
        "compress_rate", 0.0, "Highest learning rate of the compression; 0: the recipe's own."
    )
    convert.define_own_flags()
    evaluate.define_own_flags()
    for stage in (train, compress, convert, evaluate):
        flags.adopt_module_key_flags(stage)  # so that --help lists them


def main() -> None:
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
        )  # hours before it is their turn
    for number, (stage, work) in enumerate(chain.items(), 1):
        print(f"[{number}/{len(chain)}] {stage}", flush=True)
        work()


def _compress() -> None:
    compress.compress(FLAGS.compress_epochs, FLAGS.compress_rate)


def _export() -> None:
    run = common.run_directory()
    folders = {"tflm": run / run_dir.FIRMWARE}
    if (
        training_flags.value("padding") != "reflect"
    ):  # plain C has the front-end inside, which cannot look ahead
        folders["standalone"] = run / run_dir.FIRMWARE_C
    for flavor, folder in folders.items():
        print(export_firmware.summary(export_firmware.export(run.path, folder, flavor), folder))


def _export_android() -> None:
    run = common.run_directory()
    folder = run / run_dir.ANDROID
    print(export_android.summary(export_android.export(run.path, folder), folder))
    made = [name for name in _RESULTS if (run / name).exists()]
    print(f"done: {', '.join(str(run / name) for name in made)}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
