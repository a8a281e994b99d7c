"""Whether a run can teach another; needs no TensorFlow."""

from edge_tf import keras_file, run_dir
from edge_tf.errors import UserError
from edge_tf.run_records import TrainRecord


def digest(run: run_dir.RunDirectory, teacher: run_dir.RunDirectory) -> str:
    """Checks that a run can teach another. Returns the digest of its float model.

    Raises:
      UserError: it has no float model, or different labels or front-end.
    """
    path = teacher.require(run_dir.FLOAT_MODEL)
    if teacher.labels() != run.labels():
        raise UserError(
            f"--teacher_run={teacher.path} has different labels from {run.path}",
            "train the teacher on the same task",
        )
    mine, theirs = (r.stage(TrainRecord).frontend.to_dict() for r in (run, teacher))
    if mine != theirs:
        changed = [name for name in mine if theirs.get(name) != mine[name]]
        raise UserError(
            f"--teacher_run={teacher.path} has a different front-end from {run.path} "
            f"({', '.join(changed) or 'unknown'})",
            "train the teacher with the same front-end flags",
        )
    return keras_file.digest(path)
