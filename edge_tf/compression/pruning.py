"""Magnitude pruning with TFMOT: which kernels, how fast, and the masks.

The masks are kept separate from the model, not in wrappers around its layers, so the same code
prunes float models and models in quantization-aware training.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_impl import Pruning
from tensorflow_model_optimization.sparsity.keras import PolynomialDecay

from edge_tf.compression.lamp import LampPruning
from edge_tf.errors import UserError
from edge_tf.layers.rules import rule_of
from edge_tf.settings import PRUNE_KINDS, PruneBy, PruneKind

# Share of a phase's steps in which the sparsity rises; the rest trains the remaining weights.
_RISE = 0.6
_UPDATES = 40  # of the masks while the sparsity rises


def kind(layer: keras.layers.Layer) -> PruneKind | None:
    """The kind of a layer's kernel in the policy; None: it has no kernel to prune."""
    rule = rule_of(layer)
    return None if rule is None else rule.kernel_kind(layer)


def chosen(model: keras.Model, kinds: Sequence[PruneKind]) -> list[str]:
    """Names of the layers that a policy prunes.

    Args:
      model: a plain Keras model.
      kinds: some of PRUNE_KINDS.

    Raises:
      UserError: there is nothing to prune.
    """
    names = [layer.name for layer in model.layers if kind(layer) in kinds]
    if not names:
        raise UserError(
            f"{model.name} has no {' or '.join(kinds) or 'chosen'} kernels to prune",
            f"choose --prune from {', '.join(PRUNE_KINDS)}",
        )
    return names


class Masks:
    """One mask of zeros and ones per prunable kernel.

    Args:
      kernels: by layer name, the variables.
      values: by layer name, the masks so far; a layer without one starts with ones.
      variables: by layer name, mask variables that something else reads (the quantizers of
        quantization-aware training); made here if None.
    """

    def __init__(
        self,
        kernels: Mapping[str, tf.Variable],
        values: Mapping[str, np.ndarray],
        variables: Mapping[str, tf.Variable] | None = None,
    ) -> None:
        self.kernels = dict(kernels)
        self.masks = (
            dict(variables)
            if variables is not None
            else {
                name: tf.Variable(tf.ones_like(kernel), trainable=False)
                for name, kernel in kernels.items()
            }
        )
        for name, value in values.items():
            self.masks[name].assign(value)

    def values(self) -> dict[str, np.ndarray]:
        """By layer name, the masks that contain zeros."""
        found = {name: mask.numpy() for name, mask in self.masks.items()}
        return {name: mask for name, mask in found.items() if not mask.all()}

    def apply(self) -> None:
        """Zeroes the pruned weights. Traced after each update."""
        for name, mask in self.masks.items():
            self.kernels[name].assign(self.kernels[name] * mask)

    def revive(self, values: Mapping[str, np.ndarray]) -> None:
        """Restores values of pruned weights; the masks stay."""
        for name, value in values.items():
            mask = self.masks[name]
            self.kernels[name].assign(self.kernels[name] * mask + value * (1.0 - mask))


class GradualPruning:
    """Raises the sparsity of some kernels during a phase (TFMOT's magnitude pruning).

    The sparsity after step t of T is s_f + (s_0 - s_f) (1 - t / T)^3 (arXiv:1710.01878, eq. 1);
    the weights with the smallest magnitude within each kernel are pruned, or those with the lowest
    score across all kernels (lamp.py). They are zero from then on: if they kept their values, they
    would come back whenever a live weight shrinks below them, and training collapses (BC-ResNet-1
    at 80 % sparsity: training accuracy drops from 80 % to 16 %).

    Args:
      masks: the model's masks.
      names: layers to prune.
      sparsity: final sparsity, in [0, 1).
      steps: steps of the whole phase; the sparsity rises over the first 60 %.
      by: one of PRUNE_BY; "layer": sparsity of each kernel, "network": of all kernels together.
    """

    def __init__(
        self,
        masks: Masks,
        names: Sequence[str],
        sparsity: float,
        steps: int,
        by: PruneBy = "layer",
    ) -> None:
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        frequency = max(1, int(steps * _RISE) // _UPDATES)
        end = max(1, int(steps * _RISE) // frequency) * frequency
        values = [masks.masks[name].numpy() for name in names]
        if by == "network":
            values = [np.concatenate([value.reshape(-1) for value in values])]
        now = [1.0 - float(np.mean(value)) for value in values]
        schedule = PolynomialDecay(
            initial_sparsity=min([*now, sparsity]),
            final_sparsity=sparsity,
            begin_step=0,
            end_step=end,
            frequency=frequency,
        )
        kernels = [masks.kernels[name] for name in names]
        variables = [masks.masks[name] for name in names]
        self._pruning: LampPruning | Pruning
        if by == "network":
            self._pruning = LampPruning(lambda: self.step, kernels, variables, schedule)
        else:
            self._thresholds = [tf.Variable(0.0, trainable=False) for _ in names]
            triples = list(zip(kernels, variables, self._thresholds, strict=True))
            self._pruning = Pruning(lambda: self.step, triples, schedule, (1, 1), "AVG")
        self._masks, self._names = masks, names
        self._last = {
            name: tf.Variable(tf.zeros_like(masks.kernels[name]), trainable=False) for name in names
        }

    def trackables(self) -> dict[str, Any]:
        """For checkpoints, besides the masks."""
        return {"pruning_step": self.step, "last_values": self._last}

    def update(self) -> None:
        """Counts a step, updates the masks when due and applies them.

        Traced after each update.
        """
        self.step.assign_add(1)
        before = {name: tf.identity(self._masks.masks[name]) for name in self._names}
        self._pruning.conditional_mask_update()
        for name, mask in before.items():
            dropped = mask > self._masks.masks[name]
            last = self._last[name]
            last.assign(tf.where(dropped, self._masks.kernels[name], last))
        self._masks.apply()

    def last_values(self) -> dict[str, np.ndarray]:
        """By layer name, the value of each pruned weight when it was pruned; 0 elsewhere."""
        return {name: value.numpy() for name, value in self._last.items()}
