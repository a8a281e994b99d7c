"""RESIZE_NEAREST_NEIGHBOR."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Resize(ir.Op):
    """inputs: x [n, h, w, c]. Nearest neighbour; `rows` and `columns` say which one to take."""

    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        fields: dict[str, Field] = {
            "rows": Array("rows", np.array(self.rows, np.uint16)),
            "columns": Array("columns", np.array(self.columns, np.uint16)),
            "batches": x.shape[0],
            "in_height": x.shape[1],
            "in_width": x.shape[2],
            "out_height": output.shape[1],
            "out_width": output.shape[2],
            "channels": x.shape[3],
        }
        return Lowered((self.call("resize", fields, Place(x), Place(output)),))


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x, output = op.activation(0), op.output()
    op.require(len(x.shape) == 4 and len(output.shape) == 4, f"reads a shape of {x.shape}")
    size = op.numbers(1, 2)
    op.require(
        (x.shape[0], *size, x.shape[3]) == output.shape,
        f"makes {output.shape} of {x.shape} with size {size}",
    )
    corners = bool(op.option("align_corners", False))
    centers = bool(op.option("half_pixel_centers", False))
    rows = _nearest(x.shape[1], size[0], corners, centers)
    columns = _nearest(x.shape[2], size[1], corners, centers)
    return Resize([x], output, op.source, rows=rows, columns=columns)


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


OPS = (OpRule("RESIZE_NEAREST_NEIGHBOR", 4, _read, "ResizeNearestNeighborOptions"),)
