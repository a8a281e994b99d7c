"""What TFLite Micro's interpreter needs of its arena on a 32-bit device, kernel library by library.

Its arena holds, from the start, the planned activations and the kernels' scratch memory; from the
end, what lasts: tensors, ops and the kernels' own data. While it plans, its lists lie between them.
The plan is computed as its greedy planner does (tensorflow/lite/micro/memory_planner), the lists
from the sizes of its structures, scratch memory of CMSIS-NN by the formulas that CMSIS-NN publishes
(Source/*/arm_*_get_buffer_sizes_s8.c). Ops that are not listed here have the same scratch memory as
on the host, where it was measured.
"""

import bisect
import dataclasses
from collections.abc import Mapping, Sequence

from tflite_model.info import ModelInfo, OpInfo

ALIGNMENT = 16

# Kernel libraries, by the name of their figure: reference kernels, CMSIS-NN on a core without and
# with MVE.
REFERENCE, CMSIS_NN, CMSIS_NN_MVE = LIBRARIES = ("reference", "cmsis_nn", "cmsis_nn_mve")

# Bytes of structures with 32-bit pointers: of the planner for each buffer, of what it is told for
# each tensor, and of a kernel's request for scratch memory.
_PLANNED, _TOLD, _REQUEST = 40, 24, 12
_REQUESTS_PER_OP = 12  # so many the interpreter keeps free for the next op
# What a 64-bit machine's structures have more for each tensor and each op.
_TENSOR_LESS, _OP_LESS = 12, 32
# More of a CMSIS-NN kernel's own data than of the reference kernel's, at most; a scratch handle.
_KERNEL_MORE, _HANDLE = 16, 4
_SAME = 0
_MVE_CHANNELS = 124  # CH_IN_BLOCK_MVE
_MVE_CONVOLVED = 1  # CONVERT_DW_CONV_WITH_ONE_INPUT_CH_AND_OUTPUT_CH_ABOVE_THRESHOLD, the least
_CMSIS_OPS = frozenset(
    "ADD AVERAGE_POOL_2D CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED MAX_POOL_2D MAXIMUM MINIMUM MUL "
    "PAD SOFTMAX TRANSPOSE".split()
)


@dataclasses.dataclass(frozen=True)
class Buffer:
    """Memory that is live from one op to another, both included; -1 is before the first op."""

    size: int
    first: int
    last: int


def plan(buffers: Sequence[Buffer]) -> int:
    """Bytes of the greedy plan: the largest buffer first, each in the first gap that holds it."""
    placed: list[tuple[int, int, Buffer]] = []  # (offset, order, buffer), by offset
    # The sort of the original is stable, of a list that it has filled from its end.
    for order, buffer in enumerate(sorted(reversed(buffers), key=lambda b: -b.size)):
        offset = 0
        for start, _, other in placed:
            if other.first > buffer.last or buffer.first > other.last:
                continue
            if start - offset >= buffer.size:
                break
            offset = max(offset, start + other.size)
        bisect.insort(placed, (offset, order, buffer), key=lambda entry: entry[:2])
    return max((offset + buffer.size for offset, _, buffer in placed), default=0)


def activations(model: ModelInfo) -> list[Buffer]:
    """The tensors that are planned, as the interpreter sees their lives."""
    first: dict[int, int] = {tensor.index: -1 for tensor in model.inputs}
    last = dict(first)
    for op in model.ops:
        for index in op.outputs:
            first.setdefault(index, op.index)
        for index in (*op.inputs, *op.outputs):
            last[index] = op.index
    for tensor in model.outputs:
        last[tensor.index] = len(model.ops) - 1
    return [
        Buffer(aligned(tensor.byte_size), first[tensor.index], last[tensor.index])
        for tensor in model.tensors
        if tensor.index in first
        and not (tensor.is_constant or tensor.is_variable)
        and tensor.byte_size > 0
    ]


def scratch(model: ModelInfo, library: str) -> list[Buffer]:
    """Scratch memory that a library's kernels request beyond the reference kernels'."""
    if library == REFERENCE:
        return []
    sizes = ((op, _scratch_bytes(model, op, library == CMSIS_NN_MVE)) for op in model.ops)
    return [Buffer(aligned(size), op.index, op.index) for op, size in sizes if size > 0]


