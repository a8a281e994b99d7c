"""DEPTH_TO_SPACE, SPACE_TO_DEPTH, SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND."""

import itertools

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.move import Move, Part
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule

# That TFLite Micro can move.
_TYPES = ("int8", "float32")
# Parts of a moved tensor, each a call.
_MAX_PARTS = 256


def _read_depth(op: FileOp) -> ir.Op:
    """The block of a pixel is its channels: [block, block, channels]."""
    op.check_counts(1, 1)
    x = op.activation(0, _TYPES)
    output = op.output(types=(x.dtype,))
    op.require(len(x.shape) == len(output.shape) == 4, f"makes {output.shape} of {x.shape}")
    to_space = op.info.name == "DEPTH_TO_SPACE"
    large, small = (output, x) if to_space else (x, output)
    block = op.option("block_size")
    n, height, width, depth = small.shape
    op.require(
        block > 0
        and depth % block**2 == 0
        and large.shape == (n, height * block, width * block, depth // block**2),
        f"makes {output.shape} of {x.shape} with blocks of {block}",
    )
    extents = (n * height, width, block, block * large.shape[3])
    row = width * depth  # Items of a row of blocks, the same on both sides.
    in_small = (row, depth, depth // block, 1)
    in_large = (row, depth // block, row // block, 1)
    strides = (in_small, in_large) if to_space else (in_large, in_small)
    return Move([x], output, op.source, parts=(Part(extents, *strides),))


def _read_batch(op: FileOp) -> ir.Op:
    """Batch (y * block_width + x) * n + i has the pixels of image i at (y, x) of each block."""
    op.check_counts(3, 3)
    x = op.activation(0, _TYPES)
    output = op.output(types=(x.dtype,))
    to_batch = op.info.name == "SPACE_TO_BATCH_ND"
    rank = len(x.shape)
    op.require(rank in (3, 4) and len(output.shape) == rank, f"makes {output.shape} of {x.shape}")
    block, border = op.numbers(1, rank - 2), op.numbers(2, 2 * (rank - 2))
    image, batch = (x, output) if to_batch else (output, x)
    space = [size + sum(border[2 * i : 2 * i + 2]) for i, size in enumerate(image.shape[1:-1])]
    cells = list(itertools.product(*map(range, block)))
    op.require(
        all(b >= 1 for b in block)
        and min(border) >= 0
        and batch.shape[0] == len(cells) * image.shape[0]
        and [size * b for size, b in zip(batch.shape[1:-1], block, strict=True)] == space
        and batch.shape[-1] == image.shape[-1],
        f"makes {output.shape} of {x.shape} with blocks of {block} and a border of {border}",
    )
    if len(cells) > _MAX_PARTS:
        op.fail(f"has blocks of {block}", f"blocks of up to {_MAX_PARTS} pixels can be exported")
    made = [_cell(cell, block, border[::2], image.shape, batch.shape) for cell in cells]
    parts = []
    for part in filter(None, made):
        swapped = Part(part.extents, part.out_steps, part.in_steps, part.to, part.begin)
        parts.append(part if to_batch else swapped)
    fill = None
    if to_batch and any(border):
        fill = output.zero_point if output.scales else 0
    return Move([x], output, op.source, parts=tuple(parts), fill=fill)


def _cell(
    cell: tuple[int, ...],
    block: list[int],
    before: list[int],
    image: tuple[int, ...],
    batch: tuple[int, ...],
) -> Part | None:
    """From the image to the batch: the pixels at one position of each block; None if outside."""
    given, to = copies.steps(image), copies.steps(batch)
    index = 0
    for at, size in zip(cell, block, strict=True):
        index = index * size + at
    begin, end = 0, index * image[0] * to[0]
    extents, in_steps, out_steps = [image[0]], [given[0]], [to[0]]
    for axis, (at, size, border) in enumerate(zip(cell, block, before, strict=True), 1):
        first = max(0, -(-(border - at) // size))
        last = min(batch[axis], -(-(border + image[axis] - at) // size))
        if first >= last:
            return None
        begin += (first * size + at - border) * given[axis]
        end += first * to[axis]
        extents.append(last - first)
        in_steps.append(size * given[axis])
        out_steps.append(to[axis])
    ends = (image[-1],), (1,), (1,)
    return Part((*extents, *ends[0]), (*in_steps, *ends[1]), (*out_steps, *ends[2]), begin, end)


OPS = (
    OpRule("DEPTH_TO_SPACE", 2, _read_depth, "DepthToSpaceOptions"),
    OpRule("SPACE_TO_DEPTH", 2, _read_depth, "SpaceToDepthOptions"),
    OpRule("SPACE_TO_BATCH_ND", 4, _read_batch),
    OpRule("BATCH_TO_SPACE_ND", 4, _read_batch),
)
