"""Ops that only move values against TensorFlow Lite Micro, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware_export.standalone.kernels_glue import check, random_bytes
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