def needed(model: ModelInfo, head: int, tail: int, library: str) -> int:
    """Bytes of arena on a 32-bit device: a bound.

    Args:
      model: all of it in one graph.
      head, tail: what the interpreter used with the reference kernels on a 64-bit machine: planned
        memory, and what lasts.
      library: one of `LIBRARIES`.
    """
    tensors, requested = activations(model), scratch(model, library)
    # Of kernels whose requests are not known here: as on the host.
    unknown = max(0, head - plan(tensors))
    planned = plan([*tensors, *requested]) + unknown
    buffers = len(tensors) + len(requested)
    lists = _TOLD * (len(model.tensors) + len(requested)) + _PLANNED * buffers
    requests = _REQUEST * (len(requested) + _REQUESTS_PER_OP)
    lasting = tail - _TENSOR_LESS * len(model.tensors) - _OP_LESS * len(model.ops)
    if library != REFERENCE:
        lasting += _KERNEL_MORE * sum(op.name in _CMSIS_OPS for op in model.ops)
        lasting += _HANDLE * len(requested)
    return aligned(lasting) + max(aligned(planned), aligned(requests) + aligned(lists)) + ALIGNMENT


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _scratch_bytes(model: ModelInfo, op: OpInfo, mve: bool) -> int:
    """Of one op of int8 in CMSIS-NN; the larger of what its compilers need."""
    size = _FORMULAS.get(op.name)
    if size is None or model.tensors[op.inputs[0]].type != "INT8":
        return 0
    return size(model, op, mve)


def _convolution(model: ModelInfo, op: OpInfo, mve: bool) -> int:
    _, height, width, channels = model.tensors[op.inputs[0]].shape
    _, rows, columns, depth = model.tensors[op.inputs[1]].shape
    return _convolved(op.options, model, op, (height, width, channels), (rows, columns, depth), mve)


def _convolved(
    options: Mapping[str, int],
    model: ModelInfo,
    op: OpInfo,
    given: tuple[int, int, int],
    kernel: tuple[int, int, int],
    mve: bool,
) -> int:
    """arm_convolve_wrapper_s8_get_buffer_size_mve and _dsp."""
    (height, width, channels), (rows, columns, depth) = given, kernel
    stride = options.get("stride_h", 1), options.get("stride_w", 1)
    dilation = options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1)
    output = model.tensors[op.outputs[0]].shape
    padding = _padding(options, output[1:3], (height, width), (rows, columns), stride, dilation)
    pixelwise = (rows, columns) == dilation == (1, 1) and padding == (0, 0) and channels == depth
    if pixelwise:
        return 0 if mve or stride != (1, 1) else 4 * channels  # with Arm's own compiler
    values = rows * columns * channels
    if not mve:
        return 4 * (-(-values // 4) * 4)
    whole = 4 * aligned(values)
    if height == rows == dilation[1] == 1 and stride[1] * channels % 4 == 0 and channels == depth:
        # A row's own formula needs no more than a window with its padding.
        return max(whole, (columns + padding[1] + stride[1]) * channels)
    return whole


def _depthwise(model: ModelInfo, op: OpInfo, mve: bool) -> int:
    """arm_depthwise_conv_wrapper_s8_get_buffer_size_mve and _dsp."""
    batch, height, width, channels = model.tensors[op.inputs[0]].shape
    _, rows, columns, depth = model.tensors[op.inputs[1]].shape
    options = op.options
    dilation = options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1)
    size = 0
    if channels == depth and batch == 1 and dilation == (1, 1):
        size = 4 * _MVE_CHANNELS * rows * columns if mve else 2 * channels * rows * columns
    if mve and channels == 1 and depth > _MVE_CONVOLVED:
        given, kernel = (height, width, channels), (rows, columns, 1)
        convolved = _convolved(options, model, op, given, kernel, mve)
        size = max(size, convolved + rows * columns * depth)
    return size


def _dense(model: ModelInfo, op: OpInfo, mve: bool) -> int:
    """arm_fully_connected_s8_get_buffer_size_mve: sums of the weights."""
    return 4 * model.tensors[op.inputs[1]].shape[0] if mve else 0


def _mean_pool(model: ModelInfo, op: OpInfo, mve: bool) -> int:
    """arm_avgpool_s8_get_buffer_size_dsp."""
    return 0 if mve else 4 * model.tensors[op.inputs[0]].shape[-1]


_FORMULAS = {
    "AVERAGE_POOL_2D": _mean_pool,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
}


def _padding(
    options: Mapping[str, int],
    output: Sequence[int],
    given: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, int]:
    """Rows above and columns on the left."""
    if options.get("padding") != _SAME:
        return 0, 0
    sides = []
    for made, size, taps, step, apart in zip(output, given, kernel, stride, dilation, strict=True):
        sides.append(max(0, (made - 1) * step + (taps - 1) * apart + 1 - size) // 2)
    return sides[0], sides[1]
