"""What a streaming model remembers becomes memory of its own: no input, no output, no copy.

The streaming form of a .tflite has states as inputs and outputs: a CONCATENATION puts the past
frames (input k + 1) before the new ones, a SLICE takes what to remember (output k + 1). In C what
was joined stays where it is; new frames are pushed in at its end.
"""

from firmware_export.errors import ExportError
from firmware_export.standalone import ir

_TIME = 2


def bind(graph: ir.Graph) -> ir.Graph:
    """Turns each pair of a state's input and output into an ir.Push on a tensor that lasts.

    Raises:
      ExportError: the model is not of the streaming form.
    """
    if len(graph.inputs) != len(graph.outputs) or len(graph.inputs) < 2:
        ends = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise ExportError(f"the model has {ends}: it is not of the streaming form; see convert")
    (features, *before), (logits, *after) = graph.inputs, graph.outputs
    for past, following in zip(before, after, strict=True):
        _bind(graph, past, following)
    graph.inputs, graph.outputs = [features], [logits]
    return graph


def _bind(graph: ir.Graph, past: ir.Tensor, following: ir.Tensor) -> None:
    readers, writer = graph.readers(past), graph.producer(following)
    joins = [op for op in readers if isinstance(op, ir.Concat) and op.inputs[0] is past]
    if len(readers) != 1 or len(joins) != 1 or len(joins[0].inputs) != 2:
        raise _not_streaming(past)
    (join,) = joins
    state, new = join.output, join.inputs[1].shape[_TIME]
    begin = (0, 0, new, 0)
    if join.axis != _TIME or len(state.shape) != 4 or state.shape[0] != 1:
        raise _not_streaming(past)
    if not isinstance(writer, ir.Slice) or writer.inputs[0] is not state:
        raise _not_streaming(following)
    if writer.begin != begin or set(writer.step) != {1} or following.shape != past.shape:
        raise _not_streaming(following)
    if graph.readers(following):
        raise _not_streaming(following)
    graph.ops[graph.ops.index(join)] = ir.Push([join.inputs[1]], state, join.source)
    graph.ops.remove(writer)
    graph.states.append(state)


def _not_streaming(tensor: ir.Tensor) -> ExportError:
    return ExportError(
        f"'{tensor.name[:60]}' is no state of the streaming form: past frames are joined with new "
        "ones along time, and their end is handed on; make the file with pipelines.convert"
    )
