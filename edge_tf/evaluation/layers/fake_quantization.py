"""The float graph of an int8 file with chosen layers rounded as in the file.

A layer is what one op of the file computes: its int8 tensor and, for a convolution, its weights. It
is rounded with the file's own scales while everything else stays float, which isolates its cost.
Biases stay float: they have 32 bits.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from edge_tf.conversion.rewriting import graph
from edge_tf.conversion.rewriting.device_graph import DeviceGraph
from tflite_model.info import ModelInfo, OpInfo, TensorInfo

# Minimum number of nodes per segment: each segment costs a call, some tenths of a millisecond.
_SEGMENT = 10
# Ops that move values and compute nothing.
_COPIES = ("CONCATENATION", "PAD", "RESHAPE", "SLICE", "STRIDED_SLICE")


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """An int8 tensor of the file and what is rounded with it.

    Attributes:
      name: of the Keras layer, or block of layers, and the part of it.
      op: the op that writes the tensor, "CONV_2D"; "INPUT" for the model's input.
      tensor: of the file.
      node: the node of the float graph with the same values.
      rounded: the convolution of this op with rounded weights, in place of `weighted`; None for an
        op without weights.
      weighted: the convolution as in the float graph.
      copies: the op moves values without changing their grid, so it rounds nothing.
    """

    name: str
    op: str
    tensor: TensorInfo
    node: graph.Node
    weighted: graph.Convolution | None = None
    rounded: graph.Convolution | None = None
    copies: bool = False


def layers(info: ModelInfo, device: DeviceGraph) -> list[Layer]:
    """All layers whose tensors have a node in the float graph, in the order of the file's ops."""
    (source,) = info.inputs
    found = []
    if source.index in device.tensors:
        node = device.tensors[source.index]
        found.append(Layer(node.name, "INPUT", source, node))
    for op in info.ops:
        tensor = info.tensors[op.outputs[0]]
        if tensor.index in device.tensors and tensor.type == "INT8" and len(tensor.scales) == 1:
            found.append(_layer(info, op, tensor, device))
    return found


def _layer(info: ModelInfo, op: OpInfo, tensor: TensorInfo, device: DeviceGraph) -> Layer:
    node = device.tensors[tensor.index]
    weighted = convolution_of(node, device)
    if weighted is None or op.name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        sources = [info.tensors[i] for i in op.inputs if i >= 0]
        same = all(_grid(t) == _grid(tensor) for t in sources if t.type == "INT8")
        return Layer(node.name, op.name, tensor, node, copies=op.name in _COPIES and same)
    weights = info.tensors[op.inputs[1]]
    kernel = rounded_kernel(weighted.kernel, np.array(weights.scales))
    rounded = dataclasses.replace(weighted, kernel=kernel)
    return Layer(weighted.name, op.name, tensor, node, weighted, rounded)


def _grid(tensor: TensorInfo) -> tuple[tuple[float, ...], tuple[int, ...]]:
    return tensor.scales, tensor.zero_points


def convolution_of(node: graph.Node, device: DeviceGraph) -> graph.Convolution | None:
    """The convolution that an op computes: the node, or the input of its fused activation."""
    if isinstance(node, graph.Activation) and node.inputs[0] not in device.tensors.values():
        (node,) = node.inputs
    return node if isinstance(node, graph.Convolution) else None


