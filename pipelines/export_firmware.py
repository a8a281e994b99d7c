"""Exports an int8 model as C source for a microcontroller.

    python -m pipelines.export_firmware --run_dir=RUN --flavor=standalone
    python -m pipelines.export_firmware --tflite=FILE --out=DIR
    python -m pipelines.export_firmware --list_ops

With --run_dir: the model of a run with its labels, front-end, detector and golden clips. With
--tflite: any int8 .tflite file alone. Writes the folder --out; its README.md says how to build and
flash it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from edge_tf import __version__, files, run_dir
from edge_tf.errors import UserError
from edge_tf.run_records import ExportFirmwareRecord
from firmware_export.boards.board import TARGETS
from firmware_export.linkage import Linkage
from firmware_export.standalone.target import AUTO, Target
from pipelines import app, common, exporting, exports, help_text

FLAVORS = ("tflm", "standalone")
_ALONE = Linkage()
_FOLDERS = {"tflm": run_dir.FIRMWARE, "standalone": run_dir.FIRMWARE_C}


def define_flags() -> None:
    """Defines this binary's flags; not done on import, so that others can import `export`."""
    flags.DEFINE_string("run_dir", None, "<DIR>: Run whose model to export; this or --tflite.")
    flags.DEFINE_string("tflite", None, "<FILE>: Any int8 .tflite file; this or --run_dir.")
    flags.DEFINE_boolean(
        "list_ops", None, "Prints the ops and types that plain C has, and does nothing else."
    )
    flags.mark_flags_as_mutual_exclusive(["run_dir", "tflite", "list_ops"], required=True)
    help_text.list_first("run_dir", "tflite", "list_ops")
    _define_own_flags()
    _define_background()
    define_rate()
    for name in ("run_dir", "tflite", "out"):
        flags.register_validator(name, lambda path: path != "", message="must not be empty")


@help_text.group(help_text.Group.OUTPUT)
def _define_own_flags() -> None:
    flags.DEFINE_string(
        "out",
        None,
        "<DIR>: Folder to write; needed with --tflite. Default: RUN_DIR/firmware, for plain C "
        "RUN_DIR/firmware_c.",
    )
    flags.DEFINE_enum(
        "flavor",
        None,
        FLAVORS,
        "tflm: C++ runner for TensorFlow Lite Micro; standalone: plain C. Default: tflm; with "
        "--tflite, and of a run of --task=fewshot, standalone.",
    )
    flags.DEFINE_enum(
        "target",
        AUTO.name,
        list(TARGETS),
        "For plain C: core whose kernels are exported; auto: those of all cores, of which your "
        "compiler takes what suits; generic: plain C alone.",
    )
    flags.DEFINE_list(
        "passes",
        [],
        "<PASS,...>: For plain C: graph rewrites to apply, or, each with '-' in front, to skip. "
        "Default: all.",
    )
    flags.DEFINE_boolean(
        "streaming",
        None,
        "One frame per inference instead of a whole window; with --tflite: the file is in the "
        "streaming form. Default: as the run was trained.",
    )
    exporting.define_linkage()
    exporting.define_force()


def define_rate() -> None:
    """Also a flag of pipelines.run."""
    with help_text.group(help_text.Group.DETECTION):
        flags.DEFINE_float(
            "decisions_per_second",
            None,
            "How often firmware decides; the detector's times stay the same. "
            "Default: at each frame; with --nostreaming 10, each of a whole window; with "
            "--task=fewshot some 30.",
        )


def _define_background() -> None:
    with help_text.group(help_text.Group.DETECTION):
        common.define_background()


