"""The weights that a training begins with: those of a run that has learnt other words.

A training on streams hears a word in every second stream only, and from nothing it takes long to
learn what speech is. The layers of a network that was trained on clips, or on streams with other
words, know that; only what tells the classes apart begins anew if these are others.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from edge_tf import keras_file, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.models import loading
from edge_tf.run_records import TrainRecord
from edge_tf.settings import ModelConfig

if TYPE_CHECKING:
    import tf_keras as keras

_log = logging.getLogger(__name__)
_FLAG = "--start_from"


def network(start: Path) -> Path:
    """The network of a run. Raises UserError if there is none."""
    path = start / run_dir.FLOAT_MODEL
    if not path.is_file():
        raise UserError(
            f"{_FLAG}={start} has no {run_dir.FLOAT_MODEL}",
            "name a run whose training has finished",
        )
    return path


def digest(start: Path, model: ModelConfig, frontend: FrontendConfig) -> str:
    """Checks that a training can begin with a run's weights. Returns the digest of its network.

    Args:
      start: the run directory.
      model, frontend: of the training that is to begin.

    Raises:
      UserError: the run has no finished training, or another network or front-end.
    """
    path = network(start)
    theirs = run_dir.RunDirectory(start).stage(TrainRecord)
    if theirs.model != model:
        raise UserError(
            f"{_FLAG}={start} is another network ({_said(theirs.model)}, not {_said(model)})",
            "name a run of the same --model, --tau and --streaming",
        )
    mine, other = frontend.to_dict(), theirs.frontend.to_dict()
    if changed := [name for name in mine if other.get(name) != mine[name]]:
        raise UserError(
            f"{_FLAG}={start} has a different front-end ({', '.join(changed)})",
            "train both with the same front-end flags",
        )
    return keras_file.digest(path)


def _said(model: ModelConfig) -> str:
    form = "for whole windows" if model.lookahead is None else f"lookahead {model.lookahead}"
    return f"{model.name}, tau {model.tau:g}, {form}"


def copy(start: Path, model: "keras.Model") -> None:
    """Gives a network the weights of a run's layers of the same names and shapes; tells the others.

    Args:
      start: the run directory; `digest` has checked it.
      model: of the same kind, for the same or other classes.

    Raises:
      UserError: the run's network cannot be read, or has none of the layers.
    """
    source = loading.load(network(start))
    theirs = {layer.name: layer.get_weights() for layer in source.layers if layer.weights}
    fresh = []
    for layer in model.layers:
        if not layer.weights:
            continue
        weights = theirs.get(layer.name, [])
        if [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)
        else:
            fresh.append(layer.name)
    if len(fresh) == sum(1 for layer in model.layers if layer.weights):
        raise UserError(f"{_FLAG}={start} has no layer of this network", "name another run")
    _log.info("begins with the weights of %s; new: %s", start, ", ".join(fresh) or "none")
