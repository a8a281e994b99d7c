"""A tensor of the graph: an activation or a constant."""

import dataclasses
import math

import numpy as np

from firmware_export.c_text import C_TYPES


@dataclasses.dataclass(eq=False)
class Tensor:
    """An activation or a constant; compared by identity.

    Attributes:
      name: unique in its graph; from the file, or made by a pass.
      shape: static dimensions.
      dtype: element type, a key of `c_text.C_TYPES`; "int64" and "int4" only of constants.
      scales: real = scale * (value - zero_point); one, or one per channel (weights, biases).
      zero_points: as many as scales.
      channel_axis: the axis of several scales.
      data: the content of a constant; None for an activation.
      base, offset: an activation without separate memory is part of `base`, from byte `offset` on,
        a multiple of its items' size; set by passes that share memory.
      pitch: bytes from one row (item of axis 1) to the next if there are gaps between them; then
        the batch is 1, and all ops that use it accept gaps. None: no gaps.
      initial: of a state: its content before the first run; None: the zero point.
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
    initial: np.ndarray | None = None

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def size(self) -> int:
        """Number of items."""
        return math.prod(self.shape)

    @property
    def extent(self) -> int:
        """Bytes from the first to the last one, including gaps."""
        if self.pitch is None:
            return self.byte_size
        return (self.shape[1] - 1) * self.pitch + self.row_bytes

    @property
    def item_bytes(self) -> int:
        return np.dtype(self.dtype).itemsize

    @property
    def byte_size(self) -> int:
        """Bytes without gaps."""
        return self.size * self.item_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes of a row (item of axis 1) without gaps; the batch is 1."""
        return self.byte_size // self.shape[1]

    @property
    def c_type(self) -> str:
        return C_TYPES[self.dtype]

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest value of an integer type."""
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)

    @property
    def constant(self) -> np.ndarray:
        """The content of a constant; ValueError for an activation."""
        if self.data is None:
            raise ValueError(f"'{self.name}' is not a constant")
        return self.data

    def storage(self) -> tuple["Tensor", int]:
        """The tensor that owns the memory, itself if it has its own; and the offset in it."""
        tensor, offset = self, 0
        while tensor.base is not None:
            tensor, offset = tensor.base, offset + tensor.offset
        return tensor, offset

    @property
    def scale(self) -> float:
        """The only scale; ValueError if there are several or none."""
        (scale,) = self.scales
        return scale

    @property
    def zero_point(self) -> int:
        """The only zero point; ValueError if there are several or none."""
        (zero_point,) = self.zero_points
        return zero_point
