"""The inference graph between Keras and TFLite: nodes with NumPy constants, rewritten freely.

Lowering makes it from a Keras model, rewrites change it, `to_function` hands it to the TFLite
converter. All tensors are float32 [1, rows, columns, channels]; rows are frequency, columns time.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True, eq=False)
class Node:
    """One op; compared by identity. Subclasses add constants and define the computation.

    Attributes:
      inputs: the nodes it reads.
      layer: the Keras layer or block of layers it comes from; "" if unknown.
      part: which part of it, if rewrites split it into several nodes: "band 2". Like `layer`, it
        does not affect what is computed.
    """

    inputs: tuple["Node", ...]
    layer: str = dataclasses.field(default="", kw_only=True)
    part: str = dataclasses.field(default="", kw_only=True)

    @property
    def name(self) -> str:
        """For people: "stage0_block0 band 2"; not unique."""
        return f"{self.layer} {self.part}".strip()

    @functools.cached_property
    def shape(self) -> Shape:
        """Shape of the output: that of the first input, unless a subclass overrides it."""
        return self.inputs[0].shape

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        """The op in TensorFlow; a node without inputs receives the features."""
        raise NotImplementedError

    def reading(self, *inputs: "Node") -> "Node":
        """The same op on other inputs."""
        return dataclasses.replace(self, inputs=inputs)


@dataclasses.dataclass(frozen=True, eq=False)
class Input(Node):
    """The model's features."""

    size: Shape

    @functools.cached_property
    def shape(self) -> Shape:
        return self.size

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (features,) = values
        return features


@dataclasses.dataclass(frozen=True, eq=False)
class Zeros(Node):
    """A constant of zeros."""

    size: Shape

    @functools.cached_property
    def shape(self) -> Shape:
        return self.size

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        # One per clip; the batch is 1 except in calibration.
        (features,) = values
        return tf.repeat(tf.zeros(self.size), tf.shape(features)[0], axis=0)


