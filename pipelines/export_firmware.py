"""Exports the int8 model of a run as C source for a microcontroller.

python -m pipelines.export_firmware --run_dir=RUN [--out=DIR] [--flavor=tflm]

Reads model_int8.tflite, labels.txt, frontend.json and golden.npz; writes DIR (default
RUN/firmware) with a README.md that says how to flash it.
"""

import zipfile
from pathlib import Path
from typing import Any

from absl import flags

from edge_tf import __version__, files, run_dir
from edge_tf.errors import UserError
from pipelines import app, common

FLAVORS = ("tflm",)


def define_flags() -> None:
    """Defines this binary's flags; not done on import, so that others can import `export`."""
    common.define_run_dir()
    flags.DEFINE_string("out", None, "Folder to write (default: firmware in the run directory).")
    flags.DEFINE_enum("flavor", "tflm", FLAVORS, "tflm: C++ runner for TensorFlow Lite Micro.")


def export(run: str | Path, out: str | Path | None = None, flavor: str = "tflm") -> dict[str, Any]:
    """Exports the model of a run and records the stage.

    Args:
      run: the run directory.
      out: folder to write; None for "firmware" in the run directory.
      flavor: one of FLAVORS.

    Returns:
      The manifest of what was written; see `firmware_export.tflm.package.export`.

    Raises:
      UserError, ExportError: an earlier stage is missing, or the files do not fit together.
    """
    if flavor not in FLAVORS:
        raise UserError(f"--flavor={flavor} is not one of {', '.join(FLAVORS)}")
    directory = run_dir.RunDirectory(run)
    model = directory.require(run_dir.INT8_MODEL)
    frontend = files.read_json(directory.require(run_dir.FRONTEND))
    labels = directory.labels()

    # These take a moment to import, which --help need not wait for.
    from firmware_export.tflm import package

    target = Path(out) if out else directory / run_dir.FIRMWARE
    golden = _read_golden(directory.require(run_dir.GOLDEN))
    manifest = package.export(
        model.read_bytes(), labels, frontend, golden, target, __version__, model_name=str(model)
    )
    directory.record(
        "export_firmware",
        {
            "flavor": flavor,
            "out": str(target),
            "model_sha256": manifest["model"]["sha256"],
            "model_bytes": manifest["model"]["bytes"],
            "arena": manifest["arena"],
        },
    )
    return manifest


def summary(manifest: dict[str, Any], target: str | Path) -> str:
    """One line for the screen about what was exported."""
    arena = manifest["arena"]
    return (
        f"firmware ({manifest['flavor']}): {target}: model {manifest['model']['bytes']:,} B, "
        f"arena {arena['bytes']:,} B ({arena['source']} + {arena['margin_percent']} %), "
        f"{len(manifest['model']['ops'])} kinds of op, {manifest['golden']['clips']} golden clips"
    )


def _read_golden(path: Path) -> Any:
    import numpy as np

    from firmware_export.golden import Golden

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Golden(
                features=arrays["features"],
                logits=arrays["logits"],
                label_index=arrays["label_index"],
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} holds no golden vectors ({error})",
            f"make it again with: python -m pipelines.convert --run_dir={path.parent}",
        ) from None


def main() -> None:
    values = flags.FLAGS
    manifest = export(values.run_dir, values.out, values.flavor)
    print(summary(manifest, values.out or Path(values.run_dir) / run_dir.FIRMWARE))


if __name__ == "__main__":
    define_flags()
    app.run(main)
