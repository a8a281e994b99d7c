"""The streaming form of an int8 model: frame by frame the bytes of the whole-window file."""

import dataclasses
import importlib

import numpy as np
import pytest
import tf_keras as keras

import tflite_model
from edge_tf.conversion import int8
from edge_tf.conversion.tflite import streaming
from edge_tf.engines.streaming import Int8Frames, tflite_micro_frames
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet
from tests import shared
from tests.edge_tf.conversion.conversion_fixtures import block_model, features, randomize
from tests.firmware_export.standalone.model_builder import SAME, VALID, Builder
from tests.firmware_export.standalone.states_test import LiteRT
from tflite_model.info import ModelInfo

BANDS, WINDOW, CLASSES, FRAMES = 40, 101, 5, 300
# Frames before its own that a logit depends on: kernels of 5, 3 and 5 frames, the blocks' dilated
# 1, 2, 4, 8 in 2, 2, 4, 4 of them; and the mean.
FIELD = 4 + 2 * (2 * 1 + 2 * 2 + 4 * 4 + 4 * 8) + 4 + WINDOW
LIKE = (0.05, 3)


@dataclasses.dataclass(frozen=True)
class Converted:
    """A BC-ResNet with 2 to 8 channels, not a multiple of 4 in most layers.

    Attributes:
      lookahead: of the model.
      data: its whole-window file.
      stream: int8 [BANDS, FRAMES], see `sounds`.
      logits: int8 [FRAMES, CLASSES] of its streaming form, a frame at a time in LiteRT.
      lines: int8 [FRAMES, channels], what the mean at the end is over, likewise.
    """

    lookahead: int
    data: bytes
    stream: np.ndarray
    logits: np.ndarray
    lines: np.ndarray


