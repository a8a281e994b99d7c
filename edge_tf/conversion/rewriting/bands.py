"""A block of broadcasted residual learning as one depthwise convolution per sub-band.

With x the block's input, BC-ResNet computes (arXiv:2106.04140, fig. 2)

    z = SSN(depthwise(x)),    y = ReLU(z + broadcast(f1(mean(z))) [+ x]).

In inference z is linear in the rows of x, with different weights per sub-band. So mean(z) is one
depthwise convolution of x, with a kernel as tall as x. With p = f1(...) stacked below the rows that
a sub-band reads, its rows of y are one depthwise convolution with a ReLU: norm, broadcast, both
additions and their roundings are gone. The rows of y are then joined.
"""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from edge_tf.conversion.rewriting import graph

# Up to this many rows, sub-bands share one stack of all rows: kernels that tall cost less than a
# slice and a stack per sub-band.
_WHOLE = 10
_MOST_INPUTS = 10
# p extends slightly beyond the range of x, so that all stacks with it have one range, which the
# converter then gives to x as well; it would requantize to reconcile different ranges.
_BEYOND = 1.002
# A channel of p is constant if its range, relative to the largest, is at most this.
_CONSTANT = 1e-6


@dataclasses.dataclass(frozen=True)
class _Block:
    """A block in the graph: y = ReLU(z + p) or ReLU(z + p + x)."""

    name: str
    x: graph.Node
    z: graph.Node
    p: graph.Node
    shortcut: bool
    kernel: np.ndarray  # [sub-bands, taps, channels], including the norm's scale
    offset: np.ndarray  # [sub-bands, channels]
    before: int  # rows of zeros above x
    stride: int


def fold_blocks(output: graph.Node, clips: np.ndarray) -> graph.Node:
    """Rewrites every block of the form above.

    Args:
      output: a graph in Keras' layout: rows are frequency.
      clips: (n, rows, frames, 1) representative features. p is scaled to the range of x per
        channel (exact: the convolution that produces it applies scale and offset, those that read
        it the inverse), since both must share one int8 step.
    """
    reading = graph.readers(output)
    blocks = {
        node: block for node in graph.order(output) if (block := _block(node, reading)) is not None
    }
    if not blocks:
        return output
    ranges = _ranges([block for block in blocks.values()], clips)
    maps = {block.z: block for block in blocks.values()}
    changed: dict[graph.Node, graph.Node] = {}
    for node in graph.order(output):
        new = node.reading(*(changed[source] for source in node.inputs))
        if node in blocks:
            block = blocks[node]
            new = _joined(block, changed[block.x], changed[block.p], *ranges[block.z])
        elif isinstance(node, graph.Pool) and node.inputs[0] in maps:
            new = _mean(maps[node.inputs[0]], changed[maps[node.inputs[0]].x])
        changed[node] = new
    return changed[output]


def _block(node: graph.Node, reading: dict[graph.Node, list[graph.Node]]) -> _Block | None:
    """The block that ends in this ReLU."""
    if not isinstance(node, graph.Activation) or node.kind != "relu":
        return None
    total = node.inputs[0]
    shortcut = None
    if isinstance(total, graph.Add) and isinstance(total.inputs[0], graph.Add):
        total, shortcut = total.inputs
    if not isinstance(total, graph.Add):
        return None
    z, p = total.inputs
    if not isinstance(z, graph.Affine) or z.scale.shape[1] == 1 or p.shape != _row(z):
        return None
    if {type(reader) for reader in reading[z]} != {graph.Add, graph.Pool} or len(reading[z]) != 2:
        return None
    pool = next(reader for reader in reading[z] if isinstance(reader, graph.Pool))
    depthwise = z.inputs[0]
    if pool.window != (z.shape[1], 1) or not isinstance(depthwise, graph.Depthwise):
        return None
    if depthwise.kernel.shape[1] != 1 or depthwise.stride[1] != 1 or depthwise.dilation != (1, 1):
        return None
    x, before = _padding(depthwise)
    if shortcut is not None and (shortcut is not x or x.shape != z.shape):
        return None
    scale, offset = _bands(z)
    kernel = depthwise.kernel[:, 0, :, 0] * scale[:, np.newaxis, :]
    offset = depthwise.bias * scale + offset
    name = _common_name(depthwise.layer, z.layer, node.layer)
    stride = depthwise.stride[0]
    return _Block(name, x, z, p, shortcut is not None, kernel, offset, before, stride)