def export(
    run: str | Path,
    out: str | Path | None = None,
    flavor: str = "tflm",
    target: Target = AUTO,
    passes: Sequence[str] = (),
    streaming: bool | None = None,
    force: bool = False,
    background: Sequence[str] = (),
    linkage: Linkage = _ALONE,
    decisions_per_second: float | None = None,
) -> dict[str, Any]:
    """Exports the model of a run and records the stage.

    Args:
      run: the run directory.
      out: folder to write; None for "firmware" or "firmware_c" in the run directory.
      flavor: one of FLAVORS.
      target: of "standalone": the core.
      passes: of "standalone": as the flag --passes.
      streaming: one frame per inference; None: as the run was trained.
      force: delete what was added to or changed in an earlier export at `out`.
      background: labels that the detector does not report, besides those of the run.
      linkage: names of the folder, and what it shares with others in a firmware.
      decisions_per_second: of the detector; None: at each frame, or ten for whole windows.

    Returns:
      The manifest of what was written; see the `package.export` of the flavour.

    Raises:
      UserError, ExportError: an earlier stage is missing, or the files do not fit together.
    """
    if flavor not in FLAVORS:
        raise UserError(f"--flavor={flavor} is not one of {', '.join(FLAVORS)}")
    directory = run_dir.RunDirectory(run)
    if directory.embeds() and flavor != "standalone":
        raise UserError(
            f"--flavor={flavor} does not learn words, and {directory.path} is a run of "
            "--task=fewshot",
            "use --flavor=standalone",
        )
    folder = Path(out) if out else directory / _FOLDERS[flavor]
    if streaming is None:
        streaming = directory.lookahead() is not None
    elif streaming and directory.lookahead() is None:
        raise UserError(f"{directory.path} was trained for whole windows", "train with --streaming")
    exporting.announce(folder, force)
    if directory.embeds():
        if background:
            raise UserError(
                "--background_labels has no effect on a run of --task=fewshot", "leave it out"
            )
        manifest = exports.export_learning(
            directory, folder, target, passes, streaming, decisions_per_second, linkage, force
        )
    else:
        manifest = _export_spotting(
            *(directory, folder, flavor, target, passes, streaming, background),
            *(decisions_per_second, linkage, force),
        )
    directory.record(
        ExportFirmwareRecord(
            flavor=flavor,
            streaming=streaming,
            out=str(folder),
            model_sha256=manifest["model"]["sha256"],
            model_bytes=manifest["model"]["bytes"],
            arena=manifest["arena"] if flavor == "tflm" else None,
            target=target.name if flavor == "standalone" else None,
            memory=manifest.get("memory"),
            prefix=linkage.prefix or None,
            load=manifest.get("load"),
        )
    )
    return manifest


def _export_spotting(
    directory: run_dir.RunDirectory,
    folder: Path,
    flavor: str,
    target: Target,
    passes: Sequence[str],
    streaming: bool,
    background: Sequence[str],
    decisions_per_second: float | None,
    linkage: Linkage,
    force: bool,
) -> dict[str, Any]:
    """A run with classes; see `export`."""
    from edge_tf.evaluation.streams import operating_point

    frames = exporting.frames_per_decision(directory, streaming, decisions_per_second)
    detector = exporting.detector(directory, streaming, background, frames)
    caveat = operating_point.caveat(directory) if streaming else ""
    if not streaming:
        operating_point.refuse_second(directory, "an export of whole windows (--nostreaming)")
    if flavor == "tflm":
        operating_point.refuse_second(directory, "TensorFlow Lite Micro's runner (--flavor=tflm)")
        return exports.export_tflm(directory, folder, streaming, detector, caveat, linkage, force)
    return exports.export_standalone(
        directory, folder, target, passes, streaming, detector, caveat, frames, linkage, force
    )


def export_file(
    tflite: str | Path,
    out: str | Path,
    flavor: str = "standalone",
    target: Target = AUTO,
    passes: Sequence[str] = (),
    streaming: bool = False,
    force: bool = False,
    linkage: Linkage = _ALONE,
) -> dict[str, Any]:
    """Exports any int8 .tflite; see `export`. `streaming` is of plain C only."""
    exporting.announce(Path(out), force)
    try:
        files.check_regular(Path(tflite))
        model = Path(tflite).read_bytes()
    except OSError as error:
        raise UserError(
            f"{tflite} cannot be read ({error.strerror})", "give a .tflite file with --tflite"
        ) from None
    if flavor == "tflm":
        from firmware_export.tflm import package as tflm_package

        return tflm_package.export(
            model, Path(out), __version__, linkage=linkage, model_name=str(tflite), force=force
        )
    from firmware_export.standalone import package
    from firmware_export.standalone import passes as all_passes

    return package.export(
        model,
        Path(out),
        __version__,
        target=target,
        passes=all_passes.select(passes),
        streaming=model if streaming else None,
        linkage=linkage,
        model_name=str(tflite),
        force=force,
    )


