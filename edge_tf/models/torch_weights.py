"""Loads the published PyTorch BC-ResNet's weights into ours. PyTorch itself is not needed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_tf.errors import UserError

if TYPE_CHECKING:
    import tf_keras as keras


def load_torch_bc_resnet(model: "keras.Model", state_dict: Mapping[str, Any]) -> None:
    """Sets every weight of a BC-ResNet from the state dict of the authors' published network.

    Args:
      model: build_model("bc_resnet", ...) of the same tau and number of classes.
      state_dict: their keys (cnn_head.*, BCBlocks.*, classifier.*) to arrays, for instance
        {k: v.numpy() for k, v in torch_model.state_dict().items()}. A DataParallel prefix
        "module." is accepted.

    Raises:
      UserError: a key is missing, unknown, or has the wrong shape; the model is left unchanged.
    """
    source = {key.removeprefix("module."): np.asarray(v) for key, v in state_dict.items()}
    source = {key: v for key, v in source.items() if not key.endswith("num_batches_tracked")}
    planned: list[tuple[Any, np.ndarray]] = []

    def take(key: str, shape: tuple[int, ...]) -> np.ndarray:
        if key not in source:
            raise UserError(f"the state dict has no '{key}'", f"is it a {model.name} of 2-D input?")
        value = source.pop(key)
        if value.shape != shape:
            raise UserError(
                f"'{key}' has shape {value.shape}, {model.name} needs {shape}",
                "build the model with the tau and num_classes of the checkpoint",
            )
        return value

    def conv(layer: str, key: str) -> None:  # (out, in, F, T) -> (F, T, in, out)
        kernel = model.get_layer(layer).kernel
        rows, frames, ins, outs = kernel.shape
        planned.append((kernel, take(key, (outs, ins, rows, frames)).transpose(2, 3, 1, 0)))

    def depthwise(layer: str, key: str) -> None:  # (C, 1, F, T) -> (F, T, C, 1)
        kernel = model.get_layer(layer).depthwise_kernel
        rows, frames, channels, _ = kernel.shape
        planned.append((kernel, take(key, (channels, 1, rows, frames)).transpose(2, 3, 0, 1)))

    def norm(layer: str, key: str) -> None:
        target = model.get_layer(layer)
        for variable, name in (
            (target.gamma, "weight"),
            (target.beta, "bias"),
            (target.moving_mean, "running_mean"),
            (target.moving_variance, "running_var"),
        ):
            value = take(f"{key}.{name}", (variable.shape.num_elements(),))
            if len(variable.shape) == 2:  # sub-bands: theirs is flat, channel-major
                value = value.reshape(variable.shape[1], variable.shape[0]).T
            planned.append((variable, value))

    conv("stem", "cnn_head.0.weight")
    norm("stem_bn", "cnn_head.1")
    names = {layer.name for layer in model.layers}
    stage = 0
    while f"stage{stage}_block0_f2_depthwise" in names:
        block = 0
        while f"stage{stage}_block{block}_f2_depthwise" in names:
            ours, theirs = f"stage{stage}_block{block}", f"BCBlocks.{stage}.{block}"
            f2 = 0
            if f"{ours}_f2_expand" in names:
                conv(f"{ours}_f2_expand", f"{theirs}.f2.0.block.0.weight")
                norm(f"{ours}_f2_expand_bn", f"{theirs}.f2.0.block.1")
                f2 = 1
            depthwise(f"{ours}_f2_depthwise", f"{theirs}.f2.{f2}.block.0.weight")
            norm(f"{ours}_f2_ssn", f"{theirs}.f2.{f2}.block.1.ssnorm")
            depthwise(f"{ours}_f1_depthwise", f"{theirs}.f1.0.block.0.weight")
            norm(f"{ours}_f1_bn", f"{theirs}.f1.0.block.1")
            conv(f"{ours}_f1_pointwise", f"{theirs}.f1.1.weight")
            block += 1
        stage += 1
    depthwise("tail_depthwise", "classifier.0.weight")
    conv("tail_pointwise", "classifier.1.weight")
    norm("tail_bn", "classifier.2")
    head = model.get_layer("classifier")
    ins, outs = head.kernel.shape
    planned.append((head.kernel, take("classifier.5.weight", (outs, ins, 1, 1))[:, :, 0, 0].T))
    planned.append((head.bias, take("classifier.5.bias", (outs,))))
    if source:
        raise UserError(f"the state dict has keys unknown to {model.name}: {sorted(source)[:3]}")
    for variable, value in planned:
        variable.assign(value)
