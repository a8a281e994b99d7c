"""The network a phase trains: float or rounded as in int8, with its masks."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression.pruning import Masks
from edge_tf.compression.quantization import Paths, QuantizedModel, Range
from edge_tf.layers.rules import kernel_of
from edge_tf.training.step import dropout_generators


@dataclasses.dataclass
class State:
    """State passed from one phase to the next.

    Attributes:
      model: plain Keras; after a phase that revived pruned weights, it contains their values.
      masks: by layer name, zeros and ones; a layer without one keeps all its weights.
      ranges: by layer name, ranges of activations; None before quantization-aware training.
      pruned: by layer name, the values of pruned weights when they were pruned, 0 elsewhere.
    """

    model: keras.Model
    masks: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    ranges: dict[str, Range] | None = None
    pruned: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def exported(self) -> keras.Model:
        """A copy of the model with pruned weights set to zero."""
        copy = copy_of(self.model)
        for name, mask in self.masks.items():
            kernel = kernel_of(copy.get_layer(name))
            kernel.assign(kernel * mask)
        return copy


def copy_of(model: keras.Model) -> keras.Model:
    """Same architecture and weights, separate variables."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


class Network:
    """The network that a phase trains.

    Args:
      state: the starting point; its model is not changed.
      quantized: rounds like the int8 graph; requires state.ranges.

    Attributes:
      model: Keras model, features to logits.
      masks: one per kernel; pruned weights are zero. A quantized network also applies them in
        its forward pass.
      paths: which weights a forward pass uses; None unless quantized.
    """

    def __init__(self, state: State, quantized: bool) -> None:
        self._plain = copy_of(state.model)
        self._quantized: QuantizedModel | None = None
        self.paths: Paths | None = None
        if quantized:
            self._quantized = QuantizedModel(self._plain, state.masks, state.ranges)
            self.model = self._quantized.model
            self.paths = self._quantized.paths
            self.masks = Masks(self._quantized.kernels, {}, self._quantized.masks)
        else:
            self.model = self._plain
            kernels = {
                layer.name: kernel
                for layer in self._plain.layers
                if (kernel := kernel_of(layer)) is not None
            }
            self.masks = Masks(kernels, state.masks)
        self.masks.apply()

    def trackables(self) -> dict[str, Any]:
        """For checkpoints, besides the model: masks that are not in it."""
        return {} if self._quantized else {"masks": self.masks.masks}

    def moving_state(self) -> list[tf.Variable]:
        """Variables that a training forward pass changes: moments, ranges, dropout generators."""
        generators = [generator.state for generator in dropout_generators(self.model)]
        return [*self.model.non_trainable_variables, *generators]

    def state(self) -> State:
        """The state after training."""
        ranges = None
        if self._quantized is not None:
            self._quantized.weights_to(self._plain)
            ranges = self._quantized.ranges()
        return State(copy_of(self._plain), self.masks.values(), ranges)
