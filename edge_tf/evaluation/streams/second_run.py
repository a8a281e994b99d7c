"""The run of a second stage: read, and refused if it does not fit the first stage's run."""

import dataclasses
import hashlib
from pathlib import Path

from edge_tf import models, run_dir
from edge_tf.errors import UserError
from edge_tf.models import run_model


@dataclasses.dataclass(frozen=True)
class SecondRun:
    """A run whose network is a second stage.

    Attributes:
      path: of the run directory, absolute.
      model: .tflite file of the streaming form.
      past: frames that all logits depend on: fewer, and it would not hear what it was trained on.
    """

    path: Path
    model: bytes
    past: int

    @property
    def sha256(self) -> str:
        """Of the model."""
        return hashlib.sha256(self.model).hexdigest()


def finished(path: str | Path) -> run_dir.RunDirectory:
    """A run that could be a second stage, whatever the first is.

    Raises:
      UserError: it is no converted run for streams.
    """
    second = run_dir.RunDirectory(path)
    if not second.path.is_dir():
        raise UserError(
            f"the second stage {second.path} does not exist",
            "name the run directory of a larger network",
        )
    if second.lookahead() is None:
        raise UserError(
            f"the second stage {second.path} was trained for whole windows",
            "train it with --streaming",
        )
    second.require_streaming()
    return second


def load(run: run_dir.RunDirectory, path: str | Path) -> SecondRun:
    """Reads a run as the second stage of another one.

    Args:
      run: the first stage.
      path: the run directory of the second.

    Raises:
      UserError: it is no converted run for streams, or of other words or another front-end.
    """
    second = finished(path)
    what = f"the second stage {second.path}"
    model = second.require_streaming().read_bytes()
    ours, theirs = run.labels(), second.labels()
    if ours != theirs:
        raise UserError(
            f"{what} tells {', '.join(theirs)}, but {run.path} tells {', '.join(ours)}",
            "train both for the same words",
        )
    if run.frontend() != second.frontend():
        now, wanted = vars(second.frontend()), vars(run.frontend())
        differing = [name for name in wanted if now[name] != wanted[name]]
        raise UserError(
            f"{what} has {', '.join(f'{name}={now[name]}' for name in differing)}, but {run.path} "
            f"has {', '.join(f'{name}={wanted[name]}' for name in differing)}",
            "train both with the same front-end",
        )
    past = run.frontend().num_frames + models.spec(run_model.config_of(second).name).field
    return SecondRun(second.path.resolve(), model, past)
