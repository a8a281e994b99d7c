"""The rules' Builder for nodes of the inference graph."""

import numpy as np

from edge_tf.conversion.rewriting import graph
from edge_tf.conversion.rewriting.graph import Node, Pair, Shape


class NodeBuilder:
    """A layers.rule.Builder[graph.Node]."""

    def input(self, shape: Shape) -> Node:
        return graph.Input((), shape)

    def convolution(
        self,
        x: Node,
        kernel: np.ndarray,
        bias: np.ndarray,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "VALID",
    ) -> Node:
        return graph.Convolution((x,), kernel, bias, stride, dilation, padding)

    def depthwise(
        self,
        x: Node,
        kernel: np.ndarray,
        bias: np.ndarray,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "VALID",
    ) -> Node:
        return graph.Depthwise((x,), kernel, bias, stride, dilation, padding)

    def affine(self, x: Node, scale: np.ndarray, offset: np.ndarray) -> Node:
        return graph.Affine((x,), scale, offset)

    def add(self, left: Node, right: Node) -> Node:
        return graph.Add((left, right))

    def subtract(self, left: Node, right: Node) -> Node:
        return graph.Subtract((left, right))

    def multiply(self, left: Node, right: Node) -> Node:
        return graph.Multiply((left, right))

    def mean(self, x: Node, axes: tuple[int, ...]) -> Node:
        return graph.Mean((x,), axes)

    def inverse_root(self, x: Node, epsilon: float) -> Node:
        return graph.InverseRoot((x,), epsilon)

    def activation(self, x: Node, kind: str) -> Node:
        return graph.Activation((x,), kind)

    def average_pool(self, x: Node, window: Pair) -> Node:
        return graph.Pool((x,), window)

    def max_pool(self, x: Node, window: Pair) -> Node:
        return graph.MaxPool((x,), window)

    def pad(self, x: Node, rows: Pair, columns: Pair) -> Node:
        return graph.Pad((x,), rows, columns)

    def reshape(self, x: Node, shape: Shape) -> Node:
        return graph.Reshape((x,), shape)
