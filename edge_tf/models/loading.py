"""Reads the .keras files of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

from edge_tf.errors import UserError

if TYPE_CHECKING:
    import tf_keras as keras


def load(path: Path) -> "keras.Model":
    """Reads a model that this library saved.

    Raises:
      UserError: not a Keras file, one of Keras 3, or one with unknown layers.
    """
    import tf_keras as keras

    import edge_tf.layers.frame_history
    import edge_tf.layers.rules  # noqa: F401  both register layers

    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [repr(error)])[0][:200]
        raise UserError(
            f"{path} is not a model of tf-keras with layers of edge_tf ({reason})",
            "train again: a Keras 3 model cannot be quantized with TFMOT",
        ) from None
