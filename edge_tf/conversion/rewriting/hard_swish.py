"""Swish as HARD_SWISH, fitted per channel.

TFLite Micro computes LOGISTIC value by value in fixed point, some 350 instructions each; HARD_SWISH
takes a fifth of that. swish(u) is close to a * hard_swish(b * u + c) + d if the four numbers are
fitted to the values of a channel. b and c go into the convolution before, a and d into the one
after.
"""

import dataclasses
import itertools

import numpy as np

from edge_tf.conversion.rewriting import graph

_SLOPES = np.linspace(0.6, 1.6, 21)
_SHIFTS = np.linspace(-0.8, 0.8, 17)
_SAMPLES = 2000  # values per channel used for the fit


def fit(output: graph.Node, clips: np.ndarray) -> graph.Node:
    """Replaces each swish between two convolutions.

    Args:
      output: a graph with folded norms.
      clips: (n, rows, frames, 1) representative features.
    """
    reading = graph.readers(output)
    found = {
        node: reading[node][0]
        for node in graph.order(output)
        if isinstance(node, graph.Activation)
        and node.kind == "swish"
        and isinstance(node.inputs[0], graph.Convolution)
        and len(reading[node.inputs[0]]) == 1
        and len(reading[node]) == 1
        and _reads_no_padding(reading[node][0])
    }
    if not found:
        return output
    numbers = dict(zip(found, _fits(list(found), clips), strict=True))
    after = {reader: numbers[node] for node, reader in found.items()}
    before = {node.inputs[0]: numbers[node] for node in found}

    def change(old: graph.Node, new: graph.Node) -> graph.Node:
        if isinstance(new, graph.Activation) and old in found:
            return dataclasses.replace(new, kind="hard_swish")
        if not isinstance(new, graph.Convolution):
            return new
        if old in before:
            _, b, c, _ = before[old]
            by_channel = b[:, np.newaxis] if isinstance(new, graph.Depthwise) else b
            new = dataclasses.replace(new, kernel=new.kernel * by_channel, bias=new.bias * b + c)
        if old in after:
            a, _, _, d = after[old]
            bias = new.bias + np.einsum("hwio,i->o", new.kernel, d)
            new = dataclasses.replace(new, kernel=new.kernel * a[:, np.newaxis], bias=bias)
        return new

    return graph.transform(output, change)


def _reads_no_padding(node: graph.Node) -> bool:
    """Whether it is a convolution that can absorb d in its bias: no window includes padding."""
    if type(node) is not graph.Convolution:
        return False
    return node.padding == "VALID" or node.kernel.shape[:2] == (1, 1)


def _fits(nodes: list[graph.Node], clips: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """(a, b, c, d) per node, each [channels]."""
    run = graph.traced(graph.to_functions([node.inputs[0] for node in nodes]), clips)
    batches = [[v.numpy() for v in run(clips[at : at + 50])] for at in range(0, len(clips), 50)]
    fits = []
    for values in zip(*batches, strict=True):
        by_channel = np.concatenate([v.reshape(-1, v.shape[-1]) for v in values])
        fits.append(_fit(by_channel[:: max(1, len(by_channel) // _SAMPLES)]))
    return fits


def _fit(u: np.ndarray) -> tuple[np.ndarray, ...]:
    """Least squares over a and d for each b and c; u is [samples, channels]."""
    target = u / (1.0 + np.exp(-u))
    best = np.full(u.shape[1], np.inf)
    numbers = np.zeros((4, u.shape[1]))
    for b, c in itertools.product(_SLOPES, _SHIFTS):
        v = b * u + c
        h = v * np.clip(v + 3.0, 0.0, 6.0) / 6.0
        centred = h - h.mean(axis=0)
        power = np.mean(centred**2, axis=0)
        a = np.mean(centred * target, axis=0) / np.maximum(power, 1e-12)
        d = target.mean(axis=0) - a * h.mean(axis=0)
        error = np.mean((a * h + d - target) ** 2, axis=0)
        better = error < best
        best = np.where(better, error, best)
        numbers = np.where(
            better, np.stack([a, np.full_like(a, b), np.full_like(a, c), d]), numbers
        )
    return tuple(numbers.astype(np.float32))
