"""Kernels of a stream: one pixel at a time, frames that are pushed, a mean whose sums are kept."""

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_export.boards import building, emulation
from firmware_export.standalone.graph import calls
from firmware_export.standalone.ops.shared import fixed_point
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.kernels_glue import (
    KERNELS,
    Buffer,
    library,
    make_struct,
    random_bytes,
    zero_points,
)

PROGRAM = Path(__file__).with_name("programs") / "kernels_streaming.c"
COMPARED = ("pointwise", "row_sum")

bounded = settings(derandomize=True, deadline=None, max_examples=150)
seeds = st.integers(0, 2**32 - 1)


def sources(folder: str, made: Path) -> list[Path]:
    """The program, a core's kernels, and the portable ones to compare with under other names."""
    special = sorted((KERNELS / folder).glob("*.c")) if folder != "portable" else []
    stems = {path.stem for path in special}
    renamed = []
    for kind in COMPARED:
        path = made / f"portable_{kind}.c"
        path.write_text(f'#define edge_{kind} portable_{kind}\n#include "portable/{kind}.c"\n')
        renamed.append(path)
    needed = (*COMPARED, "push", "sliding_mean")
    others = [KERNELS / "portable" / f"{kind}.c" for kind in needed if kind not in stems]
    return [PROGRAM, *special, *renamed, *others]


@pytest.mark.firmware
@pytest.mark.parametrize(
    ("name", "optimize"),
    [
        ("host", "-O2"),
        ("cortex-m4", "-O2"),
        ("cortex-m4", "-Os"),
        ("cortex-m7", "-O2"),
        ("cortex-m33", "-O3"),
        ("cortex-m55", "-O2"),
        ("cortex-m55", "-Os"),
        ("cortex-m55", "-O3"),
    ],
)
def test_on_boards(name: str, optimize: str, tmp_path: Path):
    """Those of a core give what the portable ones give; pushing and means what they should."""
    memory = {} if name == "host" else {"flash_kb": 512, "ram_kb": 512, "stack_kb": 16}
    board = usable(name)
    build = building.build(
        board,
        sources(board.target.kernels, tmp_path),
        [KERNELS],
        tmp_path / "build",
        optimize=optimize,
        extra_flags=building.SANITIZE if name == "host" else (),
        **memory,
    )
    result = emulation.run(build, count=False)
    assert (result.status, result.console) == (0, "passed\n")


# The portable ones against NumPy


class Scaling:
    """Numbers that take sums of so many products to int8, and what they do in NumPy."""

    def __init__(self, rng: np.random.Generator, channels: int, products: int) -> None:
        size = 14 + int(products).bit_length()
        self.bias = rng.integers(-(1 << (size - 1)), 1 << (size - 1), channels).astype(np.int32)
        self.multiplier = rng.integers(1 << 30, 1 << 31, channels).astype(np.int32)
        self.shift = rng.integers(size - 10, size - 4, channels, endpoint=True).astype(np.int8)
        self.zero_point = int(rng.integers(-128, 128))
        self.low = int(rng.choice([-128, self.zero_point]))
        self.high = int(rng.choice([127, rng.integers(self.low, 128)]))
        self.table = random_bytes(rng, (256,)) if rng.random() < 0.5 else None

    def before(self, weights: np.ndarray) -> dict[str, Any]:
        """Members in front of the sizes."""
        arrays = {name: getattr(self, name) for name in ("bias", "multiplier", "shift", "table")}
        return {
            name: None if values is None else calls.Array(name, values)
            for name, values in {"weights": weights, **arrays}.items()
        }

    def after(self) -> dict[str, int]:
        return {"zero_point": self.zero_point, "low": self.low, "high": self.high}

    def outputs(self, sums: np.ndarray) -> np.ndarray:
        """Of sums without bias, [..., channels]."""
        columns = zip(
            np.moveaxis(sums + self.bias, -1, 0), self.multiplier, self.shift, strict=True
        )
        scaled = [fixed_point.rescale(s, int(m), -int(shift)) for s, m, shift in columns]
        values = np.clip(np.stack(scaled, -1) + self.zero_point, self.low, self.high)
        values = values if self.table is None else self.table[values + 128]
        return values.astype(np.int8)


def call(name: str, fields: Mapping[str, Any], *arguments: Any) -> None:
    """Runs a kernel; arguments are buffers or what ctypes takes."""
    keep: list[Any] = []
    params = make_struct(fields, f"edge_{name}_t", keep)
    function = library()[f"edge_{name}"]
    function.restype = None
    given = [ctypes.c_void_p(a.address) if isinstance(a, Buffer) else a for a in arguments]
    function(ctypes.byref(params), *given)
    for argument in arguments:
        if isinstance(argument, Buffer):
            argument.check()


@bounded
@given(st.integers(1, 50), st.integers(1, 12), st.integers(0, 20), seeds)
def test_push(size, frames, count, seed):
    """After any number of frames the state holds the last of them, the oldest first."""
    stream = random_bytes(np.random.default_rng(seed), (frames + count, size))
    state = Buffer(frames * size, stream[:frames])
    for frame in stream[frames:]:
        pushed = Buffer(size, frame)
        call("push", {"kept": (frames - 1) * size, "pushed": size}, pushed, state)
        np.testing.assert_array_equal(pushed.bytes, frame)
    np.testing.assert_array_equal(state.bytes.reshape(frames, size), stream[count:])


