"""States of a streaming model become separate memory: no input, no output, no copy.

The streaming form of a .tflite has states as inputs and outputs: a CONCATENATION puts the past
frames (input k + 1) before the new one, a SLICE takes the frames to keep (output k + 1). In C the
joined frames stay in place, and a new frame is pushed in at the end. There frames are rows, one
after the other, so that pushing is one move; ops that read them have their axes swapped, and
they write a single frame, whose bytes are the same either way.
"""

import copy

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.concatenation import Concat
from firmware_export.standalone.ops.depthwise_conv_2d import Depthwise
from firmware_export.standalone.ops.pad import Pad
from firmware_export.standalone.ops.push import Push
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared.convolution import Convolution
from firmware_export.standalone.ops.slice import Slice
from firmware_export.standalone.ops.sliding_mean import SlidingMean

_TIME = 2


def bind(graph: ir.Graph) -> ir.Graph:
    """Turns each pair of a state's input and output into memory that lasts from frame to frame.

    Raises:
      ExportError: the model does not have the streaming form, or takes several frames at a time.
    """
    if len(graph.inputs) != len(graph.outputs) or len(graph.inputs) < 2:
        ends = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise ExportError(f"the model has {ends}: this is not the streaming form; see convert")
    (features, *before), (logits, *after) = graph.inputs, graph.outputs
    for past, following in zip(before, after, strict=True):
        _bind(graph, past, following)
    graph.inputs, graph.outputs = [features], [logits]
    return graph


def _bind(graph: ir.Graph, past: ir.Tensor, following: ir.Tensor) -> None:
    readers, writer = graph.readers(past), graph.producer(following)
    join = readers[0] if len(readers) == 1 else None
    if not isinstance(join, Concat) or join.axis != _TIME or len(join.inputs) != 2:
        raise _not_streaming(past)
    state, frame = join.output, join.inputs[1]
    if join.inputs[0] is not past or len(state.shape) != 4 or frame.shape[_TIME] != 1:
        raise _not_streaming(past)
    if following.shape != past.shape:
        raise _not_streaming(following)
    if not isinstance(writer, Slice) or writer.inputs[0] is not state:
        raise _not_streaming(following)
    if (writer.begin, set(writer.step)) != ((0, 0, 1, 0), {1}) or graph.readers(following):
        raise _not_streaming(following)
    graph.ops.remove(writer)
    mean = _mean_of(graph, state)
    if mean is not None:
        _slide(graph, join, mean, frame)
    else:
        _push(graph, join, frame)


def _push(graph: ir.Graph, join: Concat, frame: ir.Tensor) -> None:
    state = join.output
    graph.ops[graph.ops.index(join)] = Push([frame], state, join.source)
    for op in graph.readers(state):
        _read_rows_of_frames(graph, op)
    state.shape = _exchanged(state.shape)
    _as_one_column(graph, state)
    graph.states.append(state)


def _read_rows_of_frames(graph: ir.Graph, op: ir.Op) -> None:
    """Swaps frequency and time in an op that reads a state, and in those up to a single frame."""
    frame, at = op.output, graph.ops.index(op)
    if isinstance(op, Pad):
        op.before, op.after = _exchanged(op.before), _exchanged(op.after)
        for reader in graph.readers(frame):
            _read_rows_of_frames(graph, reader)
        frame.shape = _exchanged(frame.shape)
        return
    if isinstance(op, Convolution):
        weights = op.inputs[1]
        turned = copy.copy(weights)
        turned.shape = _exchanged(weights.shape)
        turned.data = np.ascontiguousarray(np.swapaxes(op.weights, 1, 2))
        op.inputs[1] = turned
        op.stride, op.dilation, op.padding = op.stride[::-1], op.dilation[::-1], op.padding[::-1]
    elif isinstance(op, Slice):
        op.begin, op.step = _exchanged(op.begin), _exchanged(op.step)
    else:
        raise ExportError(f"{op.source} reads past frames in a way that has no kernel in C")
    if frame.shape[_TIME] != 1:
        raise ExportError(f"{op.source} makes several frames of one; export one frame at a time")
    op.output = copy.copy(frame)
    op.output.name, op.output.shape = f"{frame.name}/frame", _exchanged(frame.shape)
    graph.ops.insert(at + 1, Reshape([op.output], frame, op.source))


def _as_one_column(graph: ir.Graph, state: ir.Tensor) -> None:
    """Flattens a state for a depthwise convolution over all of it: the order does not matter."""
    readers = graph.readers(state)
    op = readers[0] if len(readers) == 1 else None
    if not isinstance(op, Depthwise) or op.inputs[1].shape[1:3] != state.shape[1:3]:
        return
    if op.output.shape[1:3] != (1, 1) or op.padding != (0, 0) or op.dilation != (1, 1):
        return
    weights = op.inputs[1]
    _, rows, columns, channels = state.shape
    state.shape = weights.shape = (1, rows * columns, 1, channels)
    weights.data = weights.constant.reshape(weights.shape)
    op.stride = (1, 1)


def _exchanged(axes: tuple[int, ...]) -> tuple[int, ...]:
    batch, rows, columns, channels = axes
    return batch, columns, rows, channels


def _mean_of(graph: ir.Graph, state: ir.Tensor) -> Depthwise | None:
    """The mean over all frames of a state with one row, if it is the state's only reader."""
    readers = graph.readers(state)
    op = readers[0] if len(readers) == 1 else None
    if not isinstance(op, Depthwise) or state.shape[1] != 1:
        return None
    weights = op.weights
    same = weights.shape[1:] == state.shape[1:] and op.output.shape[1:3] == (1, 1)
    return op if same and bool((weights == weights[:, :, :1]).all()) else None


def _slide(graph: ir.Graph, join: Concat, mean: Depthwise, frame: ir.Tensor) -> None:
    """A mean that keeps its sums: the new frame is added, the oldest one subtracted."""
    _, _, frames, channels = join.output.shape
    ring = copy.copy(join.output)
    ring.name, ring.shape = f"{ring.name}/ring", (1, frames, 1, channels)
    counts = ir.Tensor(f"{ring.name}/sums", (4 * (channels + 1),), scales=(1.0,), zero_points=(0,))
    graph.ops.remove(join)
    graph.ops[graph.ops.index(mean)] = SlidingMean(
        [frame, *mean.inputs[1:]],
        mean.output,
        f"{join.source}, {mean.source}",
        ring=ring,
        counts=counts,
        mean=mean,
    )
    graph.states += [ring, counts]


def _not_streaming(tensor: ir.Tensor) -> ExportError:
    return ExportError(
        f"'{tensor.name[:60]}' is not a state of the streaming form, which joins one new frame to "
        "past ones along time and outputs the last ones; make the file with pipelines.convert"
    )
