"""From a Keras model in inference mode to the inference graph.

Each layer's rule defines what it becomes: norms become a multiplication and an addition per
channel (and row), dense layers 1x1 convolutions; dropouts vanish. Making it cheaper is left to the
rewrites.
"""

import dataclasses
from typing import Any

import tf_keras as keras

from edge_tf.conversion.rewriting import graph
from edge_tf.conversion.rewriting.builder import NodeBuilder
from edge_tf.errors import UserError
from edge_tf.layers.rules import rule_of

_Sources = tuple[graph.Node, ...]


def lower(model: keras.Model) -> graph.Node:
    """The graph of a functional model with one input and one output, batch 1.

    Raises:
      UserError: a layer or one of its arguments is not supported; names the layer.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        ends = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise UserError(f"{model.name} has {ends}", "convert a model with one of each")
    nodes: dict[Any, graph.Node] = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for call in model._nodes_by_depth[depth]:
            layer = call.layer
            if isinstance(layer, keras.layers.InputLayer):
                shape = (1, *layer.output_shape[0][1:])
                node: graph.Node = graph.Input((), shape, layer=layer.name)
            else:
                sources = tuple(nodes[t.ref()] for t in _flat(call.keras_inputs))
                node = _named(_lowered(layer, sources), sources, layer.name)
            nodes[_flat(call.outputs)[0].ref()] = node
    output = nodes[model.outputs[0].ref()]
    if len(model.output_shape) == 2:
        output = graph.Reshape((output,), (1, model.output_shape[1]), layer=output.layer)
    return output


def _lowered(layer: keras.layers.Layer, sources: _Sources) -> graph.Node:
    rule = rule_of(layer)
    if rule is None:
        raise UserError(
            f"layer {layer.name} is a {type(layer).__name__}, which has no int8 form",
            "use layers of edge_tf.layers and the Keras layers of our models, or --graph=plain",
        )
    return rule.lower(layer, sources, NodeBuilder())


def _named(node: graph.Node, sources: _Sources, layer: str) -> graph.Node:
    """Names the nodes between a layer's sources and its output after the layer."""
    if node in sources:
        return node
    inputs = (_named(source, sources, layer) for source in node.inputs)
    return dataclasses.replace(node, inputs=tuple(inputs), layer=layer)


def _flat(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]
