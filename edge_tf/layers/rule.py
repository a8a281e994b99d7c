"""All that the library needs to know about a kind of Keras layer, in one object.

A layer's file defines its rule; rules.py lists them all. Lowering, folding, equalization,
quantization-aware training and pruning walk a model and ask the rule of each layer.
"""

import abc
import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from edge_tf.settings import PruneKind

Pair = tuple[int, int]


class Node(Protocol):
    """An op of the inference graph; a rule knows only its shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, rows, columns, channels); rows are frequency, columns time."""


N = TypeVar("N", bound=Node)


class Builder(Protocol[N]):
    """Makes the nodes of the inference graph; conversion/rewriting/graph.py defines each."""

    def input(self, shape: tuple[int, ...]) -> N: ...
    def convolution(
        self,
        x: N,
        kernel: np.ndarray,
        bias: np.ndarray,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "VALID",
    ) -> N: ...
    def depthwise(
        self,
        x: N,
        kernel: np.ndarray,
        bias: np.ndarray,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: str = "VALID",
    ) -> N: ...
    def affine(self, x: N, scale: np.ndarray, offset: np.ndarray) -> N: ...
    def add(self, left: N, right: N) -> N: ...
    def subtract(self, left: N, right: N) -> N: ...
    def multiply(self, left: N, right: N) -> N: ...
    def mean(self, x: N, axes: tuple[int, ...]) -> N: ...
    def inverse_root(self, x: N, epsilon: float) -> N: ...
    def activation(self, x: N, kind: str) -> N: ...
    def average_pool(self, x: N, window: Pair) -> N: ...
    def max_pool(self, x: N, window: Pair) -> N: ...
    def pad(self, x: N, rows: Pair, columns: Pair) -> N: ...
    def reshape(self, x: N, shape: tuple[int, ...]) -> N: ...


class Role(enum.Enum):
    """A layer's role for its neighbours, where several layers become one op of the int8 graph."""

    CONVOLUTION = enum.auto()
    NORM = enum.auto()
    SUM = enum.auto()
    MEAN = enum.auto()
    OTHER = enum.auto()


class Passes(enum.IntEnum):
    """What a layer preserves of its input; the larger includes the smaller.

    CHANNELS: each output channel is computed from the same input channel, and a factor above 0
    passes through. VALUES: each output value is one of the input's, or zero.
    """

    NOTHING = 0
    CHANNELS = 1
    VALUES = 2


@dataclasses.dataclass(frozen=True)
class Kernel:
    """The weights that are rounded per output channel, and may be pruned.

    Attributes:
      attribute: attribute of the Keras layer. The axis before the last is the input channels.
      output_axis: axis of the output channels.
    """

    attribute: str = "kernel"
    output_axis: int = -1


class LayerRule(abc.ABC):
    """How one kind of layer is lowered, folded, quantized, pruned and equalized.

    Only `layer` and `lower` have no default: a layer without a kernel whose output is a tensor of
    the int8 graph needs no more.

    Attributes:
      layer: the Keras class.
      kernel: None: there is none.
      role: its role for the layers that read it.
      fuses: roles of layers that become one op with this one if only such layers read them.
      passes: what it preserves of its input.
      rounds: its output has values that need rounding; False: they are already rounded.
    """

    layer: type
    kernel: Kernel | None = None
    role: Role = Role.OTHER
    fuses: frozenset[Role] = frozenset()
    passes: Passes = Passes.NOTHING
    rounds: bool = True

    # Conversion

    @abc.abstractmethod
    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        """The layer in inference mode as nodes of the inference graph, batch 1.

        Args:
          layer: a built layer.
          inputs: the nodes that it reads.
          build: makes nodes.

        Raises:
          UserError: an argument of the layer is not supported; names the layer.
        """

    def fold(self, layer: Any, build: Builder[N]) -> Mapping[str, N]:
        """What the plain graph computes instead of this layer and of those it folds into.

        Returns:
          By layer name, the last node of its replacement, from one `build.input`. Empty: the
          TFLite converter handles the Keras layer well.
        """
        return {}

    def can_shift_logits(self, layer: Any) -> bool:
        """Whether a constant can be added to its outputs through its bias."""
        return False

    # Quantization-aware training and pruning

    def is_rounded(self, readers: Sequence["LayerRule | None"]) -> bool:
        """Whether the output is a tensor of the int8 graph.

        Args:
          readers: rules of the layers that read it; None: a layer without one.
        """
        fused = all(rule is not None and self.role in rule.fuses for rule in readers)
        return self.rounds and not (readers and fused)

    def kernel_kind(self, layer: Any) -> PruneKind | None:
        """The kind of kernel for pruning; None: it is not pruned.

        "pointwise": a 1x1 convolution or dense layer; "stem": a larger convolution over all
        channels; "depthwise": one kernel per channel.
        """
        return None

    # Equalization: a factor per channel moves from one layer to the weights that read it.

    def can_divide_outputs(self, layer: Any) -> bool:
        """Whether `divide_outputs` is possible."""
        return False

    def divide_outputs(self, layer: Any, factors: np.ndarray) -> None:
        """Changes the weights so that each output channel is divided by its factor."""
        raise TypeError(f"{layer.name} cannot divide its outputs")

    def keeps_factors(self, layer: Any) -> bool:
        """Whether channels may be scaled here: an activation with f(a x) = a f(x) for any a > 0."""
        return False

    def can_multiply_inputs(self, layer: Any) -> bool:
        """Whether the kernel can absorb a factor per input channel."""
        return self.kernel is not None
