"""Models that remember, as plain C: frame by frame the bytes of the interpreters."""

import ctypes
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflite_model
from edge_tf.conversion import int8
from edge_tf.conversion.tflite import streaming
from edge_tf.engines.streaming import Int8Frames
from firmware_export.boards import clips, programs
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, passes
from firmware_export.standalone.ops.push import Push
from firmware_export.standalone.ops.sliding_mean import SlidingMean
from firmware_export.standalone.ops.variables import AssignVariable
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone import host
from tests.firmware_export.standalone.model_builder import VALID, Builder
from tests.firmware_export.standalone.passes_test import LIKE, Model

FRAMES = 260


class Stream(host.Host):
    """One compiled model of the streaming form."""

    def push(self, frames: np.ndarray) -> np.ndarray:
        """Takes int8 [n, input size]; gives [n, output size]."""
        ((_, output),) = self._outputs
        logits = np.zeros((len(frames), output.size), np.int8)
        for frame, result in zip(np.ascontiguousarray(frames), logits, strict=True):
            self.library.model_push_frame(
                ctypes.c_void_p(frame.ctypes.data), ctypes.c_void_p(result.ctypes.data)
            )
        return logits

    def reset(self) -> None:
        self.library.model_reset()


class LiteRT:
    """LiteRT's reference kernels: all inputs to all outputs."""

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert import interpreter as litert

        self._interpreter = litert.Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
        )
        self._interpreter.allocate_tensors()

    def __call__(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        for given, values in zip(self._interpreter.get_input_details(), inputs, strict=True):
            self._interpreter.set_tensor(given["index"], values)
        self._interpreter.invoke()
        results = self._interpreter.get_output_details()
        return [self._interpreter.get_tensor(one["index"]) for one in results]


def reference(model: bytes, frames: np.ndarray) -> np.ndarray:
    """Outputs of a file of the streaming form, [n, ...], as one row each."""
    logits = Int8Frames(tflite_model.parse(model), LiteRT(model)).push(frames)
    return logits.reshape(len(frames), -1)


def sounds(count: int, seed: int = 0) -> np.ndarray:
    """int8 [count, 40] of a spectrum that changes every few frames: so do the logits."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 60, (count // 12 + 1, 40)) + rng.normal(0, 50, (count // 12 + 1, 1))
    frames = np.repeat(levels, 12, axis=0)[:count] + rng.normal(0, 25, (count, 40))
    return np.clip(frames, -128, 127).astype(np.int8)


def random_frames(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (count, size)).astype(np.int8)


class WindowModel(Model):
    """Whole-window graphs by hand, of ops that have a streaming form; all of one quantization."""

    def over_time(
        self, x: int, width: int, dilation: int = 1, ahead: int = 0, rows: int = 1
    ) -> int:
        """A depthwise convolution behind its padding, its dilation written out as zeros."""
        extent = (width - 1) * dilation + 1
        x = self.pad(x, (0, 0), (0, 0), (extent - 1 - ahead, ahead), (0, 0))
        shape = (1, rows, extent, self.shape_of(x)[3])
        weights = self.rng.integers(-90, 90, shape).astype(np.int8)
        weights[:, :, np.arange(extent) % dilation > 0] = 0
        return self.depthwise(x, weights=weights, padding=VALID, like=LIKE)

    def stem(self, channels: int, ahead: int = 0) -> int:
        """A convolution over 3 frames and every second of 5 rows, behind padding on all sides."""
        x = self.pad(self.input, (0, 0), (2, 2), (2 - ahead, ahead), (0, 0))
        _, rows, frames, depth = self.shape_of(x)
        weights = self.rng.integers(-90, 90, (channels, 5, 3, depth)).astype(np.int8)
        shape = (1, (rows - 5) // 2 + 1, frames - 2, channels)
        return self.weighted("CONV_2D", x, weights, 0, shape, (2, 1), VALID, LIKE)

    def pointwise(self, x: int, channels: int) -> int:
        depth = self.shape_of(x)[3]
        weights = self.rng.integers(-127, 128, (channels, 1, 1, depth)).astype(np.int8)
        shape = (*self.shape_of(x)[:3], channels)
        return self.weighted("CONV_2D", x, weights, 0, shape, (1, 1), VALID, LIKE)

    def join(self, *parts: int) -> int:
        rows = sum(self.shape_of(part)[1] for part in parts)
        shape = (1, rows, *self.shape_of(parts[0])[2:])
        return self.op("CONCATENATION", list(parts), shape, axis=1)

    def mean(self, x: int, weight: int = 3) -> int:
        """Over all rows, then over the window."""
        _, rows, frames, channels = self.shape_of(x)
        if rows > 1:
            weights = np.full((1, rows, 1, channels), 127 // rows, np.int8)
            x = self.depthwise(x, weights=weights, padding=VALID, like=LIKE)
        weights = np.full((1, 1, frames, channels), weight, np.int8)
        return self.depthwise(x, weights=weights, padding=VALID, like=LIKE)

    def end(self, x: int, classes: int) -> bytes:
        x = self.pointwise(x, classes)
        return self.builder.finish([self.input], [self.reshape(x, 1, classes)])


def random_window_model(seed: int) -> bytes:
    """A chain of what BC-ResNet is made of, in any order, with few channels and rows."""
    model = WindowModel((1, int(np.random.default_rng(seed).integers(2, 8)), 13, 1))
    rng = model.rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 7))
    if seed % 2:
        x = model.stem(channels, ahead=int(rng.integers(0, 2)))
    else:
        x = model.pointwise(model.input, channels)
    for _ in range(int(rng.integers(2, 6))):
        _, rows, _, channels = model.shape_of(x)
        kind = rng.choice(["own", "block", "pixels", "swish", "rows"])
        width, dilation = int(rng.integers(2, 4)), int(rng.integers(1, 4))
        ahead = int(rng.integers(0, 3)) if rng.random() < 0.4 else 0
        ahead = min(ahead, (width - 1) * dilation)
        if kind == "own":
            x = model.over_time(x, width, dilation, ahead)
        elif kind == "block":
            line = model.depthwise(x, (rows, 1), padding=VALID, like=LIKE)
            line = model.op("HARD_SWISH", [model.over_time(line, width, dilation, ahead)])
            both = model.join(x, model.pointwise(line, channels))
            x = model.depthwise(both, (2, 1), padding=VALID, like=LIKE)
        elif kind == "pixels":
            x = model.pointwise(x, int(rng.integers(1, 10)))
        elif kind == "swish":
            x = model.op("HARD_SWISH", [x])
        elif rows > 2:
            x = model.over_time(x, width, 1, 0, rows=int(rng.integers(2, rows + 1)))
    return model.end(model.mean(x), int(rng.integers(2, 6)))


def stream_of(model: bytes) -> bytes:
    return streaming.rewrite(model).data


@pytest.fixture(scope="module")
def bc_resnet() -> bytes:
    """The streaming form of a BC-ResNet of 2 to 8 channels that looks 9 frames ahead."""
    import tf_keras

    from edge_tf.models import bc_resnet
    from tests.edge_tf.conversion.conversion_fixtures import randomize

    tf_keras.utils.set_random_seed(3)
    model = bc_resnet.build(0.25, 5, lookahead=9)
    noise = np.random.default_rng(3).normal(0, 2, (6, 40, 101, 1)).astype(np.float32)
    for _ in range(30):  # norms get the statistics of these clips, so that logits differ
        model(noise, training=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "_CALIBRATION_STRIDES", (1,))
        return stream_of(int8.convert(randomize(model), noise))


@pytest.fixture(scope="module")
def small() -> bytes:
    """A whole-window model with all that remembers: convolutions, a tail, a path that waits."""
    model = WindowModel((1, 8, 21, 1))
    x = model.pointwise(model.input, 3)
    x = model.over_time(x, 3, ahead=1)
    line = model.depthwise(x, (8, 1), padding=VALID, like=LIKE)
    line = model.pointwise(model.over_time(line, 3, 4, ahead=2), 3)
    x = model.depthwise(model.join(x, line), (5, 1), padding=VALID, like=LIKE)
    x = model.pointwise(model.over_time(x, 5, rows=5), 6)
    return model.end(model.mean(x), 4)


def check_places(compiled: compiler.Compiled) -> None:
    """No byte of a state is anything else's at any time."""
    blocks = {id(b.tensor): b for b in compiled.plan.blocks if b.tensor is not None}
    states = [blocks[id(state)] for state in compiled.graph.states]
    assert states
    for state, other in itertools.product(states, compiled.plan.blocks):
        if other is not state:
            assert state.end <= other.offset or other.end <= state.offset, other.name
    for state in states:
        assert (state.first, state.last) == (-1, compiled.plan.ops)
    kept = {id(state) for state in compiled.graph.states}
    for op in compiled.graph.ops:
        if not isinstance(op, (Push, AssignVariable)):
            assert id(op.output.storage()[0]) not in kept, f"{op.source} writes to a state"


class TestOnTheHost:
    def test_a_long_stream(self, bc_resnet):
        frames = sounds(FRAMES)
        wanted = reference(bc_resnet, frames)
        assert len(np.unique(wanted, axis=0)) > FRAMES // 2
        compiled = compiler.compile(bc_resnet, streaming=True)
        check_places(compiled)
        program = Stream(compiled)
        np.testing.assert_array_equal(program.push(frames), wanted)
        program.reset()
        np.testing.assert_array_equal(program.push(frames[:120]), wanted[:120])

    @pytest.mark.parametrize("chosen", [(), ("views", "in_place"), ("row_sums",)], ids=str)
    def test_with_other_passes(self, bc_resnet, chosen):
        frames = sounds(130, seed=1)
        compiled = compiler.compile(bc_resnet, passes_to_run=chosen, streaming=True)
        check_places(compiled)
        got = Stream(compiled, ["-O0"]).push(frames)
        np.testing.assert_array_equal(got, reference(bc_resnet, frames))

    def test_the_first_frame_begins_anew_by_itself(self, small):
        """With or without model_reset() before it, and again after any number of frames."""
        model, frames = stream_of(small), random_frames(30, 8)
        compiled = compiler.compile(model, streaming=True)
        untouched, reset = Stream(compiled), Stream(compiled)
        reset.reset()
        wanted = reference(model, frames)
        for program in (untouched, reset):
            np.testing.assert_array_equal(program.push(frames), wanted)
            for count in (1, 25):
                program.push(random_frames(count, 8, seed=count))
                assert (program.push(frames) != wanted).any()
                program.reset()
                np.testing.assert_array_equal(program.push(frames), wanted)

    def test_invoke_on_the_input_is_the_same(self, small):
        """As model.h says what model_push_frame() does."""
        model, frames = stream_of(small), random_frames(30, 8)
        program = Stream(compiler.compile(model, streaming=True))
        program.reset()
        got = np.stack([program(frame)[0].reshape(-1) for frame in frames])
        np.testing.assert_array_equal(got, reference(model, frames))

    @pytest.mark.parametrize("seed", range(10))
    def test_random_models(self, seed):
        window = random_window_model(seed)
        model = stream_of(window)
        info = tflite_model.parse(model)
        frames = random_frames(40, info.inputs[0].byte_size, seed)
        wanted = reference(model, frames)
        chosen = np.random.default_rng(seed).random(len(passes.ALL)) < 0.6
        some = [name for name, is_on in zip(passes.ALL, chosen, strict=True) if is_on]
        for names in (passes.ALL, some):
            compiled = compiler.compile(info, passes_to_run=names, streaming=True)
            check_places(compiled)
            np.testing.assert_array_equal(Stream(compiled, ["-O0"]).push(frames), wanted)

    @pytest.mark.parametrize("op", ["HARD_SWISH", "CONV_2D"])
    @pytest.mark.parametrize("rows", [2, 40])
    def test_a_kernel_may_not_write_over_a_state_that_it_reads(self, op, rows):
        """A delayed frame lies in its state; a kernel that works in place must leave it there."""
        builder = Builder()
        x = builder.activation((1, rows, 1, 3), *LIKE)
        past, following = (builder.activation((1, rows, 2, 3), *LIKE) for _ in range(2))
        joined = builder.activation((1, rows, 3, 3), *LIKE)
        late, y = (builder.activation((1, rows, 1, 3), *LIKE) for _ in range(2))
        builder.op("CONCATENATION", [past, x], joined, axis=2)
        sizes = [builder.numbers(1, rows, n, 3) for n in (1, 2)]
        builder.op("SLICE", [joined, builder.numbers(0, 0, 0, 0), sizes[0]], late)
        builder.op("SLICE", [joined, builder.numbers(0, 0, 1, 0), sizes[1]], following)
        if op == "CONV_2D":
            weights = np.random.default_rng(0).integers(-127, 128, (3, 1, 1, 3)).astype(np.int8)
            w = builder.constant(weights, [0.01] * 3)
            bias = builder.constant(np.zeros(3, np.int32))
            builder.op(op, [late, w, bias], y, padding=VALID, stride_h=1, stride_w=1)
        else:
            builder.op(op, [late], y)
        model = builder.finish([x, past], [y, following])
        compiled = compiler.compile(model, streaming=True)
        check_places(compiled)
        frames = random_frames(12, 3 * rows)
        np.testing.assert_array_equal(Stream(compiled).push(frames), reference(model, frames))

    @pytest.mark.parametrize("frame", [0, 1, 2])
    @pytest.mark.parametrize("row", [0, 2])
    def test_some_rows_of_any_frame_of_a_state(self, frame, row):
        builder = Builder()
        x = builder.activation((1, 5, 1, 3), *LIKE)
        past, following = (builder.activation((1, 5, 2, 3), *LIKE) for _ in range(2))
        joined = builder.activation((1, 5, 3, 3), *LIKE)
        part, y = (builder.activation((1, 3, 1, 3), *LIKE) for _ in range(2))
        builder.op("CONCATENATION", [past, x], joined, axis=2)
        where = [builder.numbers(0, row, frame, 0), builder.numbers(1, 3, 1, 3)]
        builder.op("SLICE", [joined, *where], part)
        where = [builder.numbers(0, 0, 1, 0), builder.numbers(1, 5, 2, 3)]
        builder.op("SLICE", [joined, *where], following)
        builder.op("HARD_SWISH", [part], y)
        model, frames = builder.finish([x, past], [y, following]), random_frames(9, 15)
        compiled = compiler.compile(model, streaming=True)
        check_places(compiled)
        np.testing.assert_array_equal(Stream(compiled).push(frames), reference(model, frames))


@pytest.mark.firmware
@pytest.mark.parametrize("name", ["host", "cortex-m4", "cortex-m55", "rv32"])
def test_a_long_stream_on_boards(bc_resnet, name, tmp_path: Path):
    """Two streams: each begins anew, whatever the one before has left."""
    frames = np.stack([sounds(FRAMES, seed) for seed in (2, 3)])
    built = programs.build(bc_resnet, usable(name), tmp_path, streaming=True)
    result = clips.run_features(built, frames, tmp_path / "run", every=1, count=False)
    wanted = np.concatenate([reference(bc_resnet, stream) for stream in frames])
    np.testing.assert_array_equal(result.logits, wanted)


@pytest.mark.firmware
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55"])
def test_random_models_on_boards(name, seed, tmp_path: Path):
    model = stream_of(random_window_model(100 + seed))
    size = tflite_model.parse(model).inputs[0].byte_size
    frames = random_frames(40, size, seed)
    built = programs.build(model, usable(name), tmp_path, streaming=True)
    result = clips.run_features(built, frames[np.newaxis], tmp_path / "run", every=1, count=False)
    np.testing.assert_array_equal(result.logits, reference(model, frames))


class TestWhatIsMade:
    def test_states_are_no_inputs_and_no_outputs(self, small):
        compiled = compiler.compile(stream_of(small), streaming=True)
        assert len(compiled.graph.inputs) == len(compiled.graph.outputs) == 1
        header = compiled.files["model.h"]
        assert "void model_reset(void);" in header
        assert "void model_push_frame(const int8_t *features, int8_t *logits);" in header
        assert "#define MODEL_INPUT_SIZE 8\n" in header
        assert "#define MODEL_OUTPUT_SIZE 4\n" in header

    def test_a_whole_window_model_has_none_of_it(self, small):
        compiled = compiler.compile(small)
        assert not compiled.graph.states
        assert "model_reset" not in compiled.files["model.h"] + compiled.files["model.c"]

    def test_past_frames_are_pushed_and_the_mean_is_not_computed_anew(self, small):
        compiled = compiler.compile(stream_of(small), streaming=True)
        kinds = [type(op).__name__ for op in compiled.graph.ops]
        # Two convolutions over time, the tail, and the path that waits for one of them.
        assert kinds.count("Push") == 4 and kinds.count("SlidingMean") == 1
        assert "Concat" not in kinds and "Slice" not in kinds
        assert {"edge_push.c", "edge_sliding_mean.c"} <= set(compiled.files)

    def test_states_are_no_larger_than_what_is_remembered(self, small):
        """One frame more each, the newest, and what the mean counts."""
        model = stream_of(small)
        info = tflite_model.parse(model)
        compiled = compiler.compile(model, streaming=True)
        past = sum(t.byte_size for t in info.inputs[1:])
        newest = sum(t.byte_size // t.shape[2] for t in info.inputs[1:])
        counts = 4 * (6 + 1)
        assert sum(state.size for state in compiled.graph.states) == past + newest + counts

    def test_one_more_frame_costs_as_much_as_any(self, small):
        """A mean over ten times the frames adds memory for them, and no op."""
        model = WindowModel((1, 4, 200, 1))
        longer = stream_of(model.end(model.mean(model.pointwise(model.input, 6), 1), 4))
        kinds = [type(op).__name__ for op in compiler.compile(longer, streaming=True).graph.ops]
        assert kinds.count("SlidingMean") == 1 and len(kinds) < 6


def test_the_mean_does_not_drift():
    """Thousands of frames at both ends of the range, against the mean computed anew."""
    window, channels = 17, 5
    model = WindowModel((1, 1, window, channels))
    data = stream_of(model.end(model.mean(model.input, 90), 3))
    rng = np.random.default_rng(0)
    frames = np.concatenate(
        [
            rng.integers(-128, 128, (1500, channels)),
            np.full((100, channels), -128),
            rng.choice([-128, 127], (1500, channels)),
            np.full((100, channels), 127),
            rng.integers(-128, 128, (1500, channels)),
        ]
    ).astype(np.int8)
    compiled = compiler.compile(data, streaming=True)
    assert any(isinstance(op, SlidingMean) for op in compiled.graph.ops)
    got = Stream(compiled).push(frames)
    np.testing.assert_array_equal(got, reference(data, frames))
    assert len(np.unique(got)) > 20


class Refused:
    """One state around one op, with anything that can be wrong about it."""

    def __init__(self, **wrong: Any) -> None:
        self.begin: Sequence[int] = wrong.get("begin", (0, 0, 1, 0))
        self.axis: int = wrong.get("axis", 2)
        self.past: Sequence[int] = wrong.get("past", (1, 2, 2, 3))
        self.following: Sequence[int] = wrong.get("following", self.past)
        self.frames: int = wrong.get("frames", 1)
        self.read_again: bool = wrong.get("read_again", False)
        self.swapped: bool = wrong.get("swapped", False)
        self.reader: str = wrong.get("reader", "SLICE")

    def model(self) -> bytes:
        builder = Builder()
        x = builder.activation((1, 2, self.frames, 3), *LIKE)
        past = builder.activation(self.past, *LIKE)
        following = builder.activation(self.following, *LIKE)
        whole = [max(a, b) for a, b in zip(self.past, (1, 2, self.frames, 3), strict=True)]
        whole[self.axis] = self.past[self.axis] + (1, 2, self.frames, 3)[self.axis]
        joined = builder.activation(whole, *LIKE)
        parts = [x, past] if self.swapped else [past, x]
        builder.op("CONCATENATION", parts, joined, axis=self.axis)
        if self.reader == "SLICE":
            y = builder.activation((1, 2, 1, 3), *LIKE)
            where = [builder.numbers(0, 0, 0, 0), builder.numbers(1, 2, 1, 3)]
            builder.op("SLICE", [joined, *where], y)
        else:
            y = builder.activation(whole, *LIKE)
            builder.op(self.reader, [joined], y)
        where = [builder.numbers(*self.begin), builder.numbers(*self.following)]
        builder.op("SLICE", [joined, *where], following)
        if self.read_again:
            z = builder.activation(self.past, *LIKE)
            builder.op("HARD_SWISH", [past], z)
        return builder.finish([x, past], [y, following])


class TestRefusals:
    def refused(self, model: bytes) -> str:
        with pytest.raises(ExportError) as caught:
            compiler.compile(model, streaming=True)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_the_base_of_these_is_not(self):
        model, frames = Refused().model(), random_frames(9, 6)
        program = Stream(compiler.compile(model, streaming=True))
        np.testing.assert_array_equal(program.push(frames), reference(model, frames))

    def test_a_whole_window_model(self, small):
        assert self.refused(small) == (
            "the model has 1 inputs and 1 outputs: this is not the streaming form; see convert"
        )

    def test_two_inputs_and_one_output(self):
        builder = Builder()
        a, b, c = (builder.activation((1, 6), 0.1) for _ in range(3))
        builder.op("ADD", [a, b], c)
        assert "2 inputs and 1 outputs" in self.refused(builder.finish([a, b], [c]))

    def test_inputs_that_are_no_states(self):
        builder = Builder()
        a, b, c, d = (builder.activation((1, 6), 0.1) for _ in range(4))
        builder.op("ADD", [a, b], c)
        builder.op("MUL", [a, c], d)
        assert "'t1' is not a state" in self.refused(builder.finish([a, b], [c, d]))

    def test_several_frames_at_a_time(self, small):
        message = self.refused(streaming.rewrite(small, frames=4).data)
        assert "'state_0' is not a state of the streaming form, which joins one" in message

    @pytest.mark.parametrize(
        "wrong",
        [
            {"begin": (0, 0, 0, 0)},
            {"begin": (0, 1, 1, 0), "following": (1, 1, 2, 3)},
            {"following": (1, 2, 1, 3)},
            {"following": (1, 1, 2, 3)},
            {"following": (1, 2, 2, 2)},
            {"axis": 1, "past": (1, 2, 1, 3), "begin": (0, 1, 0, 0)},
            {"axis": 3, "past": (1, 2, 1, 3), "begin": (0, 0, 0, 1)},
            {"frames": 2},
            {"read_again": True},
            {"swapped": True},
        ],
        ids=str,
    )
    def test_states_that_are_joined_or_handed_on_otherwise(self, wrong):
        assert "is not a state of the streaming form" in self.refused(Refused(**wrong).model())

    def test_an_op_that_reads_past_frames_and_has_no_kernel(self):
        message = self.refused(Refused(reader="HARD_SWISH").model())
        assert message.startswith("op 1 HARD_SWISH reads past frames")

    def test_a_mean_of_sums_that_are_too_large(self):
        model = WindowModel((1, 1, 9, 2))
        weights = np.full((1, 1, 9, 2), 100, np.int8)
        w = model.builder.constant(weights, [0.01, 0.01], axis=3)
        # Sums may wrap. With a bias of 2^30 they do not: the output saturates, which is proven.
        bias = model.builder.constant(np.full(2, (1 << 31) - 1, np.int32))
        y = model.builder.activation((1, 1, 1, 2), *LIKE)
        options = {"padding": VALID, "stride_h": 1, "stride_w": 1, "depth_multiplier": 1}
        model.builder.op("DEPTHWISE_CONV_2D", [model.input, w, bias], y, **options)
        message = self.refused(stream_of(model.end(y, 2)))
        assert "has sums that are too large for a mean of a stream" in message