def _common_name(*layers: str) -> str:
    """The common prefix of their names, "stage0_block0"; without one, the first name."""
    words = zip(*(layer.split("_") for layer in layers), strict=False)
    common = itertools.takewhile(lambda one: len(set(one)) == 1, words)
    return "_".join(word[0] for word in common) or layers[0]


def _row(node: graph.Node) -> graph.Shape:
    """The shape of one row of it."""
    return (1, 1, *node.shape[2:])


def _padding(depthwise: graph.Depthwise) -> tuple[graph.Node, int]:
    """The node that a convolution over rows reads, and the number of rows of zeros above it."""
    (x,) = depthwise.inputs
    taps, stride = depthwise.kernel.shape[0], depthwise.stride[0]
    if depthwise.padding == "SAME":
        missing = max(0, (depthwise.shape[1] - 1) * stride + taps - x.shape[1])
        return x, missing // 2
    if isinstance(x, graph.Pad) and x.columns == (0, 0):
        return x.inputs[0], x.rows[0]
    return x, 0


def _bands(norm: graph.Affine) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset of each sub-band, [sub-bands, channels]."""
    scale, offset = norm.scale[0, :, 0], norm.offset[0, :, 0]
    new = [0] + [
        row
        for row in range(1, len(scale))
        if np.any(scale[row] != scale[row - 1]) or np.any(offset[row] != offset[row - 1])
    ]
    rows = int(np.gcd.reduce([*new, len(scale)]))
    return scale[::rows], offset[::rows]


def _ranges(
    blocks: list[_Block], clips: np.ndarray
) -> dict[graph.Node, tuple[float, np.ndarray, np.ndarray]]:
    """For each block's z: largest x, and smallest and largest p per channel."""
    nodes = [node for block in blocks for node in (block.x, block.p)]
    values_of = graph.to_functions(nodes)

    def extremes(features: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        values = values_of(features)
        return [(tf.reduce_min(v, [0, 1, 2]), tf.reduce_max(v, [0, 1, 2])) for v in values]

    run = graph.traced(extremes, clips)
    seen = [run(clips[at : at + 50]) for at in range(0, len(clips), 50)]
    low = [np.min([one[i][0] for one in seen], axis=0) for i in range(len(nodes))]
    high = [np.max([one[i][1] for one in seen], axis=0) for i in range(len(nodes))]
    return {
        block.z: (float(high[2 * i].max()), low[2 * i + 1], high[2 * i + 1])
        for i, block in enumerate(blocks)
    }


def _mean(block: _Block, x: graph.Node) -> graph.Node:
    """mean(z) as a depthwise convolution with a kernel as tall as x."""
    bands, taps, channels = block.kernel.shape
    rows_out = block.z.shape[1]
    kernel = np.zeros((x.shape[1], 1, channels, 1), np.float32)
    for row in range(rows_out):
        for tap in range(taps):
            read = row * block.stride + tap - block.before
            if 0 <= read < x.shape[1]:
                kernel[read, 0, :, 0] += block.kernel[row * bands // rows_out, tap] / rows_out
    bias = block.offset.mean(axis=0)
    return graph.Depthwise((x,), kernel, bias, layer=block.name, part="mean")


def _joined(
    block: _Block, x: graph.Node, p: graph.Node, top: float, low: np.ndarray, high: np.ndarray
) -> graph.Node:
    """The rows of y, sub-band after sub-band."""
    p, weight, offset = _in_range(p, top, low, high)
    bands, taps, channels = block.kernel.shape
    kernel = block.kernel.copy()
    if block.shortcut:
        kernel[:, block.before] += 1.0
    rows = block.z.shape[1] // bands
    steps = (rows - 1) * block.stride
    below = [p] * (steps + 1)
    if x.shape[1] <= _WHOLE:
        # All sub-bands read one stack; their kernels are zero except in their own rows.
        above, after = _zeros(block, x, rows > 1)
        stack = _stacked((*above, x, *after, *below), block.name, "rows")
        stacks = [
            (stack, band * rows * block.stride - block.before + len(above)) for band in range(bands)
        ]
    else:
        stacks = [(_own_rows(block, x, band, rows, below), 0) for band in range(bands)]
    joined = []
    for band, (stack, first) in enumerate(stacks):
        weights = np.zeros((stack.shape[1] - steps, 1, channels, 1), np.float32)
        for tap in range(taps):
            if 0 <= first + tap < len(weights) - 1:  # else it reads zeros, in a sub-band of one row
                weights[first + tap, 0, :, 0] = kernel[band, tap]
        weights[-1, 0, :, 0] = weight
        bias = block.offset[band] + offset
        part = f"band {band}"
        convolution = graph.Depthwise(
            (stack,), weights, bias, stride=(block.stride, 1), layer=block.name, part=part
        )
        joined.append(graph.Activation((convolution,), "relu", layer=block.name, part=part))
    return _stacked(tuple(joined), block.name)


def _stacked(rows: tuple[graph.Node, ...], layer: str, part: str = "") -> graph.Node:
    """Rows below each other; TFLite Micro's CONCATENATION accepts at most ten inputs."""
    while len(rows) > _MOST_INPUTS:
        parts = [rows[i : i + _MOST_INPUTS] for i in range(0, len(rows), _MOST_INPUTS)]
        made: dict[tuple[graph.Node, ...], graph.Node] = {}  # equal parts are made once
        for some in parts:
            concat = graph.Concat(some, 1, layer=layer, part=part) if len(some) > 1 else some[0]
            made.setdefault(some, concat)
        rows = tuple(made[some] for some in parts)
    return graph.Concat(rows, 1, layer=layer, part=part)


def _zeros(block: _Block, x: graph.Node, needed: bool) -> tuple[list[graph.Node], list[graph.Node]]:
    """The rows of zeros above and below x; a sub-band of one row needs none."""
    if not needed:
        return [], []
    reach = (block.z.shape[1] - 1) * block.stride + block.kernel.shape[1]
    after = max(0, reach - x.shape[1] - block.before)
    row = graph.Zeros((), (1, 1, *x.shape[2:]))
    return [row] * block.before, [row] * after


def _own_rows(
    block: _Block, x: graph.Node, band: int, rows: int, below: list[graph.Node]
) -> graph.Node:
    """The rows that one sub-band reads, with zeros where they lie outside x, and p below."""
    begin = band * rows * block.stride - block.before
    end = begin + (rows - 1) * block.stride + block.kernel.shape[1]
    row = graph.Zeros((), (1, 1, *x.shape[2:]))
    inside = max(begin, 0), min(end, x.shape[1])
    size = (inside[1] - inside[0], x.shape[2])
    part = f"band {band} rows"
    own = graph.Slice((x,), (inside[0], 0), size, layer=block.name, part=part)
    above, after = [row] * (inside[0] - begin), [row] * (end - inside[1])
    return _stacked((*above, own, *after, *below), block.name, part)


def _in_range(
    p: graph.Node, top: float, low: np.ndarray, high: np.ndarray
) -> tuple[graph.Node, np.ndarray, np.ndarray]:
    """p mapped to [0, top] per channel if a convolution produces it: p = w * p' + b."""
    spread = high - low
    if not isinstance(p, graph.Convolution) or not top > 0:
        return p, np.ones_like(low), np.zeros_like(low)
    # A channel that does not vary (pruning may have removed all its weights) becomes a constant at
    # the end of the range and is not read: its value is in the offset.
    live = spread > _CONSTANT * spread.max()
    factor = np.where(live, _BEYOND * top / np.where(live, spread, 1.0), 0.0).astype(np.float32)
    by_channel = factor[:, np.newaxis] if isinstance(p, graph.Depthwise) else factor
    bias = np.where(live, (p.bias - low) * factor, _BEYOND * top).astype(np.float32)
    scaled = dataclasses.replace(p, kernel=p.kernel * by_channel, bias=bias)
    weight = np.where(live, 1.0 / np.where(live, factor, 1.0), 0.0)
    return scaled, weight.astype(np.float32), low
