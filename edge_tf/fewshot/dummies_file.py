"""The recogniser of a run: its method's, and for D-ProtoNets dummies.npz."""

from pathlib import Path

import numpy as np

from edge_tf import arrays, files, run_dir
from edge_tf.errors import UserError
from edge_tf.fewshot.recogniser import DUMMY_WEIGHTS, Dummies, Recogniser
from edge_tf.run_records import TrainRecord


def save(dummies: Dummies, path: Path) -> None:
    """Writes the weights as float32."""
    weights = {name: getattr(dummies, name).astype(np.float32) for name in DUMMY_WEIGHTS}
    with files.atomic_path(path) as temporary, temporary.open("wb") as out:
        np.savez(out, **weights)


def recogniser_of(run: run_dir.RunDirectory) -> Recogniser:
    """The recogniser that a run was trained for.

    Raises:
      UserError: no run of --task=fewshot, or dummies.npz is missing or damaged.
    """
    fewshot = run.stage(TrainRecord).fewshot
    if fewshot is None:
        raise UserError(f"{run.path} is no run of --task=fewshot", "train one")
    if fewshot.method != "dproto" or not fewshot.dummies:
        return Recogniser()
    path = run.require(run_dir.DUMMIES)
    try:
        content = arrays.load(path)
        dummies = Dummies(*(content[name] for name in DUMMY_WEIGHTS))
        if not all(np.isfinite(content[name]).all() for name in DUMMY_WEIGHTS):
            raise ValueError("not finite")
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"{path} does not hold the weights of dummy prototypes ({error})",
            "restore it, or train again into a new --run_dir",
        ) from None
    return Recogniser(dummies, fewshot.unknown_temperature)
