"""AVERAGE_POOL_2D and MAX_POOL_2D."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared import wide, windows
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Pool(ir.Windowed, ir.Bounded):
    """inputs: x [n, h, w, c]. kind is "average" or "max"; the padding is left out."""

    kind: str = "average"
    window: tuple[int, int] = (1, 1)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        largest = max(self.window + self.stride)
        self.check(largest <= 0xFFFF, x, f"has a window of {self.window}")
        for axis in range(2):
            last = (output.shape[1 + axis] - 1) * self.stride[axis] - self.padding[axis]
            self.check(
                self.padding[axis] < self.window[axis] and last < x.shape[1 + axis],
                x,
                "has windows that are entirely in the padding",
            )
        fields: dict[str, Field] = {
            "batches": x.shape[0],
            "in_height": x.shape[1],
            "in_width": x.shape[2],
            "out_height": output.shape[1],
            "out_width": output.shape[2],
            "channels": x.shape[3],
            "kernel_height": self.window[0],
            "kernel_width": self.window[1],
            "stride_y": self.stride[0],
            "stride_x": self.stride[1],
            "pad_top": self.padding[0],
            "pad_left": self.padding[1],
            "low": self.low,
            "high": self.high,
        }
        if wide.is_wide(x):
            self.check(
                self.window[0] * self.window[1] <= 0xFFFF, x, f"has a window of {self.window}"
            )
            kernel, struct = f"wide_{self.kind}_pool", "edge_wide_pool_t"
            call = self.call(
                *(kernel, fields, Place(x), Place(output)),
                struct=struct,
                sources=("wide_pool",),
                header=wide.HEADER,
            )
            return Lowered((call,))
        kernel, places = f"{self.kind}_pool", (Place(x), Place(output))
        return Lowered((self.call(kernel, fields, *places, struct="edge_pool_t"),))

    def vertical(self) -> tuple[int, int, int]:
        return self.window[0], self.stride[0], self.padding[0]

    def runs_by_rows(self) -> bool:
        """False if a window reaches above or below the input."""
        extent, stride, before = self.vertical()
        end = (self.output.shape[1] - 1) * stride - before + extent
        return before == 0 and end <= self.inputs[0].shape[1]


def _read(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x, output = windows.images(op, WEIGHTED)
    if x.zero_point != output.zero_point or abs(x.scale - output.scale) > 1e-6:
        op.same_quantization(x, output)
    op.require(x.shape[3] == output.shape[3], f"makes {output.shape} of {x.shape}")
    window = (op.option("filter_height"), op.option("filter_width"))
    slide = windows.slide(op, x, output, window)
    return Pool(
        [x],
        output,
        op.source,
        kind="average" if op.info.name == "AVERAGE_POOL_2D" else "max",
        window=window,
        stride=slide.stride,
        padding=slide.padding,
        low=slide.bounds[0],
        high=slide.bounds[1],
    )


OPS = (
    OpRule("AVERAGE_POOL_2D", 3, _read, "Pool2DOptions"),
    OpRule("MAX_POOL_2D", 3, _read, "Pool2DOptions"),
)
