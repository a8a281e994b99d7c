"""From a byte budget to a sparsity: how many int8 bytes remain besides the pruned weights.

Norms become 32-bit biases in the int8 file, and a sub-band norm copies the kernel before it, so the
bytes that do not shrink cannot be counted in the Keras model. They are counted in the int8 file of
the float model; the rest of the budget is the number of weights that may stay. Size is defined as
in DCASE (tflite_model/sparsity.py).
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

import tflite_model
from edge_tf import files, keras_file, run_dir
from edge_tf.compression.network import copy_of
from edge_tf.compression.settings import Settings
from edge_tf.errors import UserError
from edge_tf.layers.rules import kernel_of
from edge_tf.settings import Graph
from tflite_model import sparsity
from tflite_model.info import ITEM_BITS, ModelInfo, TensorInfo

# A budget prunes no kernel further: with so few weights it learns nothing.
HIGHEST = 0.99
_STEPS = 100_000  # of sparsity between 0 and 1
_SMALL = 0.01
_FILE = "budget.json"

# From a model, representative features and the form of the graph to an int8 file.
ToInt8 = Callable[[keras.Model, np.ndarray, Graph], bytes]


@dataclasses.dataclass(frozen=True)
class Capacity:
    """The size an int8 file can shrink to.

    Attributes:
      fixed_bytes: upper bound for parameters that are not pruned. Those that happen to round to
        zero now need not after training; zeros of whole taps come from conversion and stay.
      kernels: number of weights in each pruned kernel, one byte each.
    """

    fixed_bytes: int
    kernels: tuple[int, ...]

    def bytes_at(self, share: float, prune_by: str) -> int:
        """Maximum of non-zero bytes with this share of zeros in the pruned kernels, 0 to 1."""
        counted = (sum(self.kernels),) if prune_by == "network" else self.kernels
        # Rounded like TFMOT; a kernel keeps at least one weight.
        kept = np.round(np.array(counted, np.float32) * (np.float32(1.0) - np.float32(share)))
        return self.fixed_bytes + int(np.maximum(kept, 1).sum())

    def sparsity_for(self, target_bytes: int, prune_by: str) -> float:
        """The smallest sparsity, in steps of 1e-5, at which the file meets the target.

        Raises:
          UserError: the target is out of reach.
        """
        if self.bytes_at(HIGHEST, prune_by) > target_bytes:
            total = self.fixed_bytes + sum(self.kernels)
            smallest = self.bytes_at(HIGHEST, prune_by) / sparsity.KB
            raise UserError(
                f"{target_bytes:,} bytes are out of reach: of the {total:,} bytes of the int8 file "
                f"{self.fixed_bytes:,} are biases and kernels that are not pruned",
                f"--target_nonzero_kb must be at least {np.ceil(10 * smallest) / 10:.1f}, or prune "
                "more kernels (--prune), or try --graph=plain, which copies no weights, or train a "
                "smaller network",
            )
        low, high = -1, round(HIGHEST * _STEPS)
        while high - low > 1:  # low is too little, high is enough
            middle = (low + high) // 2
            enough = self.bytes_at(middle / _STEPS, prune_by) <= target_bytes
            low, high = (low, middle) if enough else (middle, high)
        return high / _STEPS


def with_sparsity(
    run: run_dir.RunDirectory,
    model: keras.Model,
    names: Sequence[str],
    settings: Settings,
    clips: Callable[[], np.ndarray],
    to_int8: ToInt8,
) -> Settings:
    """The settings, with the sparsity that meets their budget, if any.

    Measured once: the result is stored in the run and reused for the same request.

    Args:
      run: the run of this float model.
      model: the model to compress.
      names: layers to prune.
      settings: the user's.
      clips: returns representative features (n, mel_bands, frames, 1); called only if needed.
      to_int8: converts a model as the stage "convert" does.

    Raises:
      UserError: the budget is out of reach, or no phase prunes.
    """
    if not settings.target_nonzero_kb:
        return settings
    if not names:
        raise UserError(
            f"--target_nonzero_kb={settings.target_nonzero_kb:g} needs a recipe that prunes",
            "choose prune, prune_qat or pqk",
        )
    path = run / run_dir.COMPRESSION / _FILE
    float_model = keras_file.digest(run.require(run_dir.FLOAT_MODEL))
    asked = {"float_model": float_model, "graph": settings.graph, "layers": list(names)}
    capacity = _remembered(path, asked)
    if capacity is None:
        file = tflite_model.parse(
            to_int8(_touched(model), clips(), settings.graph), "the int8 model"
        )
        capacity = measure(file, [model.get_layer(name) for name in names])
        files.write_json(path, {**asked, **dataclasses.asdict(capacity)})
    target = int(settings.target_nonzero_kb * sparsity.KB)
    return dataclasses.replace(settings, sparsity=capacity.sparsity_for(target, settings.prune_by))


def _touched(model: keras.Model) -> keras.Model:
    """A copy in which no trainable value is zero, as biases are before training.

    Zeros in its int8 file, whole taps and constants, thus come from conversion.
    """
    copy = copy_of(model)
    for variable in copy.trainable_variables:
        value = variable.numpy()
        variable.assign(np.where(value == 0.0, _SMALL, value))
    return copy


def _remembered(path: Path, asked: dict[str, Any]) -> Capacity | None:
    """The stored result of the same request."""
    try:
        known = files.read_json(path) if path.exists() else {}
        if {key: known.get(key) for key in asked} == asked:
            return Capacity(int(known["fixed_bytes"]), tuple(int(n) for n in known["kernels"]))
    except (AttributeError, KeyError, TypeError, ValueError, UserError):
        pass  # a damaged file is measured again
    return None


def measure(file: ModelInfo, layers: Sequence[keras.layers.Layer]) -> Capacity:
    """Counts the bytes that remain in a float model's int8 file if some layers are pruned.

    Args:
      file: the int8 file, parsed.
      layers: the layers to prune: convolutions that are not depthwise, dense layers.

    Raises:
      UserError: their kernels differ between file and model.
    """
    kernels = tuple(int(np.prod(kernel_of(layer).shape)) for layer in layers)
    wanted = {_is_pointwise(layer.kernel.shape[:-2]) for layer in layers}
    pruned = {
        file.tensors[op.inputs[1]].index: file.tensors[op.inputs[1]]
        for op in file.ops
        if op.name in ("CONV_2D", "FULLY_CONNECTED")
        and _is_pointwise(file.tensors[op.inputs[1]].shape[1:-1]) in wanted
    }
    if sum(tensor.byte_size for tensor in pruned.values()) != sum(kernels):
        raise UserError(
            "the int8 file does not contain each kernel to be pruned exactly once",
            "use --sparsity instead of --target_nonzero_kb",
        )
    others = [tensor for tensor in file.tensors if tensor.index not in pruned]
    return Capacity(sum(_bytes_at_most(t) for t in others if sparsity.is_parameter(t)), kernels)


def _is_pointwise(window: Sequence[int]) -> bool:
    """Whether a kernel covers one row and one column; a dense layer has neither."""
    return all(size == 1 for size in window)


def _bytes_at_most(tensor: TensorInfo) -> int:
    """Maximum of non-zero bytes of a constant after training with the same structure.

    A tap that is zero in every channel was put there by conversion and stays zero; so does a
    constant that is all zeros.
    """
    taken = sparsity.nonzero(tensor)
    if taken.ndim == 4:
        taken = np.broadcast_to(taken.any(axis=3, keepdims=True), taken.shape)
    elif taken.any():
        taken = np.ones_like(taken)
    return (int(taken.sum()) * ITEM_BITS[tensor.type] + 7) // 8
