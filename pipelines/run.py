"""The whole chain: train, convert, evaluate at every hop, export the firmware.

The same command goes on where it was interrupted. When a gate breaks, the report is on disk, the
exit status is 1 and no firmware is written.
"""

from pipelines import app, common, convert, evaluate, export_firmware, train


def define_flags() -> None:
    train.define_flags()
    convert.define_own_flags()
    evaluate.define_own_flags()


def main() -> None:
    for number, stage in enumerate((train, convert, evaluate, export_firmware), 1):
        print(f"[{number}/4] {stage.__name__.rpartition('.')[2]}", flush=True)
        if stage is export_firmware:
            run = common.run_directory()
            export_firmware.export(str(run.path))
        else:
            stage.main()
    print(f"done: report {run / 'report.html'}, firmware {run / 'firmware'}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
