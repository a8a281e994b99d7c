"""Ops that only move values against TensorFlow Lite Micro, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware_export.standalone.kernels_glue import check, random_bytes, read, run_graph
from tests.firmware_export.standalone.model_builder import Builder

bounded = settings(derandomize=True, deadline=None, max_examples=60)
shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4)
seeds = st.integers(0, 2**32 - 1)
SCALE, ZERO_POINT = 0.1, -7


def activation(builder: Builder, shape) -> int:
    return builder.activation(shape, SCALE, ZERO_POINT)


@bounded
@given(shapes, st.lists(st.integers(0, 3), min_size=8, max_size=8), seeds)
def test_pad(shape, amounts, seed):
    rank = len(shape)
    before, after = amounts[:rank], amounts[4 : 4 + rank]
    builder = Builder()
    x = activation(builder, shape)
    y = activation(builder, [n + a + b for n, a, b in zip(shape, before, after, strict=True)])
    pairs = list(zip(before, after, strict=True))
    builder.op("PAD", [x, builder.numbers(*pairs)], y)
    check(builder.finish([x], [y]), random_bytes(np.random.default_rng(seed), shape))


@bounded
@given(shapes, st.integers(0, 3), st.lists(st.integers(1, 4), min_size=1, max_size=4), seeds)
def test_concatenation(shape, axis, sizes, seed):
    axis %= len(shape)
    rng = np.random.default_rng(seed)
    builder = Builder()
    tensors, values = [], []
    for position, size in enumerate(sizes):
        part = [*shape[:axis], size, *shape[axis + 1 :]]
        content = random_bytes(rng, part)
        if position == 1:
            tensors.append(builder.constant(content, [SCALE], [ZERO_POINT]))
        else:
            tensors.append(activation(builder, part))
            values.append(content)
    y = activation(builder, [*shape[:axis], sum(sizes), *shape[axis + 1 :]])
    builder.op("CONCATENATION", tensors, y, axis=axis - (len(shape) if seed % 2 else 0))
    inputs = [tensor for position, tensor in enumerate(tensors) if position != 1]
    check(builder.finish(inputs, [y]), *values)


@bounded
@given(shapes, st.data(), seeds)
def test_strided_slice(shape, data, seed):
    values = random_bytes(np.random.default_rng(seed), shape)
    begin, end, step = [], [], []
    for size in shape:
        start = data.draw(st.integers(0, size - 1))
        if data.draw(st.booleans()):
            begin.append(start)
            end.append(data.draw(st.integers(start + 1, size)))
            step.append(data.draw(st.integers(1, 3)))
        else:
            begin.append(start)
            end.append(data.draw(st.integers(-1, start - 1)) - size if start else -size - 1)
            step.append(-data.draw(st.integers(1, 3)))
    shrunk = data.draw(st.integers(0, (1 << len(shape)) - 1)) if len(shape) > 1 else 0
    shrunk = 0 if shrunk == (1 << len(shape)) - 1 else shrunk
    expected = values[
        tuple(
            slice(b, e if e >= 0 else (e + n if e + n >= 0 else None), s)
            for b, e, s, n in zip(begin, end, step, shape, strict=True)
        )
    ]
    for axis in range(len(shape)):
        if shrunk >> axis & 1:
            step[axis] = 1
            end[axis] = begin[axis] + 1
            expected = np.take(expected, [0], axis)
    out = [n for axis, n in enumerate(expected.shape) if not shrunk >> axis & 1]
    builder = Builder()
    x = activation(builder, shape)
    y = activation(builder, out)
    inputs = [x, *(builder.numbers(*numbers) for numbers in (begin, end, step))]
    builder.op("STRIDED_SLICE", inputs, y, shrink_axis_mask=shrunk)
    check(builder.finish([x], [y]), values)


@bounded
@given(shapes, st.randoms(use_true_random=False), seeds)
def test_transpose(shape, random, seed):
    order = list(range(len(shape)))
    random.shuffle(order)
    builder = Builder()
    x = activation(builder, shape)
    y = activation(builder, [shape[axis] for axis in order])
    builder.op("TRANSPOSE", [x, builder.numbers(*order)], y)
    check(builder.finish([x], [y]), random_bytes(np.random.default_rng(seed), shape))


@bounded
@given(
    st.tuples(*[st.integers(1, n) for n in (2, 6, 6, 4)]),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from([(False, False), (True, False), (False, True)]),
    seeds,
)
def test_resize(shape, size, mode, seed):
    builder = Builder()
    x = activation(builder, shape)
    y = activation(builder, (shape[0], *size, shape[3]))
    builder.op(
        "RESIZE_NEAREST_NEIGHBOR",
        [x, builder.numbers(*size)],
        y,
        align_corners=mode[0],
        half_pixel_centers=mode[1],
    )
    check(builder.finish([x], [y]), random_bytes(np.random.default_rng(seed), shape))


@pytest.mark.parametrize("shape", [(2, 3, 4), (24,), (1, 1, 24, 1)])
def test_reshape(shape):
    builder = Builder()
    x = activation(builder, (1, 4, 6))
    y = activation(builder, shape)
    builder.op("RESHAPE", [x, builder.numbers(*shape)], y)
    check(builder.finish([x], [y]), random_bytes(np.random.default_rng(0), (1, 4, 6)))


def moved(name, shape, out, inputs=(), seed=0, **options) -> None:
    """Compares one op that moves values; `inputs` follow the activation."""
    builder = Builder()
    x, y = activation(builder, shape), activation(builder, out)
    builder.op(name, [x, *(builder.constant(np.array(i, np.int32)) for i in inputs)], y, **options)
    check(builder.finish([x], [y]), random_bytes(np.random.default_rng(seed), shape))


@bounded
@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.data(), seeds)
def test_pack(shape, data, seed):
    count, axis = data.draw(st.integers(1, 4)), data.draw(st.integers(0, len(shape)))
    rng = np.random.default_rng(seed)
    builder = Builder()
    values = [random_bytes(rng, shape) for _ in range(count)]
    tensors = [activation(builder, shape) for _ in values]
    if count > 1:
        tensors[1] = builder.constant(values.pop(1), [SCALE], [ZERO_POINT])
    inputs = [tensor for position, tensor in enumerate(tensors) if position != 1]
    y = activation(builder, [*shape[:axis], count, *shape[axis:]])
    given_axis = axis - len(shape) - 1 if seed % 2 else axis
    builder.op("PACK", tensors, y, axis=given_axis, values_count=count)
    check(builder.finish(inputs, [y]), *values)


@bounded
@given(
    st.sampled_from(["SPLIT", "SPLIT_V", "UNPACK"]),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.data(),
    seeds,
)
def test_each_part(name, shape, sizes, data, seed):
    """Every output of an op that takes a tensor apart."""
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = [1 if name == "UNPACK" else sizes[0] if name == "SPLIT" else size for size in sizes]
    whole = [*shape[:axis], sum(sizes), *shape[axis + 1 :]]
    values = random_bytes(np.random.default_rng(seed), whole)
    for wanted in range(len(sizes)):
        builder = Builder()
        x = activation(builder, whole)
        where = builder.numbers(axis - len(shape) if seed % 2 else axis)
        parts = [
            activation(
                builder, [*shape[:axis], *([] if name == "UNPACK" else [size]), *shape[axis + 1 :]]
            )
            for size in sizes
        ]
        inputs = {"SPLIT": [where, x], "SPLIT_V": [x, builder.numbers(*sizes), where]}
        options = {"UNPACK": {"axis": axis, "num": len(sizes)}, "SPLIT": {"num_splits": len(sizes)}}
        builder.op(name, inputs.get(name, [x]), parts, **options.get(name, {}))
        check(builder.finish([x], [parts[wanted]]), values)


@bounded
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.data(), seeds)
def test_broadcast_to(shape, data, seed):
    given_shape = [1 if data.draw(st.booleans()) else size for size in shape]
    given_shape = given_shape[data.draw(st.integers(0, len(shape) - 1)) :]
    moved("BROADCAST_TO", given_shape, shape, [shape], seed)


@bounded
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=5), seeds)
def test_tile(axes, seed):
    """TFLite Micro has no TILE: NumPy's result."""
    shape, counts = [size for size, _ in axes], [count for _, count in axes]
    values = random_bytes(np.random.default_rng(seed), shape)
    builder = Builder()
    x = activation(builder, shape)
    y = activation(builder, [m * n for m, n in axes])
    builder.op("TILE", [x, builder.numbers(*counts)], y)
    (result,) = run_graph(read(builder.finish([x], [y])), [values])
    np.testing.assert_array_equal(result, np.tile(values, counts))


