"""Reads the .keras files of a run, which may come from someone else."""

import contextlib
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_tf import files
from edge_tf.errors import UserError
from firmware_export import children

if TYPE_CHECKING:
    import tf_keras as keras

# Values of one layer's output for one clip; a second of sound has some 65,000 at most.
_MOST_VALUES = 1 << 26


def load(path: Path, also: "Iterable[type[keras.layers.Layer]]" = ()) -> "keras.Model":
    """Reads a model that this library saved. Runs no code that the file names.

    Args:
      path: a .keras file: a zip archive, not HDF5 or a SavedModel.
      also: layers that it may contain besides those that have a rule.

    Raises:
      UserError: not a Keras file, one of Keras 3, or one with unknown layers.
    """
    import tf_keras as keras

    from edge_tf.layers import frame_history
    from edge_tf.layers.rules import RULES
    from edge_tf.models import keras_archive

    allowed = (
        *(rule.layer for rule in RULES),
        *(frame_history.FrameHistory, frame_history.Delay, frame_history.SlidingMean),
        *(keras.layers.Flatten, *also),
    )
    content = files.read_bytes(path, keras_archive.MOST_BYTES)
    try:
        safe = keras_archive.checked(content, allowed)
        with children.folder() as folder, _allocating(len(safe)):
            copy = folder / "model.keras"
            copy.write_bytes(safe)
            model = keras.models.load_model(copy, compile=False, safe_mode=True)
        _check_outputs(model)
        return model
    except _damage() as error:
        reason = (str(error).strip().splitlines() or [repr(error)])[0][:200]
        raise UserError(
            f"{path} is not a model of tf-keras with layers of edge_tf ({reason})",
            "restore it or train again: a Keras 3 model cannot be quantized with TFMOT",
        ) from None


def _damage() -> tuple[type[Exception], ...]:
    """What zipfile, json, h5py, Keras and TensorFlow raise on files that they did not write."""
    import tensorflow as tf

    return (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        MemoryError,
        RuntimeError,
        AssertionError,
        zipfile.BadZipFile,
        tf.errors.OpError,
    )


@contextlib.contextmanager
def _allocating(size: int) -> Iterator[None]:
    """Refuses to create variables of more than `size` bytes in all: the file has them, after all.

    Raises:
      ValueError: it does not; nothing was allocated.
    """
    import tensorflow as tf

    left = size

    def create(make: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal left
        shape = arguments.get("shape")
        if shape is not None:
            left -= 4 * math.prod(tf.TensorShape(shape).as_list())
        if left < 0:
            raise ValueError("its layers have more weights than the file")
        return make(**arguments)

    with tf.variable_creator_scope(create):
        yield


def _check_outputs(model: "keras.Model") -> None:
    """Refuses a network that would take gigabytes for one clip."""
    for layer in model.layers:
        shape = (
            layer.output_shape[0] if isinstance(layer.output_shape, list) else layer.output_shape
        )
        if math.prod(size for size in shape if size is not None) > _MOST_VALUES:
            raise ValueError(f"layer {layer.name!r} has an output of shape {shape}")
