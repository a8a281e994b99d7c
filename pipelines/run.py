"""The whole chain: train, convert, evaluate at every hop, export the firmware.

The same command goes on where it was interrupted. When a gate breaks, the report is on disk, the
exit status is 1 and no firmware is written.
"""

from absl import flags

from edge_tf import run_dir
from pipelines import app, common, convert, evaluate, export_firmware, train

FLAGS = flags.FLAGS


def define_flags() -> None:
    train.define_flags()
    convert.define_own_flags()
    evaluate.define_own_flags()
    for stage in (train, convert, evaluate):
        flags.adopt_module_key_flags(stage)  # so that --help lists them


def main() -> None:
    _announce(1, "train")
    train.main()
    _announce(2, "convert")
    convert.main()
    _announce(3, "evaluate")
    evaluate.main()
    _announce(4, "export_firmware")
    run = common.run_directory()
    folders = {"tflm": run / run_dir.FIRMWARE}
    if FLAGS.padding == "causal":  # plain C has the front-end inside, which cannot look ahead
        folders["standalone"] = run / run_dir.FIRMWARE_C
    for flavor, folder in folders.items():
        print(export_firmware.summary(export_firmware.export(run.path, folder, flavor), folder))
    print(f"done: {', '.join(str(path) for path in (run / 'report.html', *folders.values()))}")


def _announce(number: int, stage: str) -> None:
    print(f"[{number}/4] {stage}", flush=True)


if __name__ == "__main__":
    define_flags()
    app.run(main)
