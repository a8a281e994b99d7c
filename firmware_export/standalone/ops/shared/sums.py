"""Scaling of sums of more than two values: edge_sum_scale_t of edge_sums.h."""

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single

HEADER = "edge_sums.h"
_BITS = 20


def scale(op: ir.Op) -> dict[str, Field]:
    """Members of edge_sum_scale_t; the inputs of the op have the scale of the first."""
    x, output = op.inputs[0], op.output
    real = 2.0 * single(x.scale) / ((1 << _BITS) * single(output.scale))
    op.check(
        0 < real < 1,
        output,
        f"has a scale of {output.scale:g}, which TFLite Micro rejects",
        "calibrate on more varied data",
    )
    multiplier, shift = quantize_multiplier(real)
    return {
        "multiplier": multiplier,
        "shift": -shift,
        "in_zero_point": x.zero_point,
        "zero_point": output.zero_point,
    }
