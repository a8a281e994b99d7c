"""The weights that a training on streams begins with: those of a network that knows other words.

A training on streams hears a word in every second stream only, and from nothing it takes long to
learn what speech is. The layers of a network that was trained on clips, or on streams with other
words, know that; only what tells the classes apart begins anew if these are others. edge_tf comes
with the weights of its default network, trained on twelve words by a thousand people.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_tf import files, keras_file, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.models import loading
from edge_tf.run_records import TrainRecord
from edge_tf.settings import ModelConfig

if TYPE_CHECKING:
    import tf_keras as keras

_log = logging.getLogger(__name__)
_FLAG = "--start_from"
AUTO, NONE = "auto", "none"
SHIPPED = Path(__file__).with_name("start_weights.npz")
_OF = ModelConfig(name="bc_resnet", tau=1.0, lookahead=0)
_HEARD_WITH = FrontendConfig(padding="causal")
_SAID = "the weights that come with edge_tf"


def network(start: Path) -> Path:
    """The network of a run. Raises UserError if there is none."""
    path = start / run_dir.FLOAT_MODEL
    if not path.is_file():
        raise UserError(
            f"{_FLAG}={start} has no {run_dir.FLOAT_MODEL}",
            "name a run whose training has finished",
        )
    return path


def digest(start: str, model: ModelConfig, frontend: FrontendConfig) -> str | None:
    """Checks that a training can begin with some weights. Returns their digest; None for none.

    Args:
      start: a run directory, AUTO for the weights that come with edge_tf if they fit, or NONE.
      model, frontend: of the training that is to begin.

    Raises:
      UserError: the run has no finished training, or another network or front-end.
    """
    if start == NONE:
        return None
    if start == AUTO:
        if model != _OF or _changed(frontend, _HEARD_WITH):
            _log.info(
                "%s are of %s with the default front-end: begins from nothing", _SAID, _said(_OF)
            )
            return None
        return hashlib.sha256(files.read_bytes(SHIPPED)).hexdigest()
    path = network(Path(start))
    theirs = run_dir.RunDirectory(start).stage(TrainRecord)
    if theirs.model != model:
        raise UserError(
            f"{_FLAG}={start} is another network ({_said(theirs.model)}, not {_said(model)})",
            "name a run of the same --model, --tau and --streaming",
        )
    if changed := _changed(frontend, theirs.frontend):
        raise UserError(
            f"{_FLAG}={start} has a different front-end ({', '.join(changed)})",
            "train both with the same front-end flags",
        )
    return keras_file.digest(path)


def _changed(mine: FrontendConfig, theirs: FrontendConfig) -> list[str]:
    """Fields that differ; how long a clip is does not matter to any layer."""
    ours, others = mine.to_dict(), theirs.to_dict()
    return [name for name in ours if name != "clip_samples" and others.get(name) != ours[name]]


def _said(model: ModelConfig) -> str:
    form = "for whole windows" if model.lookahead is None else f"lookahead {model.lookahead}"
    return f"{model.name}, tau {model.tau:g}, {form}"


def copy(start: str, model: "keras.Model") -> None:
    """Gives a network the weights of layers of the same names and shapes; tells the others.

    Args:
      start: a run directory or AUTO; `digest` has checked that it fits.
      model: of the same kind, for the same or other classes.

    Raises:
      UserError: the run's network cannot be read, or has none of the layers.
    """
    theirs = _shipped() if start == AUTO else _of_run(Path(start))
    fresh = []
    with_weights = [layer for layer in model.layers if layer.weights]
    for layer in with_weights:
        mine, weights = layer.get_weights(), theirs.get(layer.name, ())
        if [w.size for w in weights] == [w.size for w in mine]:
            layer.set_weights([w.reshape(m.shape) for w, m in zip(weights, mine, strict=True)])
        else:
            fresh.append(layer.name)
    what = _SAID if start == AUTO else f"the weights of {start}"
    if len(fresh) == len(with_weights):
        raise UserError(f"{_FLAG}={start} has no layer of this network", "name another run")
    _log.info("begins with %s; new: %s", what, ", ".join(fresh) or "none")


def _of_run(start: Path) -> dict[str, Sequence[np.ndarray]]:
    source = loading.load(network(start))
    return {layer.name: layer.get_weights() for layer in source.layers if layer.weights}


def _shipped() -> Mapping[str, Sequence[np.ndarray]]:
    """By layer, in the order of Keras, each flat."""
    with np.load(SHIPPED, allow_pickle=False) as document:
        names, sizes, values = (document[key] for key in ("names", "sizes", "values"))
    found: dict[str, list[np.ndarray]] = {}
    parts = np.split(values, np.cumsum(sizes)[:-1])
    for name, part in zip(names.tolist(), parts, strict=True):
        found.setdefault(name, []).append(part)
    return found
