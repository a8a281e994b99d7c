"""Models by name: build_model("bc_resnet", tau=1, num_classes=12)."""

from typing import TYPE_CHECKING, Any

from edge_tf.errors import UserError
from edge_tf.models.torch_weights import load_torch_bc_resnet

if TYPE_CHECKING:
    import tf_keras as keras

__all__ = ["MODELS", "build_model", "load_torch_bc_resnet"]

MODELS = ("bc_resnet", "bc_resnet_asc", "ds_cnn")


def build_model(name: str, **arguments: Any) -> "keras.Model":
    """Builds an untrained model; logits out, no softmax.

    Args:
      name: "bc_resnet" (arguments: tau, num_classes, input_shape, dropout, lookahead),
        "bc_resnet_asc" (tau, num_classes, input_shape, dropout, norm and its places) or "ds_cnn"
        (num_classes, input_shape).
      **arguments: of the model's own build function.

    Returns:
      A Keras model from (batch, mel bands, frames, 1) to (batch, num_classes).

    Raises:
      UserError: no model has that name.
      ValueError: an argument does not fit the architecture.
    """
    if name == "bc_resnet":
        from edge_tf.models import bc_resnet

        return bc_resnet.build(**arguments)
    if name == "bc_resnet_asc":
        from edge_tf.models import bc_resnet_asc

        return bc_resnet_asc.build(**arguments)
    if name == "ds_cnn":
        from edge_tf.models import ds_cnn

        return ds_cnn.build(**arguments)
    raise UserError(f"model '{name}' is unknown", f"choose one of {', '.join(MODELS)}")
