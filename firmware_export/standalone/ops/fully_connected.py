"""FULLY_CONNECTED and BATCH_MATMUL."""

import dataclasses
import itertools
import math

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place
from firmware_export.standalone.ops import batch_matmul
from firmware_export.standalone.ops.batch_matmul import BatchMatmul
from firmware_export.standalone.ops.conv_2d import Conv2D
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared import pointwise, wide, windows
from firmware_export.standalone.ops.shared.convolution import any_convolution, geometry, split
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.scaling import Scaling, Weighted, scaling_of
from firmware_export.standalone.target import KernelSet

_LIMITS = "no shuffled weights; computed ones in int8, without bias and activation"
# Channels that a kernel can take.
_MOST = 0xFFFF


@dataclasses.dataclass(eq=False)
class FullyConnected(Weighted):
    """inputs: x [..., depth], weights [out, depth], optional int32 bias [out]."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        depth = self.weights.shape[1]
        rows = x.size // depth
        window = _window(self, depth)
        weights = self.weights.reshape(-1, *window)
        if wide.is_wide(x):
            return wide.convolution(
                self, weights, geometry(self._image(rows, window), window[:2], 1)
            )
        scaling = scaling_of(self, self.weights)
        row = pointwise.Row(1, rows)
        places = (Place(x), Place(self.output))

        def slow(wild: Scaling) -> Lowered:
            (call,) = any_convolution(self._image(rows, window), weights, 1, wild).calls
            return Lowered((dataclasses.replace(call, arguments=places),))

        return split(
            scaling if depth <= _MOST else scaling.all_wild(),
            lambda plain: pointwise.pointwise(self, row, self.weights, plain, kernels),
            slow,
        )

    def _image(self, rows: int, window: tuple[int, int, int]) -> Conv2D:
        """A convolution over the whole of an image [height, width, channels] for each row of x."""
        x, units = self.inputs[0], len(self.weights)
        return Conv2D(
            [dataclasses.replace(x, shape=(rows, *window)), *self.inputs[1:]],
            dataclasses.replace(self.output, shape=(rows, 1, 1, units)),
            self.source,
            low=self.low,
            high=self.high,
            table=self.table,
            before_table=self.before_table,
        )


def _window(op: ir.Op, depth: int) -> tuple[int, int, int]:
    """Height, width and channels that have `depth` values and that the kernel can take."""
    for height, width in itertools.product(range(1, 256), range(1, 256)):
        if depth % (height * width) == 0 and depth // (height * width) <= _MOST:
            return height, width, depth // (height * width)
    op.check(False, op.inputs[0], f"has {depth} values per row, which do not fit a kernel")
    raise AssertionError


def _read(op: FileOp) -> ir.Op | list[ir.Op]:
    op.check_counts(2, 3)
    if not op.is_constant(1):
        return _read_product(op)
    x = op.activation(0, WEIGHTED)
    output = op.output(types=(x.dtype,))
    op.check_symmetric(x, output)
    weights = op.weights(1, 2)
    units, depth = weights.shape
    if op.option("weights_format"):
        op.fail("has shuffled weights", "convert without them; the plain format can be exported")
    op.require(
        x.size % depth == 0
        and output.size == x.size // depth * units
        and output.shape[-1:] == (units,),
        f"makes shape {output.shape} of {x.shape} and weights of {weights.shape}",
    )
    windows.check_channels(op, weights, axis=0)
    low, high = op.bounds(output)
    inputs = windows.with_bias(op, x, weights, units)
    return FullyConnected(
        inputs,
        output,
        op.source,
        low=low,
        high=high,
        narrow_without_bias=op.sums_are_narrow(),
    )


def _read_product(op: FileOp) -> list[ir.Op]:
    """Weights that are an activation: a product of matrices."""
    x, weights, output = op.value(0), op.activation(1), op.output()
    op.require(
        len(weights.shape) == 2
        and x.size % weights.shape[1] == 0
        and output.size == x.size // weights.shape[1] * weights.shape[0],
        f"makes {output.shape} of {x.shape} and weights of {weights.shape}",
    )
    if op.has_input(2) or op.bounds(output) != output.limits:
        op.fail(
            f"has weights '{weights.name}' that are computed, with a bias or an activation",
            "put them into separate ops: BATCH_MATMUL, ADD, RELU",
        )
    units, depth = weights.shape
    made = op.between(output, (x.size // depth, units), "product")
    if x.data is None:
        rows = op.between(x, (x.size // depth, depth), "rows")
        before: list[ir.Op] = [Reshape([x], rows, op.source)]
    else:
        rows = dataclasses.replace(x, shape=(x.size // depth, depth))
        rows.data = x.data.reshape(rows.shape)
        before = []
    product = BatchMatmul([rows, weights], made, op.source, transposed=(False, True))
    return [*before, product, Reshape([made], output, op.source)]


def _read_batch_matmul(op: FileOp) -> ir.Op:
    """With a constant matrix it is a layer with weights, which has faster kernels."""
    product = batch_matmul.read(op)
    a, b = product.inputs
    is_layer = (
        b.data is not None
        and b.dtype == "int8"
        and b.zero_point == 0
        and math.prod(b.shape[:-2]) == 1
        and max(b.shape) <= 0xFFFF
        and not product.transposed[0]
        and not a.is_constant
        and a.shape[:-2] == product.output.shape[:-2]
    )
    if not is_layer:
        return product
    matrix = b.constant.reshape(b.shape[-2:])
    weights = np.ascontiguousarray(matrix if product.transposed[1] else matrix.T)
    constant = dataclasses.replace(b, shape=weights.shape, data=weights)
    return FullyConnected([a, constant], product.output, op.source)


OPS = (
    OpRule("FULLY_CONNECTED", 13, _read, "FullyConnectedOptions", limits=_LIMITS),
    OpRule("BATCH_MATMUL", 5, _read_batch_matmul, "BatchMatMulOptions"),
)
