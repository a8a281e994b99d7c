"""Ops on values one by one, and SOFTMAX."""

import math

from firmware_export.errors import ExportError
from firmware_export.standalone import arithmetic, ir
from firmware_export.standalone.reading.context import Op

_KINDS = {"ADD": "add", "SUB": "sub", "MUL": "mul"}


def binary(op: Op) -> ir.Op:
    op.check_counts(2, 2)
    a, b, output = op.value(0), op.value(1), op.output()
    if a.is_constant and b.is_constant:
        op.fail("has two constants", "fold constants before the conversion")
    rank = max(len(a.shape), len(b.shape))
    padded = [(1,) * (rank - len(tensor.shape)) + tensor.shape for tensor in (a, b)]
    op.require(
        all(m == n or 1 in (m, n) for m, n in zip(*padded, strict=True))
        and tuple(max(pair) for pair in zip(*padded, strict=True)) == output.shape,
        f"gives {output.shape} for {a.shape} and {b.shape}",
    )
    low, high = op.bounds(output)
    kind = _KINDS[op.info.name]
    return ir.Binary([a, b], output, op.source, kind=kind, low=low, high=high)


def unary(op: Op) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0), op.output()
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    alpha = op.option("alpha", 0.0)
    op.require(math.isfinite(alpha), f"has the slope {alpha}")
    try:
        table = arithmetic.table(
            op.info.name,
            (x.scale, x.zero_point),
            (output.scale, output.zero_point),
            alpha,
        )
    except ValueError as error:
        raise ExportError(f"op {op.info.index} ({op.info.name}): {error}") from None
    return ir.Table([x], output, op.source, table=table)


def softmax(op: Op) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0), op.output()
    op.require(x.shape == output.shape and x.shape, f"makes {output.shape} of {x.shape}")
    if (output.scale, output.zero_point) != (1 / 256, -128):
        op.fail(
            f"has the output scale {output.scale:g} and zero point {output.zero_point}",
            "TFLite Micro demands 1/256 and -128: convert the model again",
        )
    beta = op.option("beta", 0.0)
    op.require(math.isfinite(beta) and beta > 0, f"has the factor {beta}")
    return ir.Softmax([x], output, op.source, beta=beta)
