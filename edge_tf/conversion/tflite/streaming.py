"""The streaming form of a whole-window int8 model: one frame in, one decision out.

It is made from the .tflite file, not converted a second time, so weights, scales and zero points
are the same and both forms are bit-exact. The time axis shrinks to the frames of one call. Where
the window form reads across time, past frames are put before the new ones: they arrive as extra
inputs, and those for the next call leave as extra outputs.

    PAD (left, right) + convolution over time  ->  CONCATENATION (state, frames) + convolution
    convolution over the whole window          ->  the same over the last window of a state
    paths that meet with different look-ahead  ->  a state delays the earlier one

A state contains the bytes of past activations, in their quantization. Before the first frame it
is filled with their zero point.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from edge_tf.conversion.tflite import tflite_edit
from edge_tf.errors import UserError

_TIME = 2  # axis of [1, rows, frames, channels]

_SAME_TIME = {
    schema.BuiltinOperator.HARD_SWISH,
    schema.BuiltinOperator.LOGISTIC,
    schema.BuiltinOperator.RELU,
}
_NAMES = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if name[0].isupper()
}


@dataclasses.dataclass(frozen=True)
class Streamed:
    """A streaming model.

    Attributes:
      data: the .tflite file. Input 0 is int8 features [1, bands, frames, 1], input k + 1 state k;
        output 0 is int8 logits [frames, classes], output k + 1 the next state k.
      delay: latency of the logits in frames: those of frame t belong to the window that ends
        with frame t - delay.
    """

    data: bytes
    delay: int


def rewrite(window_form: bytes, frames: int = 1, remember: bool = True) -> Streamed:
    """Makes the streaming form of a converted model.

    Args:
      window_form: a .tflite file from `int8.convert` with the device graph, of a model built for
        streaming.
      frames: frames per call; each of them produces logits.
      remember: False: no states, each call starts with zeros before its first frame. This is the
        whole-window form for windows of any length.

    Raises:
      UserError: an op cannot run frame by frame; names it.
    """
    model = tflite_edit.unpack(window_form)
    rewriter = _Rewriter(model, frames, remember)
    delay = rewriter.run()
    model.signatureDefs = None  # they name the old inputs
    return Streamed(tflite_edit.pack(model), delay)


class _Rewriter:
    """Walks the ops of one file in order; tensors are identified by index."""

    def __init__(self, model: schema.ModelT, frames: int, remember: bool) -> None:
        (self._graph,) = model.subgraphs
        self._model = model
        self._frames = frames
        self._remember = remember
        self._window = int(self._graph.tensors[self._graph.inputs[0]].shape[_TIME])
        self._delays: dict[int, int] = {int(self._graph.inputs[0]): 0}
        self._late: dict[tuple[int, int], int] = {}
        self._padded: set[int] = set()  # outputs of PADs: new frames and those before them
        self._ops: list[schema.OperatorT] = []
        self._states: list[tuple[int, int]] = []

    def run(self) -> int:
        given, self._graph.operators = self._graph.operators, self._ops
        self._resize(int(self._graph.inputs[0]))
        for op in given:
            self._one(op)
        self._graph.inputs = [*self._graph.inputs, *(before for before, _ in self._states)]
        self._graph.outputs = [*self._graph.outputs, *(after for _, after in self._states)]
        return self._delays[int(self._graph.outputs[0])]

    # Ops

    def _one(self, op: schema.OperatorT) -> None:
        kind = tflite_edit.builtin_of(self._model.operatorCodes[op.opcodeIndex])
        kinds = schema.BuiltinOperator
        convolutions = (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D)
        if kind not in convolutions and self._padded.intersection(map(int, op.inputs)):
            name = _NAMES[kind]
            raise UserError(f"{name} of padded frames has no streaming form", "use other layers")
        if kind == kinds.PAD:
            self._pad(op)
        elif kind in convolutions:
            self._convolution(op, kind)
        elif kind == kinds.CONCATENATION:
            self._concatenation(op)
        elif kind == kinds.SLICE:
            self._slice(op)
        elif kind == kinds.RESHAPE:
            self._reshape(op)
        elif kind in _SAME_TIME:
            self._keep(op)
        else:
            name = _NAMES[kind]
            raise UserError(f"op {name} has no streaming form", "convert with --graph=device")

    def _keep(self, op: schema.OperatorT) -> None:
        """An op that works on each frame separately."""
        self._delays[int(op.outputs[0])] = self._delays[int(op.inputs[0])]
        self._resize(int(op.outputs[0]))
        self._ops.append(op)

    def _pad(self, op: schema.OperatorT) -> None:
        source, output = int(op.inputs[0]), int(op.outputs[0])
        pads = self._constant(int(op.inputs[1])).reshape(-1, 2)
        before, after = (int(count) for count in pads[_TIME])
        self._delays[output] = self._delays[source] + after
        if not before + after:
            self._resize(output)
            self._ops.append(op)
            return
        self._padded.add(output)
        rows_too = bool(pads[1].any())
        joined = self._with_past(source, before + after, None if rows_too else output)
        if rows_too:
            pads[_TIME] = 0
            op.inputs = [joined, self._add_constant(pads)]
            self._set_time(output, before + after + self._frames)
            self._ops.append(op)

    def _convolution(self, op: schema.OperatorT, kind: int) -> None:
        source, output = int(op.inputs[0]), int(op.outputs[0])
        options = op.builtinOptions
        width = int(self._tensor(int(op.inputs[1])).shape[_TIME])
        extent = (width - 1) * options.dilationWFactor + 1
        name = f"{_NAMES[kind]} over {extent} frames"
        if extent == 1:
            if options.strideW != 1 or source in self._padded:
                raise UserError(
                    f"{name} has no streaming form", "use a stride of 1 along time and no padding"
                )
            self._keep(op)
            return
        if options.padding != schema.Padding.VALID:
            raise UserError(
                f"{name} reads future frames: the model is centred",
                "train it with --streaming",
            )
        self._delays[output] = self._delays[source]
        if source not in self._padded:  # over the whole window: the last mean
            if extent != self._window or self._time(source) != self._frames:
                raise UserError(f"{name} has no streaming form", "convert with --graph=device")
            source = self._with_past(source, extent - 1)
            op.inputs = [source, *op.inputs[1:]]
            options.strideW = 1
        if options.strideW != 1 or self._time(source) != self._frames + extent - 1:
            raise UserError(f"{name} has no streaming form", "use a stride of 1 along time")
        self._resize(output)
        self._ops.append(op)

    def _concatenation(self, op: schema.OperatorT) -> None:
        if op.builtinOptions.axis == _TIME:
            raise UserError("CONCATENATION along time has no streaming form", "use other layers")
        output = int(op.outputs[0])
        delay = max(self._delays.get(int(index), 0) for index in op.inputs)
        op.inputs = [self._delayed(int(index), delay) for index in op.inputs]
        self._delays[output] = delay
        self._resize(output)
        self._ops.append(op)

    def _slice(self, op: schema.OperatorT) -> None:
        begin, size = (self._constant(int(index)) for index in op.inputs[1:])
        if begin[_TIME] != 0 or size[_TIME] not in (self._window, -1):
            raise UserError("SLICE along time has no streaming form", "use other layers")
        size[_TIME] = self._frames
        op.inputs = [op.inputs[0], op.inputs[1], self._add_constant(size)]
        self._keep(op)

    def _reshape(self, op: schema.OperatorT) -> None:
        """[1, 1, frames, classes] to [frames, classes], at the end."""
        source, output = (self._tensor(int(i)) for i in (op.inputs[0], op.outputs[0]))
        shape = [1, 1, self._frames, int(output.shape[-1])]
        if list(source.shape) != shape or len(output.shape) != 2 or output.shape[0] != 1:
            raise UserError(
                "RESHAPE of frames has no streaming form", "convert with --graph=device"
            )
        flat = np.array(shape[2:], np.int32)
        op.inputs = [op.inputs[0], self._add_constant(flat)]
        if op.builtinOptions is not None:
            op.builtinOptions.newShape = flat
        output.shape, output.shapeSignature = flat, None
        self._delays[int(op.outputs[0])] = self._delays[int(op.inputs[0])]
        self._ops.append(op)

    # Past frames

    def _with_past(self, source: int, count: int, output: int | None = None) -> int:
        """Index of the tensor [count past frames, frames]; its end becomes the next state."""
        past = self._like(source, count)
        joined = self._like(source, count + self._frames) if output is None else output
        self._set_time(joined, count + self._frames)
        self._append(
            "CONCATENATION",
            _options(schema.ConcatenationOptionsT, axis=_TIME),
            [past, source],
            joined,
        )
        self._remember_as(past, joined, count)
        return joined

    def _delayed(self, index: int, delay: int) -> int:
        """The tensor with the requested delay; a constant needs no delay, only its size."""
        if index not in self._delays:
            return self._cut(index)
        frames = delay - self._delays[index]
        if not frames:
            return index
        if (index, frames) not in self._late:
            late = self._like(index, self._frames)
            self._cut_frames(self._with_past(index, frames), 0, late)
            self._delays[late] = delay
            self._late[index, frames] = late
        return self._late[index, frames]

    def _remember_as(self, past: int, joined: int, count: int) -> None:
        if not self._remember:
            zero = int(self._tensor(past).quantization.zeroPoint[0])
            values = np.full(self._tensor(past).shape, zero, np.int8)
            self._tensor(past).buffer = self._add_buffer(values)
            return
        after = self._like(joined, count)
        number = len(self._states)
        self._tensor(past).name = f"state_{number}".encode()
        self._tensor(after).name = f"next_state_{number}".encode()
        self._cut_frames(joined, self._frames, after)
        self._states.append((past, after))

    def _cut_frames(self, source: int, first: int, output: int) -> None:
        begin = np.array([0, 0, first, 0], np.int32)
        size = np.array(self._tensor(output).shape, np.int32)
        self._append(
            "SLICE",
            schema.SliceOptionsT(),
            [source, self._add_constant(begin), self._add_constant(size)],
            output,
        )

    def _cut(self, index: int) -> int:
        """A constant cut to the frames of one call; it must be the same in every frame."""
        values = self._constant(index)
        if values.ndim != 4 or values.shape[_TIME] == 1:
            return index
        if np.any(values != values[:, :, :1]):
            raise UserError("a constant changes along time", "convert with --graph=device")
        if (index, -1) not in self._late:
            cut = self._like(index, self._frames)
            data = np.repeat(values[:, :, :1], self._frames, axis=_TIME)
            self._tensor(cut).buffer = self._add_buffer(data)
            self._late[index, -1] = cut
        return self._late[index, -1]

    # Tensors and buffers

    def _tensor(self, index: int) -> schema.TensorT:
        return self._graph.tensors[index]

    def _time(self, index: int) -> int:
        return int(self._tensor(index).shape[_TIME])

    def _set_time(self, index: int, frames: int) -> None:
        tensor = self._tensor(index)
        tensor.shape = np.array(tensor.shape, np.int32)
        tensor.shape[_TIME] = frames
        tensor.shapeSignature = None

    def _resize(self, index: int) -> None:
        self._set_time(index, self._frames)

    def _constant(self, index: int) -> np.ndarray:
        tensor = self._tensor(index)
        kind = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}[tensor.type]
        data = self._model.buffers[tensor.buffer].data
        return np.frombuffer(bytes(bytearray(data)), kind).reshape(tensor.shape).copy()

    def _like(self, index: int, frames: int) -> int:
        """A new tensor with the type and quantization of another."""
        model, new = self._tensor(index), schema.TensorT()
        new.type, new.quantization = model.type, model.quantization
        new.shape, new.shapeSignature = np.array(model.shape, np.int32), None
        new.buffer = 0
        new.name = b""
        return self._add(new, frames)

    def _add(self, tensor: schema.TensorT, frames: int | None = None) -> int:
        self._graph.tensors.append(tensor)
        index = len(self._graph.tensors) - 1
        tensor.name = tensor.name or f"t{index}".encode()
        if frames is not None:
            self._set_time(index, frames)
        return index

    def _add_constant(self, values: np.ndarray) -> int:
        """An int32 tensor for shapes and positions."""
        tensor = schema.TensorT()
        tensor.type = schema.TensorType.INT32
        tensor.shape = np.array(values.shape, np.int32)
        tensor.buffer = self._add_buffer(values.astype(np.int32))
        return self._add(tensor)

    def _add_buffer(self, values: np.ndarray) -> int:
        data = np.frombuffer(values.tobytes(), np.uint8)
        for number, buffer in enumerate(self._model.buffers):
            if buffer.data is not None and np.array_equal(buffer.data, data):
                return number
        buffer = schema.BufferT()
        buffer.data = data
        self._model.buffers.append(buffer)
        return len(self._model.buffers) - 1

    def _append(self, kind: str, options: object, inputs: Sequence[int], output: int) -> None:
        # Version 2 is the one for int8.
        op = tflite_edit.operator(self._model, kind, inputs, [output], options, version=2)
        self._ops.append(op)


def _options(make: Callable[[], object], **values: int) -> object:
    options = make()
    for name, value in values.items():
        setattr(options, name, value)
    return options
