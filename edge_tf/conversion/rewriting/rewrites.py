"""Rewrites of the inference graph that make it cheap on small devices.

Each maps the output node of a graph to that of another with the same function; only the one in
`hard_swish.py` approximates. BUILD_NOTES.md says what each gains.
"""

import dataclasses

import numpy as np

from edge_tf.conversion.rewriting import graph


def fold_affine(output: graph.Node) -> graph.Node:
    """Folds a per-channel multiplication and addition into the convolution before it.

    Only if nothing else reads that convolution.
    """
    reading = graph.readers(output)

    def change(old: graph.Node, new: graph.Node) -> graph.Node:
        if not isinstance(new, graph.Affine) or new.scale.shape[:3] != (1, 1, 1):
            return new
        (before,) = new.inputs
        if not isinstance(before, graph.Convolution) or len(reading[old.inputs[0]]) != 1:
            return new
        scale, offset = new.scale.reshape(-1), new.offset.reshape(-1)
        by_channel = scale[:, None] if isinstance(before, graph.Depthwise) else scale
        return dataclasses.replace(
            before, kernel=before.kernel * by_channel, bias=before.bias * scale + offset
        )

    return graph.transform(output, change)


def mean_as_depthwise(output: graph.Node) -> graph.Node:
    """A mean over all rows or all positions as a depthwise convolution with equal weights.

    AVERAGE_POOL_2D must use the same step for output and input, and a mean is several times smaller
    than its inputs; a convolution has a separate output step, and equal weights are exact in int8.
    """

    def change(old: graph.Node, new: graph.Node) -> graph.Node:
        if not isinstance(new, graph.Pool) or new.shape[1] != 1:
            return new
        channels = new.shape[3]
        kernel = np.full((*new.window, channels, 1), 1.0 / np.prod(new.window), np.float32)
        bias = np.zeros(channels, np.float32)
        return graph.Depthwise(new.inputs, kernel, bias, new.window, layer=new.layer, part=new.part)

    return graph.transform(output, change)


def dilation_as_zeros(output: graph.Node, largest: int = 4) -> graph.Node:
    """Replaces a small dilation of a depthwise convolution by zeros in its kernel.

    CMSIS-NN has a fast path only for kernels without dilation; our kernels skip the zeros.
    """

    def change(old: graph.Node, new: graph.Node) -> graph.Node:
        if not isinstance(new, graph.Depthwise) or not 1 < max(new.dilation) <= largest:
            return new
        rows, columns = (
            (size - 1) * step + 1
            for size, step in zip(new.kernel.shape[:2], new.dilation, strict=True)
        )
        kernel = np.zeros((rows, columns, *new.kernel.shape[2:]), np.float32)
        kernel[:: new.dilation[0], :: new.dilation[1]] = new.kernel
        return dataclasses.replace(new, kernel=kernel, dilation=(1, 1))

    return graph.transform(output, change)


def shift_logits(output: graph.Node, shift: np.ndarray) -> graph.Node:
    """Adds a constant [classes] to the logits, in the bias of the last convolution."""
    last = output.inputs[0] if isinstance(output, graph.Reshape) else output
    if not isinstance(last, graph.Convolution):
        raise ValueError("the graph does not end in a convolution")
    shifted = dataclasses.replace(last, bias=last.bias + shift.astype(np.float32))
    return output.reading(shifted) if output is not last else shifted