def sounds(frames: int, seed: int) -> np.ndarray:
    """int8 [BANDS, frames] of a spectrum that changes every few frames: so do the logits."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 60, (BANDS, frames // 12 + 1)) + rng.normal(0, 50, frames // 12 + 1)
    stream = np.repeat(levels, 12, axis=1)[:, :frames] + rng.normal(0, 25, (BANDS, frames))
    return np.clip(stream, -128, 127).astype(np.int8)


def _converted(lookahead: int) -> Converted:
    keras.utils.set_random_seed(lookahead)
    model = bc_resnet.build(0.25, CLASSES, (BANDS, WINDOW, 1), lookahead=lookahead)
    rng = np.random.default_rng(lookahead)
    clips = rng.normal(0, 2, (6, BANDS, WINDOW, 1)).astype(np.float32)
    for _ in range(30):  # norms get the statistics of these clips, so that logits differ
        model(clips, training=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "_CALIBRATION_STRIDES", (1,))
        data = int8.convert(randomize(model), clips)
    stream = sounds(FRAMES, lookahead)
    form = streaming.rewrite(data)
    info, interpreter = tflite_model.parse(form.data), LiteRT(form.data)
    states = first_states(info)
    logits, lines = [], []
    for frame in stream.T:
        row, *states = interpreter([frame.reshape(info.inputs[0].shape), *states])
        logits.append(row[0])
        lines.append(states[-1][0, 0, -1])
    return Converted(lookahead, data, stream, np.stack(logits), np.stack(lines))


def first_states(info: ModelInfo) -> list[np.ndarray]:
    return [np.full(t.shape, t.zero_points[0], np.int8) for t in info.inputs[1:]]


@pytest.fixture(scope="module")
def causal() -> Converted:
    return _converted(0)


@pytest.fixture(scope="module")
def ahead() -> Converted:
    """Stem, tail and the last block read future frames, so paths are delayed for others."""
    return _converted(9)


@pytest.fixture(params=["causal", "ahead"])
def converted(request) -> Converted:
    return request.getfixturevalue(request.param)


def litert_frames(model: bytes) -> Int8Frames:
    return Int8Frames(tflite_model.parse(model), LiteRT(model))


def window_logits(model: bytes, frames: np.ndarray) -> np.ndarray:
    """The output of one call on int8 [BANDS, n] frames."""
    return LiteRT(model)([frames[np.newaxis, :, :, np.newaxis]])[0]


def widened(data: bytes, frames: int) -> bytes:
    """The whole-window file for a longer window, its padding as it was; the mean slides over it.

    Its second output is what the mean is over. Made without `streaming`: sizes are changed, and
    constants that have a value for each frame.
    """
    schema = importlib.import_module("tensorflow.lite.python.schema_py_generated")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data), 0))
    (graph,) = model.subgraphs
    kinds = schema.BuiltinOperator

    def replace(index: int, change) -> None:
        """Gives a constant a separate buffer with changed values."""
        tensor = graph.tensors[index]
        kind = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}[tensor.type]
        raw = bytes(bytearray(model.buffers[tensor.buffer].data))
        values = change(np.frombuffer(raw, kind).reshape(tensor.shape).copy())
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer, tensor.shape = len(model.buffers) - 1, list(values.shape)

    def wider(values: np.ndarray) -> np.ndarray:
        if values.ndim == 4 and values.shape[2] == WINDOW:
            assert (values == values[:, :, :1]).all()
            return np.repeat(values[:, :, :1], frames, axis=2)
        return values

    def longer(size: np.ndarray) -> np.ndarray:
        return np.where(np.arange(4) == 2, frames, size).astype(np.int32)

    flat = np.array([frames - WINDOW + 1, CLASSES], np.int32)
    written = {int(op.outputs[0]) for op in graph.operators} | {int(graph.inputs[0])}
    for index in written:
        tensor = graph.tensors[index]
        tensor.shape = [frames if size == WINDOW else int(size) for size in tensor.shape]
        tensor.shapeSignature = None
    seen: set[int] = set()
    for op in graph.operators:
        code = model.operatorCodes[op.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        constants = [int(i) for i in op.inputs if int(i) not in written and int(i) not in seen]
        seen |= set(constants)
        if kind == kinds.CONCATENATION:
            for index in constants:
                replace(index, wider)
        elif kind == kinds.SLICE and int(op.inputs[2]) in constants:
            replace(int(op.inputs[2]), longer)
        elif kind == kinds.DEPTHWISE_CONV_2D:
            if graph.tensors[op.inputs[1]].shape[2] == WINDOW:
                op.builtinOptions.strideW = 1
                graph.outputs = [*graph.outputs, op.inputs[0]]
        elif kind == kinds.RESHAPE:
            if op.builtinOptions is not None:
                op.builtinOptions.newShape = flat
            replace(int(op.inputs[1]), lambda _: flat)
    builder = importlib.import_module("flatbuffers").Builder(2 * len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_after_a_whole_window_the_bytes_are_those_of_the_window_file(causal):
    assert streaming.rewrite(causal.data).delay == 0
    wanted = window_logits(causal.data, causal.stream[:, :WINDOW])[0]
    np.testing.assert_array_equal(causal.logits[WINDOW - 1], wanted)
    assert len(np.unique(causal.logits, axis=0)) > FRAMES // 2, "logits follow the stream"


def test_after_a_reset_any_window_gives_its_logits(causal):
    frames = litert_frames(streaming.rewrite(causal.data).data)
    for begin in (17, 150):
        part = causal.stream[:, begin : begin + WINDOW]
        frames.reset()
        np.testing.assert_array_equal(frames.push(part.T)[-1], window_logits(causal.data, part)[0])


def test_without_states_it_is_the_window_form_for_any_window(causal):
    part = causal.stream[:, :WINDOW]
    same = streaming.rewrite(causal.data, WINDOW, remember=False)
    logits = window_logits(same.data, part)
    assert logits.shape == (WINDOW, CLASSES)
    np.testing.assert_array_equal(logits[-1], window_logits(causal.data, part)[0])
    np.testing.assert_array_equal(logits, causal.logits[:WINDOW])


def test_every_frame_is_that_of_the_window_file_made_longer(converted):
    """Including future frames: `.delay` frames later, the logits of a longer window.

    The last frames of the longer window see its padding on the right, which no stream has; with
    a look-ahead, the first ones see one on the left, where a stream has begun with frames late.
    """
    delay = streaming.rewrite(converted.data).delay
    assert delay == converted.lookahead
    given = converted.stream[np.newaxis, :, :, np.newaxis]
    logits, lines = LiteRT(widened(converted.data, FRAMES))([given])
    first = FIELD - WINDOW if delay else 0
    np.testing.assert_array_equal(
        converted.lines[first + delay :], lines[0, 0, first:][: FRAMES - delay - first]
    )
    wanted = logits[first : len(logits) - delay]
    np.testing.assert_array_equal(converted.logits[first + WINDOW - 1 + delay :], wanted)
    assert len(np.unique(converted.lines, axis=0)) > 0.9 * FRAMES


def test_every_frame_matches_a_window_that_contains_all_it_depends_on(converted):
    form = streaming.rewrite(converted.data, FIELD, remember=False)
    interpreter = LiteRT(form.data)
    for end in range(FIELD, FRAMES + 1, 11):
        part = converted.stream[np.newaxis, :, end - FIELD : end, np.newaxis]
        np.testing.assert_array_equal(interpreter([part])[0][-1], converted.logits[end - 1])


def test_tflite_micro_returns_the_same_bytes(converted):
    shared.need_tflite_micro()
    frames = tflite_micro_frames(streaming.rewrite(converted.data).data)
    np.testing.assert_array_equal(frames.push(converted.stream.T), converted.logits)
    frames.reset()
    np.testing.assert_array_equal(frames.push(converted.stream[:, :20].T), converted.logits[:20])


@pytest.mark.parametrize("size", [4, 150])
def test_blocks_of_frames_agree_with_single_ones(converted, size):
    """Including a block longer than all states together."""
    model = streaming.rewrite(converted.data, frames=size).data
    info, interpreter = tflite_model.parse(model), LiteRT(model)
    states, found = first_states(info), []
    for at in range(0, FRAMES, size):
        block = converted.stream[np.newaxis, :, at : at + size, np.newaxis]
        logits, *states = interpreter([block, *states])
        found.append(logits)
    np.testing.assert_array_equal(np.concatenate(found), converted.logits)


def test_the_file_meets_the_rules_of_conversion(converted):
    int8.check(streaming.rewrite(converted.data).data)


def test_a_state_has_the_quantization_of_what_it_remembers(converted):
    """So its bytes join new ones unchanged; before the first frame it is all zero points."""
    info = tflite_model.parse(streaming.rewrite(converted.data).data)
    past, following = info.inputs[1:], info.outputs[1:]
    assert len(past) == len(following) >= 1 + 12 + 1 + 1  # stem, blocks, tail, mean
    for number, (before, after) in enumerate(zip(past, following, strict=True)):
        assert (before.name, after.name) == (f"state_{number}", f"next_state_{number}")
        (join,) = (op for op in info.ops if before.index in op.inputs)
        assert join.name == "CONCATENATION"
        tensors = [before, after, *(info.tensors[i] for i in (*join.inputs, *join.outputs))]
        assert len({(t.scales, t.zero_points, t.type) for t in tensors}) == 1
        assert before.shape == after.shape


def test_the_states_are_what_the_paper_network_must_remember(causal):
    """Stem 4 x 40, blocks 2 d C, tail 4 x 5 x C, mean 100 x C; channels of this width."""
    info = tflite_model.parse(streaming.rewrite(causal.data).data)
    _, *stages, tail = bc_resnet.channels(0.25)
    counts, dilations = (2, 2, 4, 4), (1, 2, 4, 8)
    rows = zip(counts, dilations, stages, strict=True)
    blocks = sum(count * 2 * dilation * channels for count, dilation, channels in rows)
    wanted = 4 * BANDS + blocks + 4 * 5 * stages[-1] + (WINDOW - 1) * tail
    assert sum(t.byte_size for t in info.inputs[1:]) == wanted


def test_it_is_deterministic_and_leaves_what_it_is_given_alone(causal):
    before = bytes(causal.data)
    assert streaming.rewrite(causal.data).data == streaming.rewrite(causal.data).data
    assert causal.data == before


# Refusals


def refusal(model: bytes) -> str:
    with pytest.raises(UserError) as caught:
        streaming.rewrite(model)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_centred_model_is_refused():
    message = refusal(int8.convert(block_model(), features(20)))
    assert "the model is centred" in message and "--streaming" in message


def test_the_plain_graph_is_refused():
    message = refusal(int8.convert(block_model(), features(20), "plain"))
    assert "has no streaming form" in message and "--graph=device" in message


def small(name: str, *constants: np.ndarray, shape, **options) -> bytes:
    """One op on [1, 4, 9, 2]."""
    builder = Builder()
    x, y = builder.activation((1, 4, 9, 2), *LIKE), builder.activation(shape, *LIKE)
    given = [builder.numbers(*values) for values in constants]
    builder.op(name, [x, *given], y, **options)
    return builder.finish([x], [y])


def test_ops_that_mix_frames_are_refused():
    """A model's file is refused, not rewritten to one that no interpreter accepts."""
    cut = small("SLICE", [0, 0, 1, 0], [1, 4, 8, 2], shape=(1, 4, 8, 2))
    assert refusal(cut).startswith("SLICE along time")
    flat = small("RESHAPE", [1, 72], shape=(1, 72))
    assert refusal(flat).startswith("RESHAPE of frames")
    assert "op TRANSPOSE" in refusal(small("TRANSPOSE", [0, 2, 1, 3], shape=(1, 9, 4, 2)))


