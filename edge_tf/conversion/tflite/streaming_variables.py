"""A streaming model with its states as resource variables, kept by the interpreter.

The output is the same, byte for byte, as with states as inputs and outputs (streaming.py).
BUILD_NOTES.md says what each form costs, and why the other one is exported.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from edge_tf.conversion.tflite.tflite_edit import operator, pack, unpack


def with_variables(streamed: bytes) -> bytes:
    """The same model with its states as resource variables: one input, one output.

    The interpreter keeps the states; at the first call a subgraph initializes them with constants.
    TFLite Micro copies a variable on every read and every assignment.

    Args:
      streamed: a file from `streaming.rewrite`, with states.
    """
    model = unpack(streamed)
    _Variables(model).run()
    return pack(model)


class _Variables:
    """Moves the states of one file from its inputs and outputs into variables."""

    def __init__(self, model: schema.ModelT) -> None:
        self._model = model
        (self._graph,) = model.subgraphs

    def run(self) -> None:
        graph = self._graph
        given = list(graph.operators)
        states = list(zip(graph.inputs[1:], graph.outputs[1:], strict=True))
        first = schema.SubGraphT()
        first.tensors, first.operators, first.inputs, first.outputs = [], [], [], []
        first.name = b"first_state"
        self._model.subgraphs.append(first)
        once = schema.CallOnceOptionsT()
        once.initSubgraphIndex = 1
        before = [self._op("CALL_ONCE", [], [], once)]
        after = []
        for number, (past, following) in enumerate(states):
            handle = self._handle(graph, number)
            before += [handle[1], self._op("READ_VARIABLE", [handle[0]], [int(past)])]
            after.append(self._op("ASSIGN_VARIABLE", [handle[0], int(following)], []))
            inner = self._handle(first, number)
            value = self._zeros(first, graph.tensors[int(past)])
            first.operators += [
                inner[1],
                self._op("ASSIGN_VARIABLE", [inner[0], value], []),
            ]
        graph.inputs, graph.outputs = graph.inputs[:1], graph.outputs[:1]
        graph.operators = [*before, *given, *after]

    def _handle(self, graph: schema.SubGraphT, number: int) -> tuple[int, schema.OperatorT]:
        """A variable's handle and the op that produces it."""
        tensor = schema.TensorT()
        tensor.type, tensor.shape = schema.TensorType.RESOURCE, np.array([], np.int32)
        tensor.buffer, tensor.name = 0, f"handle_{number}".encode()
        graph.tensors.append(tensor)
        options = schema.VarHandleOptionsT()
        options.container, options.sharedName = b"", f"state_{number}".encode()
        index = len(graph.tensors) - 1
        return index, self._op("VAR_HANDLE", [], [index], options)

    def _zeros(self, graph: schema.SubGraphT, like: schema.TensorT) -> int:
        """A constant in another subgraph: a state before the first frame."""
        buffer = schema.BufferT()
        zero = int(like.quantization.zeroPoint[0])
        buffer.data = np.full(int(np.prod(like.shape)), zero, np.int8).view(np.uint8)
        self._model.buffers.append(buffer)
        tensor = schema.TensorT()
        tensor.type, tensor.shape = like.type, like.shape
        tensor.quantization, tensor.name = like.quantization, like.name
        tensor.buffer = len(self._model.buffers) - 1
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    def _op(
        self, kind: str, inputs: list[int], outputs: list[int], options: object | None = None
    ) -> schema.OperatorT:
        return operator(self._model, kind, inputs, outputs, options)