def summary(manifest: dict[str, Any], folder: str | Path) -> str:
    """One line for the screen about what was exported."""
    head = f"firmware ({manifest['flavor']}): {folder}: model {manifest['model']['bytes']:,} B, "
    tail = (
        f"{len(manifest['model']['ops'])} kinds of op, {manifest['golden']['clips']} golden clips"
    )
    if manifest["flavor"] == "tflm":
        arena = manifest["arena"]
        margin = f"({arena['source']} + {arena['margin_percent']} %)"
        return f"{head}arena {arena['bytes']:,} B {margin}, {tail}"
    memory = manifest["memory"]
    second = manifest["second_stage"]
    if second:
        tail += (
            f"; second stage: model {second['bytes']:,} B, RAM {_of_second(memory['ram']):,} B of "
            f"the above, constants {second['constant_bytes']:,} B more"
        )
    return (
        f"{head}RAM {sum(memory['ram'].values()):,} B of which activations "
        f"{memory['arena_bytes']:,} B, constants {memory['constant_bytes']:,} B, {tail}"
    )


def _of_second(ram: dict[str, int]) -> int:
    return sum(size for name, size in ram.items() if name.startswith("second stage"))


def load_line(load: dict[str, Any]) -> str:
    """What plain C needs on common parts, a line, and one of a second stage.

    Args:
      load: as in the manifest.
    """
    # Takes a moment to import, which --help need not wait for.
    from firmware_export.standalone.load import text as load_text

    line = f"load, estimated: {load_text.line(load['parts'])}"
    return "\n".join([line, *load_text.second_lines(load)])


def main() -> None:
    values = flags.FLAGS
    target = TARGETS[values.target]
    if values.list_ops:
        from firmware_export.standalone import op_table

        print(op_table.text())
        return
    if values.tflite:
        flavor = values.flavor or "standalone"
        if values.streaming and flavor == "tflm":
            raise UserError(
                "--streaming with --tflite is for plain C", "leave it out, or --flavor=standalone"
            )
        if values.background_labels:
            raise UserError(
                "--background_labels needs the labels of a run", "give --run_dir, or leave it out"
            )
        if values.decisions_per_second is not None:
            raise UserError(
                "--decisions_per_second needs the front-end of a run",
                "give --run_dir, or leave it out",
            )
        if not values.out:
            raise UserError("--out is missing", "give the folder to write")
        manifest = export_file(
            values.tflite,
            values.out,
            flavor,
            target,
            values.passes,
            bool(values.streaming),
            values.force,
            exporting.linkage_flags(),
        )
        _tell(manifest, values.out)
        return
    _export_run()


@common.locked_run
def _export_run() -> None:
    values = flags.FLAGS
    embeds = run_dir.RunDirectory(values.run_dir).embeds()
    flavor = values.flavor or ("standalone" if embeds else "tflm")
    manifest = export(
        values.run_dir,
        values.out,
        flavor,
        TARGETS[values.target],
        values.passes,
        values.streaming,
        values.force,
        values.background_labels,
        exporting.linkage_flags(),
        values.decisions_per_second,
    )
    _tell(manifest, values.out or Path(values.run_dir) / _FOLDERS[flavor])


def _tell(manifest: dict[str, Any], folder: str | Path) -> None:
    print(summary(manifest, folder))
    if "load" in manifest:
        print(load_line(manifest["load"]))


if __name__ == "__main__":
    define_flags()
    app.run(main)
