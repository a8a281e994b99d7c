"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import INT8, FileOp, OpRule
from firmware_export.standalone.ops.take import Take
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can take the nearest of.
_TYPES = ("int8", "int16", "float32")
_ONE = 1 << 10  # Places between pixels have 10 fractional bits.


@dataclasses.dataclass(eq=False)
class Bilinear(ir.Op):
    """inputs: x [n, h, w, c].

    Attributes:
      rows, columns: (pixel before, pixel after, weight of the one after in 1024ths), per pixel
        of the output; a weight may be negative.
    """

    rows: tuple[tuple[int, int, int], ...] = ()
    columns: tuple[tuple[int, int, int], ...] = ()

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        fields: dict[str, Field] = {
            "rows": Array("rows", np.array(self.rows, np.int16).reshape(-1)),
            "columns": Array("columns", np.array(self.columns, np.int16).reshape(-1)),
            "batches": x.shape[0],
            "in_height": x.shape[1],
            "in_width": x.shape[2],
            "out_height": output.shape[1],
            "out_width": output.shape[2],
            "channels": x.shape[3],
        }
        return Lowered((self.call("bilinear", fields, Place(x), Place(output)),))


def _read_nearest(op: FileOp) -> ir.Op:
    x, output, corners, centers = _ends(op, _TYPES)
    rows = _nearest(x.shape[1], output.shape[1], corners, centers)
    columns = _nearest(x.shape[2], output.shape[2], corners, centers)
    taken = (tuple(range(x.shape[0])), rows, columns, tuple(range(x.shape[3])))
    return Take([x], output, op.source, taken=taken)


def _read_bilinear(op: FileOp) -> ir.Op:
    x, output, corners, centers = _ends(op, INT8)
    if corners and centers:
        op.damaged("has both align_corners and half_pixel_centers")
    rows = _between(x.shape[1], output.shape[1], corners, centers)
    columns = _between(x.shape[2], output.shape[2], corners, centers)
    return Bilinear([x], output, op.source, rows=rows, columns=columns)


def _ends(op: FileOp, types: tuple[str, ...]) -> tuple[ir.Tensor, ir.Tensor, bool, bool]:
    """(input, output, align_corners, half_pixel_centers)."""
    op.check_counts(2, 2)
    x = op.activation(0, types)
    output = op.output(types=(x.dtype,))
    op.require(len(x.shape) == len(output.shape) == 4, f"makes {output.shape} of {x.shape}")
    size = op.numbers(1, 2)
    op.require(
        (x.shape[0], *size, x.shape[3]) == output.shape,
        f"makes {output.shape} of {x.shape} with size {size}",
    )
    corners = bool(op.option("align_corners", False))
    return x, output, corners, bool(op.option("half_pixel_centers", False))


def _nearest(size: int, count: int, corners: bool, centers: bool) -> tuple[int, ...]:
    """For each of `count` items, which of `size` to take; in float32 as in TFLite Micro."""
    if corners and count > 1:
        scale = np.float32(size - 1) / np.float32(count - 1)
    else:
        scale = np.float32(size) / np.float32(count)
    offset = np.float32(0.5 if centers else 0.0)
    place = (np.arange(count, dtype=np.float32) + offset) * scale
    taken = np.floor(place.astype(np.float64) + (0.5 if corners else 0.0))
    return tuple(int(index) for index in np.clip(taken, 0, size - 1))


def _between(
    size: int, count: int, corners: bool, centers: bool
) -> tuple[tuple[int, int, int], ...]:
    """For each of `count` items, its neighbours among `size` and the weight of the second."""
    if corners and count > 1:
        size_, count_ = size - 1, count - 1
    else:
        size_, count_ = size, count
    step = (_ONE * size_ + count_ // 2) // count_
    found = []
    for index in range(count):
        place = index * step + (step // 2 - _ONE // 2 if centers else 0)
        before = max(int(place / _ONE), 0)  # Rounds towards zero.
        after = min(int((place + _ONE - 1) / _ONE), size - 1)
        found.append((before, after, place - _ONE * before))
    return tuple(found)


OPS = (
    OpRule("RESIZE_NEAREST_NEIGHBOR", 4, _read_nearest, "ResizeNearestNeighborOptions"),
    OpRule("RESIZE_BILINEAR", 4, _read_bilinear, "ResizeBilinearOptions"),
)
