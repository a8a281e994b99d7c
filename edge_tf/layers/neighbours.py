"""Neighbours of a layer in a functional model, as the rules see them."""

import tf_keras as keras

from edge_tf.layers.rule import Passes, Role
from edge_tf.layers.rules import rule_of


def readers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers that read a layer's output."""
    return [node.outbound_layer for node in layer.outbound_nodes]


def is_broadcast(layer: keras.layers.Layer) -> bool:
    """Whether it is one row that is added to all rows: f1 of a block, which bands.py maps."""
    last = _passed_on(layer, Passes.VALUES)
    return any(
        reader.output_shape[1] > last.output_shape[1] == 1
        for reader in readers(last)
        if (rule := rule_of(reader)) is not None and rule.role is Role.SUM
    )


def scaled_reader(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """The only reader of this layer, if it has a kernel and equalization can scale the channels.

    The layer is, for example, a ReLU that is the only reader of a batch norm; that norm is divided,
    the kernel multiplied. None: equalization does not apply.
    """
    rule = rule_of(layer)
    if rule is None or not rule.keeps_factors(layer) or len(layer.inbound_nodes) != 1:
        return None
    before = layer.inbound_nodes[0].inbound_layers
    divided = rule_of(before)
    if divided is None or not divided.can_divide_outputs(before) or len(readers(before)) != 1:
        return None
    last = readers(_passed_on(layer, Passes.CHANNELS))
    if len(last) != 1:
        return None
    multiplied = rule_of(last[0])
    can = multiplied is not None and multiplied.can_multiply_inputs(last[0])
    return last[0] if can else None


def _passed_on(layer: keras.layers.Layer, minimum: Passes) -> keras.layers.Layer:
    """The last layer on the only path from this one that passes on this much, or itself."""
    while len(readers(layer)) == 1:
        (reader,) = readers(layer)
        rule = rule_of(reader)
        if rule is None or rule.passes < minimum:
            break
        layer = reader
    return layer
