"""Quantizers for TFMOT that round like our int8 graphs, and how Keras layers use them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.quantization.keras import QuantizeConfig
from tensorflow_model_optimization.quantization.keras.quantizers import (
    MovingAverageQuantizer,
    Quantizer,
)

_LEVELS = 127.0
_DECAY = 0.98  # of the moving ranges, per step


class Paths:
    """Which weights a forward pass uses while it is traced: the kept ones, or all."""

    def __init__(self) -> None:
        self.share: tf.Tensor | None = None

    @contextlib.contextmanager
    def all_weights(self, share: tf.Tensor) -> Iterator[None]:
        """Inside, pruned weights count, and only they learn (PQK's teacher, arXiv:2106.14681).

        Args:
          share: factor of the pruned weights, 0 to 1.
        """
        self.share = share
        try:
            yield
        finally:
            self.share = None


class KernelQuantizer(Quantizer):
    """Mask, then symmetric int8 with one step per output channel, zero exact.

    A pruned kernel keeps its zeros (TFMOT's own pruning-preserving quantizer leaves
    depthwise kernels out). The mask is a weight of the layer, ones until it is set.

    Args:
      axis: output channel axis of the kernel.
    """

    def __init__(self, axis: int) -> None:
        self.axis = axis
        self.paths = Paths()

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, tf.Variable]:
        mask = layer.add_weight(
            f"{name}_mask", shape=tensor_shape, initializer="ones", trainable=False
        )
        return {"mask": mask}

    def __call__(
        self, inputs: tf.Tensor, training: Any, weights: dict[str, tf.Variable], **kwargs: Any
    ) -> tf.Tensor:
        mask = weights["mask"]
        kept = inputs * mask
        if self.paths.share is not None:
            kept = tf.stop_gradient(kept) + self.paths.share * inputs * (1.0 - mask)
        return rounded(kept, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


def rounded(kernel: tf.Tensor, axis: int) -> tf.Tensor:
    """A kernel rounded to int8 steps per output channel; gradients pass unchanged.

    Args:
      kernel: of any rank.
      axis: its output channel axis.
    """
    others = [i for i in range(kernel.shape.rank) if i != axis % kernel.shape.rank]
    step = tf.reduce_max(tf.abs(kernel), others, keepdims=True) / _LEVELS
    step = tf.where(step > 0, step, tf.ones_like(step))
    return kernel + tf.stop_gradient(tf.round(kernel / step) * step - kernel)


class RangeQuantizer(MovingAverageQuantizer):
    """TFMOT's activation quantizer with a moving average that converges within an epoch.

    TFMOT's decay of 0.999 takes thousands of steps. Until then, values outside the range are
    clipped and learn nothing.

    Args:
      by_channel: one range per channel, where conversion equalizes the ranges.
    """

    def __init__(self, by_channel: bool = False) -> None:
        super().__init__(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
        self.by_channel = by_channel

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, tf.Variable]:
        return self._add_range_weights(layer, name, self.by_channel, tensor_shape)

    def __call__(
        self, inputs: tf.Tensor, training: Any, weights: dict[str, tf.Variable], **kwargs: Any
    ) -> tf.Tensor:
        low, high = weights["min_var"], weights["max_var"]
        if training:
            # Zero is always in range, as TFLite requires.
            axes = list(range(inputs.shape.rank - 1)) if self.by_channel else None
            smallest = tf.minimum(tf.reduce_min(inputs, axes), 0.0)
            largest = tf.maximum(tf.reduce_max(inputs, axes), 0.0)
            for variable, value in ((low, smallest), (high, largest)):
                variable.assign(_DECAY * variable + (1.0 - _DECAY) * tf.stop_gradient(value))
        if self.by_channel:
            return tf.quantization.fake_quant_with_min_max_vars_per_channel(inputs, low, high)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)

    def get_config(self) -> dict[str, Any]:
        return {"by_channel": self.by_channel}


class LayerConfig(QuantizeConfig):
    """A Keras layer: its kernel, if it has one, and its output.

    Args:
      kernel: name of the kernel attribute; empty if there is none.
      axis: output channel axis of the kernel.
      output: whether the output is a tensor of the int8 graph.
      by_channel: conversion scales each of its channels to the full range.
    """

    def __init__(
        self, kernel: str = "", axis: int = -1, output: bool = True, by_channel: bool = False
    ) -> None:
        self.kernel = kernel
        self.axis = axis
        self.output = output
        self.by_channel = by_channel

    def get_weights_and_quantizers(self, layer: keras.layers.Layer) -> list[Any]:
        if not self.kernel:
            return []
        return [(getattr(layer, self.kernel), KernelQuantizer(self.axis))]

    def get_activations_and_quantizers(self, layer: keras.layers.Layer) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: keras.layers.Layer, quantize_weights: list[Any]) -> None:
        for weight in quantize_weights:
            setattr(layer, self.kernel, weight)

    def set_quantize_activations(
        self, layer: keras.layers.Layer, quantize_activations: list[Any]
    ) -> None:
        pass

    def get_output_quantizers(self, layer: keras.layers.Layer) -> list[Quantizer]:
        if not self.output:
            return []
        return [RangeQuantizer(self.by_channel)]

    def get_config(self) -> dict[str, Any]:
        return {
            "kernel": self.kernel,
            "axis": self.axis,
            "output": self.output,
            "by_channel": self.by_channel,
        }
