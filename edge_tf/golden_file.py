"""golden.npz: a few clips of a run with the bytes that its int8 model makes of them."""

import dataclasses

import numpy as np

from edge_tf import arrays, run_dir
from edge_tf.errors import UserError

_WANTED = {"wav": np.int16, "features": np.int8, "logits": np.int8}


@dataclasses.dataclass(frozen=True, eq=False)
class GoldenFile:
    """Content of golden.npz.

    Attributes:
      wav: (clips, samples) int16.
      features: (clips, ...shape of the model's input without its batch) int8.
      logits: (clips, classes) int8.
      label_index: (clips,) integers.
    """

    wav: np.ndarray
    features: np.ndarray
    logits: np.ndarray
    label_index: np.ndarray


def load(run: run_dir.RunDirectory) -> GoldenFile:
    """Reads golden.npz.

    Raises:
      UserError: it is missing, damaged, or its arrays are of other types or lengths.
    """
    path = run.require(run_dir.GOLDEN)
    try:
        found = arrays.load(path)
        golden = GoldenFile(**{f.name: found[f.name] for f in dataclasses.fields(GoldenFile)})
        _check(golden)
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{path} holds no golden vectors ({error})",
            f"make it again with: {run.command_of('convert')}",
        ) from None
    return golden


def _check(golden: GoldenFile) -> None:
    for name, kind in _WANTED.items():
        array = getattr(golden, name)
        if array.dtype != kind or array.ndim < 2 or (array.ndim > 2 and name != "features"):
            raise ValueError(f"{name} has type {array.dtype} and shape {array.shape}")
    index = golden.label_index
    if index.dtype.kind not in "iu" or index.ndim != 1:
        raise ValueError(f"label_index has type {index.dtype} and shape {index.shape}")
    lengths = [len(array) for array in vars(golden).values()]
    if len(set(lengths)) != 1 or not lengths[0]:
        raise ValueError(f"its arrays have {', '.join(map(str, lengths))} clips")