@bounded
@given(st.integers(1, 120), st.integers(1, 21), zero_points, seeds)
def test_sliding_mean(frames, channels, zero_point, seed):
    """Before the first frame all are at the zero point; from there on sums are those anew."""
    rng = np.random.default_rng(seed)
    scaling = Scaling(rng, channels, frames)
    weights = random_bytes(rng, (channels,))
    ring = Buffer(frames * channels, np.full(frames * channels, zero_point, np.int8))
    counts = Buffer(4 * (channels + 1), np.zeros(channels + 1, np.int32))
    fields = {**scaling.before(weights), "frames": frames, "channels": channels}
    stream = random_bytes(rng, (2 * frames + 5, channels))
    past = np.full((frames, channels), zero_point)
    for frame in stream:
        past = np.concatenate([past[1:], frame[np.newaxis]])
        out = Buffer(channels)
        arguments = (Buffer(channels, frame), out, ring, counts)
        call("sliding_mean", {**fields, **scaling.after()}, *arguments)
        sums = (past.astype(np.int64) - zero_point).sum(axis=0) * weights
        np.testing.assert_array_equal(out.bytes, scaling.outputs(sums))


def test_a_sliding_mean_does_not_drift_over_thousands_of_frames():
    """Its sums stay those of the frames in the ring, also after long stretches at both ends."""
    rng = np.random.default_rng(0)
    frames, channels, zero_point = 101, 6, -37
    scaling = Scaling(rng, channels, frames)
    scaling.low, scaling.high = -128, 127
    weights = rng.integers(60, 128, channels).astype(np.int8)
    ring = Buffer(frames * channels, np.full(frames * channels, zero_point, np.int8))
    counts = Buffer(4 * (channels + 1), np.zeros(channels + 1, np.int32))
    fields = {**scaling.before(weights), "frames": frames, "channels": channels}
    parts = [
        rng.integers(-128, 128, (4_000, channels)),
        np.full((1_000, channels), 127),
        np.full((1_000, channels), -128),
        rng.integers(-128, 128, (4_000, channels)),
    ]
    stream = np.concatenate(parts).astype(np.int8)
    padded = np.concatenate([np.full((frames, channels), zero_point), stream]).astype(np.int64)
    totals = np.cumsum(padded - zero_point, axis=0)
    wanted = scaling.outputs((totals[frames:] - totals[:-frames]) * weights)
    x, out = Buffer(channels), Buffer(channels)
    keep: list[Any] = []  # what the struct points to
    params = make_struct({**fields, **scaling.after()}, "edge_sliding_mean_t", keep)
    addresses = [ctypes.c_void_p(each.address) for each in (x, out, ring, counts)]
    for frame, expected in zip(stream, wanted, strict=True):
        x.bytes[:] = frame
        library().edge_sliding_mean(ctypes.byref(params), *addresses)
        np.testing.assert_array_equal(out.bytes, expected)
    oldest, *sums = counts.bytes.view(np.int32)
    assert oldest == len(stream) % frames
    np.testing.assert_array_equal(sums, totals[-1] - totals[-1 - frames])
    in_order = np.roll(ring.bytes.reshape(frames, channels), -oldest, axis=0)
    np.testing.assert_array_equal(in_order, stream[-frames:])


@bounded
@given(st.integers(1, 30), st.integers(1, 23), seeds)
def test_row_sum_of_one_pixel(taps, channels, seed):
    """With and without a table; channel counts are seldom a multiple of 4."""
    rng = np.random.default_rng(seed)
    scaling = Scaling(rng, channels, taps)
    weights = random_bytes(rng, (taps, channels))
    values = random_bytes(rng, (taps, channels))
    rows = [Buffer(channels, row) for row in values]
    places = (ctypes.c_void_p * taps)(*(row.address for row in rows))
    out = Buffer(channels)
    fields = {**scaling.before(weights), "taps": taps, "width": 1, "channels": channels}
    call("row_sum", {**fields, **scaling.after()}, places, out)
    sums = (weights.astype(np.int64) * values).sum(axis=0)
    np.testing.assert_array_equal(out.bytes, scaling.outputs(sums))


@bounded
@given(st.integers(1, 70), st.integers(1, 24), st.booleans(), seeds)
def test_pointwise_of_one_pixel(depth, channels, in_place, seed):
    """In place where there is room: each output needs all inputs."""
    rng = np.random.default_rng(seed)
    scaling = Scaling(rng, channels, depth)
    weights, pixel = random_bytes(rng, (channels, depth)), random_bytes(rng, (depth,))
    x = Buffer(depth, pixel)
    in_place = in_place and channels <= depth
    out = x if in_place else Buffer(channels)
    fields = {
        **scaling.before(weights),
        "in_row": depth,
        "out_row": channels,
        "rows": 1,
        "width": 1,
        "in_channels": depth,
        "out_channels": channels,
        **scaling.after(),
        "group": 6,
        "is_positive": 0,
    }
    call("pointwise", fields, x, out, Buffer(8 * depth))  # see edge_kernels.h
    sums = weights.astype(np.int64) @ pixel
    np.testing.assert_array_equal(out.bytes[:channels], scaling.outputs(sums))
    left = channels if in_place else 0
    np.testing.assert_array_equal(x.bytes[left:], pixel[left:])