@bounded
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data(), seeds)
def test_reverse(shape, data, seed):
    first = data.draw(st.integers(0, len(shape) - 1))
    axes = list(range(first, data.draw(st.integers(first, len(shape) - 1)) + 1))
    moved("REVERSE_V2", shape, shape, [[a - len(shape) if seed % 2 else a for a in axes]], seed)


@bounded
@given(st.integers(1, 4), st.tuples(*[st.integers(1, n) for n in (2, 4, 4, 3)]), seeds)
def test_depth_and_space(block, shape, seed):
    n, height, width, depth = shape
    large = (n, height * block, width * block, depth)
    small = (n, height, width, depth * block**2)
    moved("DEPTH_TO_SPACE", small, large, seed=seed, block_size=block)
    moved("SPACE_TO_DEPTH", large, small, seed=seed, block_size=block)


@bounded
@given(
    st.booleans(),
    st.integers(1, 2),
    st.lists(
        st.tuples(*[st.integers(1, 3)] * 2, st.integers(0, 4), st.integers(0, 4)),
        min_size=2,
        max_size=2,
    ),
    st.integers(1, 3),
    seeds,
)
def test_space_and_batch(flat, images, axes, channels, seed):
    """The border is cut by BATCH_TO_SPACE_ND, and added by SPACE_TO_BATCH_ND as zero points.

    TFLite Micro never sets what it pads with, so only images without a border compare with it.
    """
    axes = axes[:1] if flat else axes
    space, block, border = [], [], []
    for blocks, size, before, after in axes:
        space.append(max(blocks, -(-(before + after + 1) // size)))
        block.append(size)
        border.append((before, after))
    inner = [n * b - sum(c) for n, b, c in zip(space, block, border, strict=True)]
    image = [images, *inner, channels]
    batch = [images * int(np.prod(block)), *space, channels]
    moved("BATCH_TO_SPACE_ND", batch, image, [block, border], seed)
    if not any(map(any, border)):
        moved("SPACE_TO_BATCH_ND", image, batch, [block, border], seed)
    builder = Builder()
    x, y = activation(builder, image), activation(builder, batch)
    builder.op("SPACE_TO_BATCH_ND", [x, builder.numbers(*block), builder.numbers(*border)], y)
    values = random_bytes(np.random.default_rng(seed), image)
    (result,) = run_graph(read(builder.finish([x], [y])), [values])
    padded = np.pad(values, [(0, 0), *border, (0, 0)], constant_values=ZERO_POINT)
    split = [n for pair in zip(space, block, strict=True) for n in pair]
    cells = padded.reshape(images, *split, channels)
    order = [*range(2, cells.ndim - 1, 2), 0, *range(1, cells.ndim - 1, 2), cells.ndim - 1]
    np.testing.assert_array_equal(result, cells.transpose(order).reshape(batch))


@bounded
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans(), st.data(), seeds)
def test_mirror_pad(shape, symmetric, data, seed):
    amounts = [
        [data.draw(st.integers(0, min(3, size - 1 + symmetric))) for _ in range(2)]
        for size in shape
    ]
    out = [size + sum(pair) for size, pair in zip(shape, amounts, strict=True)]
    moved("MIRROR_PAD", shape, out, [amounts], seed, mode=int(symmetric))


@bounded
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data(), seeds)
def test_gather(shape, data, seed):
    axis = data.draw(st.integers(0, len(shape) - 1))
    batch = data.draw(st.integers(0, axis))
    index_shape = [*shape[:batch], *data.draw(st.lists(st.integers(1, 3), max_size=2))]
    index = np.random.default_rng(seed).integers(0, shape[axis], index_shape)
    out = [*shape[:axis], *index_shape[batch:], *shape[axis + 1 :]]
    moved("GATHER", shape, out, [index], seed, axis=axis, batch_dims=batch)


@bounded
@given(
    st.tuples(*[st.integers(1, n) for n in (2, 6, 6, 4)]),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.sampled_from([(False, False), (True, False), (False, True)]),
    seeds,
)
def test_bilinear(shape, size, mode, seed):
    options = {"align_corners": mode[0], "half_pixel_centers": mode[1]}
    moved("RESIZE_BILINEAR", shape, (shape[0], *size, shape[3]), [size], seed, **options)


def test_transpose_along_more_axes_than_the_kernel_has():
    shape, order = (3, 2, 4, 5, 2), [4, 2, 0, 3, 1]
    moved("TRANSPOSE", shape, [shape[axis] for axis in order], [order])