def rounded_kernel(kernel: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Weights rounded to the int8 grid -127 to 127, symmetric, one step per output channel.

    Args:
      kernel: [kh, kw, in, out], or [kh, kw, channels, 1] of a depthwise convolution.
      scales: one step per output channel, or one for all.
    """
    axis = 3 if kernel.shape[3] == len(scales) else 2
    steps = scales.reshape([-1 if i == axis else 1 for i in range(4)])
    # A channel of zeros has step 0 in some files.
    whole = np.rint(kernel / np.where(steps > 0, steps, 1.0))
    return (np.clip(whole, -127, 127) * steps).astype(np.float32)


def rounded(values: tf.Tensor, scale: float, zero_point: int) -> tf.Tensor:
    """Real values rounded to an int8 grid -128 to 127: to nearest, saturating."""
    whole = tf.round(values / scale)
    return (tf.clip_by_value(whole, -128.0 - zero_point, 127.0 - zero_point)) * scale


class Simulation:
    """A float graph in which any of its layers can be rounded.

    The graph is traced once, in segments that pass on one value each, so that nodes before the
    first rounded layer are not recomputed for every layer. Layers that are not rounded are free.

    Args:
      output: the graph's last node.
      layers: from `layers`; masks refer to them in this order.
    """

    def __init__(self, output: graph.Node, layers: Sequence[Layer]) -> None:
        self._layers = layers
        segments = _segments(output)
        self._steps = [self._traced(start, nodes) for start, nodes in segments]
        at = {node: step for step, (_, nodes) in enumerate(segments) for node in nodes}
        # The weighted node comes first, if there is one.
        self._first = [at[layer.weighted or layer.node] for layer in layers]

    def logits(self, features: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Logits [n, classes] of a batch of clips with some layers rounded; mask [layers]."""
        return self._run(0, tf.constant(features, tf.float32), mask).numpy()

    def logits_of_each(self, features: np.ndarray, chosen: Sequence[int]) -> Iterator[np.ndarray]:
        """Logits [n, classes] of a batch of clips with one layer rounded, for each chosen one.

        Args:
          features: [n, rows, frames, 1].
          chosen: indices of layers.
        """
        none = np.zeros(len(self._layers), bool)
        entries = [tf.constant(features, tf.float32)]
        for step in self._steps[:-1]:
            entries.append(step(entries[-1], tf.constant(none)))
        for at in chosen:
            mask = none.copy()
            mask[at] = True
            first = self._first[at]
            yield self._run(first, entries[first], mask).numpy()

    def _run(self, first: int, value: tf.Tensor, mask: np.ndarray) -> tf.Tensor:
        for step in self._steps[first:]:
            value = step(value, tf.constant(mask))
        return value

    def _traced(
        self, start: graph.Node, nodes: list[graph.Node]
    ) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """Maps the value of `start` and the mask to the value of the last node."""
        layers = enumerate(self._layers)
        weights = {layer.weighted: at for at, layer in layers if layer.weighted is not None}
        results = {layer.node: at for at, layer in enumerate(self._layers)}

        def computed(node: graph.Node, mask: tf.Tensor, read: list[tf.Tensor]) -> tf.Tensor:
            value = node.compute(*read)
            if node in weights:
                at = weights[node]
                other = self._layers[at].rounded
                assert other is not None
                value = tf.cond(mask[at], lambda: other.compute(*read), lambda: node.compute(*read))
            if node in results:
                at, exact = results[node], value
                grid = self._layers[at].tensor
                scale, zero_point = grid.scales[0], grid.zero_points[0]
                value = tf.cond(mask[at], lambda: rounded(exact, scale, zero_point), lambda: exact)
            return value

        def run(entry: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
            values = {start: entry}
            for node in nodes:
                read = [values[source] for source in node.inputs] or [entry]
                values[node] = computed(node, mask, read)
            return values[nodes[-1]]

        spec = tf.TensorSpec((None, *start.shape[1:]), tf.float32)
        mask = tf.TensorSpec(len(self._layers), tf.bool)
        return tf.function(run, autograph=False).get_concrete_function(spec, mask)


def _segments(output: graph.Node) -> list[tuple[graph.Node, list[graph.Node]]]:
    """The nodes in order, in segments that read nothing from earlier ones but their start node.

    The first starts from the input, which is also one of its nodes.
    """
    nodes = graph.order(output)
    at = {node: index for index, node in enumerate(nodes)}
    last_read = {
        node: max((at[reader] for reader in reading), default=len(nodes))
        for node, reading in graph.readers(output).items()
    }
    start: graph.Node = next(node for node in nodes if isinstance(node, graph.Input))
    segments, piece, needed = [], [], 0
    for node in nodes:
        piece.append(node)
        if node is output or (needed <= at[node] and len(piece) >= _SEGMENT):
            segments.append((start, piece))
            start, piece = node, []
        needed = max(needed, last_read[node])
    return segments
