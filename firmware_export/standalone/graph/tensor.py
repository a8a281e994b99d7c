"""A tensor of the graph: an activation or a constant."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(eq=False)
class Tensor:
    """An activation or a constant; compared by identity.

    Attributes:
      name: unique in its graph; from the file, or made by a pass.
      shape: static dimensions.
      dtype: "int8" or "int32".
      scales: real = scale * (value - zero_point); one, or one per channel (weights, biases).
      zero_points: as many as scales.
      channel_axis: the axis of several scales.
      data: the content of a constant; None for an activation.
      base, offset: an activation that has no memory of its own lies in `base`'s, from byte
        `offset` on; a pass that shares memory says so.
      pitch: bytes from one row (item of axis 1) to the next where it lies there with gaps; the
        batch is 1 then, and all ops that touch it can take gaps. None: no gaps.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    channel_axis: int = 0
    data: np.ndarray | None = None
    base: "Tensor | None" = None
    offset: int = 0
    pitch: int | None = None

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def size(self) -> int:
        """Number of items, which is bytes for int8."""
        return math.prod(self.shape)

    @property
    def constant(self) -> np.ndarray:
        """The content of a constant; ValueError for an activation."""
        if self.data is None:
            raise ValueError(f"'{self.name}' is no constant")
        return self.data

    def storage(self) -> tuple["Tensor", int]:
        """The tensor whose memory this one lies in, itself if it has its own; and where in it."""
        tensor, offset = self, 0
        while tensor.base is not None:
            tensor, offset = tensor.base, offset + tensor.offset
        return tensor, offset

    @property
    def scale(self) -> float:
        """The only scale; ValueError where there are several or none."""
        (scale,) = self.scales
        return scale

    @property
    def zero_point(self) -> int:
        """The only zero point; ValueError where there are several or none."""
        (zero_point,) = self.zero_points
        return zero_point
