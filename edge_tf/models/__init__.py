"""Models by name: build_model("bc_resnet", tau=1, num_classes=12). MODELS lists their records."""

from typing import TYPE_CHECKING, Any

from edge_tf.errors import UserError
from edge_tf.models import bc_resnet, bc_resnet_asc, ds_cnn
from edge_tf.models.spec import ModelSpec
from edge_tf.models.torch_weights import load_torch_bc_resnet
from edge_tf.settings import Domain

if TYPE_CHECKING:
    import tf_keras as keras

__all__ = ["DEFAULT_MODELS", "MODELS", "build_model", "load_torch_bc_resnet", "spec"]

MODELS: dict[str, ModelSpec] = {
    made.name: made for made in (bc_resnet.SPEC, bc_resnet_asc.SPEC, ds_cnn.SPEC)
}
DEFAULT_MODELS: dict[Domain, str] = {"words": "bc_resnet", "scenes": "bc_resnet_asc"}


def spec(name: str) -> ModelSpec:
    """The record of a model. Raises UserError if no model has that name."""
    if name not in MODELS:
        raise UserError(f"model '{name}' is unknown", f"choose one of {', '.join(MODELS)}")
    return MODELS[name]


def build_model(name: str, **arguments: Any) -> "keras.Model":
    """Builds an untrained model; logits out, no softmax.

    Args:
      name: one of MODELS.
      **arguments: of the model's build function: num_classes, input_shape, its settings.

    Returns:
      A Keras model from (batch, mel bands, frames, 1) to (batch, num_classes); without num_classes,
      of a model that `embeds`, to embeddings.

    Raises:
      UserError: no model has that name.
      ValueError: an argument does not fit the architecture.
    """
    return spec(name).build(**arguments)