def convolution(padding: int, stride: int, width: int = 3, pads: int = 0) -> bytes:
    """A convolution over time on [1, 4, 9, 2], after a PAD on the left if there is one."""
    builder = Builder()
    x = given = builder.activation((1, 4, 9, 2), *LIKE)
    if pads:
        where = builder.numbers([0, 0], [0, 0], [pads, 0], [0, 0])
        x = builder.activation((1, 4, 9 + pads, 2), *LIKE)
        builder.op("PAD", [given, where], x)
    size = 9 + pads - (width - 1 if padding == VALID else 0)
    y = builder.activation((1, 4, -(-size // stride), 2), *LIKE)
    weights = builder.constant(np.ones((2, 1, width, 2), np.int8), [0.1] * 2)
    builder.op("CONV_2D", [x, weights], y, padding=padding, stride_h=1, stride_w=stride)
    return builder.finish([given], [y])


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (convolution(SAME, 1), "CONV_2D over 3 frames reads future frames"),
        (convolution(VALID, 1), "CONV_2D over 3 frames has no streaming form"),
        (convolution(VALID, 2, pads=2), "CONV_2D over 3 frames has no streaming form"),
        (convolution(VALID, 1, pads=3), "CONV_2D over 3 frames has no streaming form"),
        (convolution(VALID, 1, width=1, pads=2), "CONV_2D over 1 frames"),
        (convolution(VALID, 2, width=1), "CONV_2D over 1 frames"),
    ],
    ids=["centred", "shorter", "strided", "wider pad", "padded pixel", "strided pixel"],
)
def test_convolutions_that_have_no_frame_for_each_are_refused(model, what):
    assert refusal(model).startswith(what)
