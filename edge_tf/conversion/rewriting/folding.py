"""The plain graph of a model: the Keras layers, except for what the rules fold.

Each replacement computes the same function but quantizes better.
"""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.conversion.rewriting import graph
from edge_tf.conversion.rewriting.builder import NodeBuilder
from edge_tf.layers.rules import rule_of


def inference_model(model: keras.Model, shift: np.ndarray | None = None) -> keras.Model:
    """A copy for conversion, with the same outputs in inference mode.

    Sub-band norms become a multiplication and an addition with constants per (row, channel),
    moved as far as possible into the preceding depthwise convolution; linear dense layers become
    1x1 convolutions. Batch norms stay, since the TFLite converter folds them into the preceding
    convolution, and so do dropouts, which it drops. The batch is 1: with a dynamic batch, dilated
    convolutions turn into SPACE_TO_BATCH_ND and float ops.

    Args:
      model: a functional model of this library.
      shift: (classes,) added to the logits, for a model that `can_shift_logits`.
    """
    replacements = _folded(model)
    last = model.layers[-1].name
    if shift is not None and can_shift_logits(model):
        replacements[last] = _shifted(replacements[last], shift)

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.name in replacements:
            return _Folded(replacements[layer.name], layer)
        return layer.__class__.from_config(layer.get_config())

    inputs = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="features")
    folded = keras.models.clone_model(model, input_tensors=inputs, clone_function=copy)
    for source in model.layers:
        if source.weights and source.name not in replacements:
            folded.get_layer(source.name).set_weights(source.get_weights())
    return folded


def can_shift_logits(model: keras.Model) -> bool:
    """Whether the logits come straight from a layer with a bias that can shift them."""
    last = model.layers[-1]
    rule = rule_of(last)
    return rule is not None and rule.can_shift_logits(last)


def _folded(model: keras.Model) -> dict[str, graph.Node]:
    """By layer name, the nodes that replace the layer."""
    found: dict[str, graph.Node] = {}
    for layer in model.layers:
        rule = rule_of(layer)
        if rule is not None:
            found.update(rule.fold(layer, NodeBuilder()))
    return found


def _shifted(logits: graph.Node, shift: np.ndarray) -> graph.Node:
    if not isinstance(logits, graph.Convolution):
        raise ValueError("the graph does not end in a convolution")
    return dataclasses.replace(logits, bias=(logits.bias + shift).astype(np.float32))


class _Folded(keras.layers.Layer):
    """Nodes of the inference graph in place of a layer; exists only during conversion."""

    def __init__(self, node: graph.Node, layer: keras.layers.Layer) -> None:
        super().__init__(name=layer.name)
        self._function = graph.to_function(node)
        self._shape = (1, *layer.output_shape[1:])
        self._reshapes = node.shape != self._shape

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = self._function(inputs)
        return tf.reshape(outputs, self._shape) if self._reshapes else outputs

    def get_config(self) -> dict[str, Any]:
        raise TypeError("a folded model is for conversion only and cannot be saved")