@dataclasses.dataclass(frozen=True, eq=False)
class Convolution(Node):
    """kernel [kh, kw, in, out], bias [out].

    padding: "VALID" or "SAME", as in TensorFlow.
    """

    kernel: np.ndarray
    bias: np.ndarray
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: str = "VALID"

    @functools.cached_property
    def shape(self) -> Shape:
        _, rows, columns, _ = self.inputs[0].shape
        rows, columns = (self._outputs(i, size) for i, size in enumerate((rows, columns)))
        return (1, rows, columns, len(self.bias))

    def _outputs(self, axis: int, size: int) -> int:
        if self.padding == "VALID":
            size -= (self.kernel.shape[axis] - 1) * self.dilation[axis]
        return -(-size // self.stride[axis])

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        kernel = tf.constant(self.kernel)
        y = tf.nn.conv2d(x, kernel, self.stride, self.padding, dilations=self.dilation)
        return y + tf.constant(self.bias)


@dataclasses.dataclass(frozen=True, eq=False)
class Depthwise(Convolution):
    """kernel [kh, kw, channels, 1], bias [channels]."""

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        kernel, stride = tf.constant(self.kernel), [1, *self.stride, 1]
        y = tf.nn.depthwise_conv2d(x, kernel, stride, self.padding, dilations=self.dilation)
        return y + tf.constant(self.bias)


@dataclasses.dataclass(frozen=True, eq=False)
class Affine(Node):
    """x * scale + offset, both broadcast to the shape of x."""

    scale: np.ndarray
    offset: np.ndarray

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        return x * tf.constant(self.scale) + tf.constant(self.offset)


@dataclasses.dataclass(frozen=True, eq=False)
class _Binary(Node):
    """Two inputs that broadcast."""

    @functools.cached_property
    def shape(self) -> Shape:
        left, right = self.inputs
        return tuple(np.broadcast_shapes(left.shape, right.shape))


@dataclasses.dataclass(frozen=True, eq=False)
class Add(_Binary):
    """The sum of two inputs that broadcast."""

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        left, right = values
        return left + right


@dataclasses.dataclass(frozen=True, eq=False)
class Subtract(_Binary):
    """The first of two inputs that broadcast, minus the second."""

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        left, right = values
        return left - right


@dataclasses.dataclass(frozen=True, eq=False)
class Multiply(_Binary):
    """The product of two inputs that broadcast."""

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        left, right = values
        return left * right


@dataclasses.dataclass(frozen=True, eq=False)
class Mean(Node):
    """The mean over some of rows (1), columns (2) and channels (3); kept as axes of size 1."""

    axes: tuple[int, ...]

    @functools.cached_property
    def shape(self) -> Shape:
        return tuple(
            1 if axis in self.axes else size for axis, size in enumerate(self.inputs[0].shape)
        )

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        return tf.reduce_mean(x, self.axes, keepdims=True)


@dataclasses.dataclass(frozen=True, eq=False)
class InverseRoot(Node):
    """1 / sqrt(x + epsilon)."""

    epsilon: float

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        return tf.math.rsqrt(x + self.epsilon)


@dataclasses.dataclass(frozen=True, eq=False)
class Activation(Node):
    """kind: "relu", "swish" or "hard_swish"."""

    kind: str

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        if self.kind == "relu":
            return tf.nn.relu(x)
        if self.kind == "swish":
            return x * tf.nn.sigmoid(x)
        # The form the converter recognizes: x * relu6(x + 3) / 6.
        return x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


@dataclasses.dataclass(frozen=True, eq=False)
class _Windows(Node):
    """Windows without overlap or padding."""

    window: Pair

    @functools.cached_property
    def shape(self) -> Shape:
        _, rows, columns, channels = self.inputs[0].shape
        return (1, rows // self.window[0], columns // self.window[1], channels)


@dataclasses.dataclass(frozen=True, eq=False)
class Pool(_Windows):
    """Averages over windows without overlap or padding."""

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        return tf.nn.avg_pool2d(x, self.window, self.window, "VALID")


@dataclasses.dataclass(frozen=True, eq=False)
class MaxPool(_Windows):
    """Maxima of windows without overlap or padding."""

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        return tf.nn.max_pool2d(x, self.window, self.window, "VALID")


@dataclasses.dataclass(frozen=True, eq=False)
class Pad(Node):
    """Zero padding: before and after rows, before and after columns."""

    rows: Pair
    columns: Pair

    @functools.cached_property
    def shape(self) -> Shape:
        _, rows, columns, channels = self.inputs[0].shape
        return (1, rows + sum(self.rows), columns + sum(self.columns), channels)

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        return tf.pad(x, [(0, 0), self.rows, self.columns, (0, 0)])


@dataclasses.dataclass(frozen=True, eq=False)
class Reshape(Node):
    """The same values in another shape; one size may be -1: inferred."""

    size: Shape

    @functools.cached_property
    def shape(self) -> Shape:
        left = abs(np.prod(self.inputs[0].shape) // np.prod(self.size))
        return tuple(int(left) if size == -1 else size for size in self.size)

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        # The batch is 1 except in calibration.
        return tf.reshape(x, self.size if x.shape[0] == 1 else (-1, *self.shape[1:]))


@dataclasses.dataclass(frozen=True, eq=False)
class Concat(Node):
    """Inputs joined along an axis."""

    axis: int

    @functools.cached_property
    def shape(self) -> Shape:
        shape = list(self.inputs[0].shape)
        shape[self.axis] = sum(node.shape[self.axis] for node in self.inputs)
        return tuple(shape)

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        return tf.concat(list(values), self.axis)


@dataclasses.dataclass(frozen=True, eq=False)
class Slice(Node):
    """Rows and columns begin to begin + size."""

    begin: Pair
    size: Pair

    @functools.cached_property
    def shape(self) -> Shape:
        return (1, *self.size, self.inputs[0].shape[3])

    def compute(self, *values: tf.Tensor) -> tf.Tensor:
        (x,) = values
        return tf.slice(x, [0, *self.begin, 0], [-1, *self.size, -1])


def order(*outputs: Node) -> list[Node]:
    """All nodes that the outputs depend on, each after its inputs."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            for source in node.inputs:
                visit(source)
            found[node] = None

    for output in outputs:
        visit(output)
    return list(found)


def readers(output: Node) -> dict[Node, list[Node]]:
    """The nodes that read each node."""
    found: dict[Node, list[Node]] = {node: [] for node in order(output)}
    for node in found:
        for source in node.inputs:
            found[source].append(node)
    return found


def transform(output: Node, change: Callable[[Node, Node], Node]) -> Node:
    """Rebuilds a graph bottom-up.

    Args:
      output: its last node.
      change: maps (original node, the same node with changed inputs) to its replacement.
    """
    changed: dict[Node, Node] = {}
    for node in order(output):
        changed[node] = change(node, node.reading(*(changed[source] for source in node.inputs)))
    return changed[output]


# Computes a node's value from its inputs; from the features if it has none.
Compute = Callable[..., tf.Tensor]


def _as_it_is(node: Node, *values: tf.Tensor) -> tf.Tensor:
    return node.compute(*values)


def to_function(output: Node, compute: Compute = _as_it_is) -> Callable[[tf.Tensor], tf.Tensor]:
    """The graph as a function of the features.

    Args:
      output: its last node.
      compute: maps (node, input values) to its value; pass one to observe or change values.
    """
    run = to_functions([output], compute)
    return lambda features: run(features)[0]


def to_functions(
    outputs: Sequence[Node], compute: Compute = _as_it_is
) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    """The values of several nodes as one function; shared nodes are computed once."""
    nodes = order(*outputs)

    def run(features: tf.Tensor) -> list[tf.Tensor]:
        values: dict[Node, tf.Tensor] = {}
        for node in nodes:
            read = [values[source] for source in node.inputs] or [features]
            values[node] = compute(node, *read)
        return [values[output] for output in outputs]

    return run


def traced(function: Callable[[tf.Tensor], Any], like: np.ndarray) -> Callable[[np.ndarray], Any]:
    """A function of features, compiled once for any number of clips."""
    spec = tf.TensorSpec((None, *like.shape[1:]), tf.float32)
    compiled = tf.function(function, autograph=False).get_concrete_function(spec)
    return lambda clips: compiled(tf.constant(clips, tf.float32))
