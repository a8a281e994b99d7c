"""Quantization error of each layer, and its cost in accuracy.

Two figures per int8 tensor of the file: its signal-to-noise ratio relative to the float graph,
which includes the errors of all earlier layers; and the task metric if only this layer is rounded
and everything else is float, which is the cost of this layer alone.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import tflite_model
from edge_tf import progress
from edge_tf.conversion.rewriting import graph
from edge_tf.conversion.rewriting.device_graph import DeviceGraph
from edge_tf.evaluation import metrics
from edge_tf.evaluation.layers import fake_quantization
from edge_tf.evaluation.layers.fake_quantization import Layer
from edge_tf.tflite_runtime import quantize

_BATCH = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerError:
    """One row of the table.

    Attributes:
      name: Keras layer, or block of layers, and the part of it.
      op: the op that writes the tensor.
      tensor: its index in the file.
      shape: of the tensor.
      snr_db: signal-to-noise ratio of the tensor in the int8 file, dB. Infinite without any error,
        NaN if the tensor is zero on all clips, in both.
      accuracy_alone: accuracy if only this layer is rounded; None if its op only copies, since it
        rounds nothing.
      logits_snr_db_alone: signal-to-noise ratio of the logits in that case, dB; None likewise.
    """

    name: str
    op: str
    tensor: int
    shape: tuple[int, ...]
    snr_db: float
    accuracy_alone: float | None
    logits_snr_db_alone: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuantizationError:
    """The table.

    Attributes:
      clips: number of clips it was measured on.
      float_accuracy: of the float graph.
      int8_accuracy: of the int8 file.
      simulated_accuracy: of the float graph with all layers rounded; shows how well the simulation
        of single layers matches the file.
      logits_snr_db: of the logits of the int8 file.
      layers: worst `snr_db` first.
    """

    clips: int
    float_accuracy: float
    int8_accuracy: float
    simulated_accuracy: float
    logits_snr_db: float
    layers: tuple[LayerError, ...]


def snr_db(signal: float, noise: float) -> float:
    """10 log10 of the ratio of two powers; infinite without noise, NaN if both are zero."""
    if not noise > 0:
        return math.inf if signal > 0 else math.nan
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def measure(
    model: bytes, device: DeviceGraph, features: np.ndarray, labels: np.ndarray
) -> QuantizationError:
    """Compares the int8 file with its float graph by tensor, and rounds each layer alone.

    Args:
      model: the .tflite file.
      device: its graph.
      features: (clips, rows, frames, 1) float32.
      labels: (clips,) their classes.

    Raises:
      ValueError: the graph belongs to another file.
    """
    if not device.is_of(model):
        raise ValueError("the graph belongs to another file")
    layers = fake_quantization.layers(tflite_model.parse(model), device)
    powers, float_logits, int8_logits = _compare(model, device.output, layers, features)
    alone, everything = _simulate(device.output, layers, features)
    rows = [
        LayerError(
            name=layer.name,
            op=layer.op,
            tensor=layer.tensor.index,
            shape=layer.tensor.shape,
            snr_db=snr_db(*powers[at]),
            accuracy_alone=_accuracy(alone[at], labels) if at in alone else None,
            logits_snr_db_alone=_ratio(float_logits, alone[at]) if at in alone else None,
        )
        for at, layer in enumerate(layers)
    ]
    return QuantizationError(
        clips=len(labels),
        float_accuracy=_accuracy(float_logits, labels),
        int8_accuracy=_accuracy(int8_logits, labels),
        simulated_accuracy=_accuracy(everything, labels),
        logits_snr_db=_ratio(float_logits, int8_logits),
        layers=tuple(sorted(rows, key=lambda row: (math.isnan(row.snr_db), row.snr_db))),
    )


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(metrics.predictions(logits) == labels))


def _ratio(wanted: np.ndarray, found: np.ndarray) -> float:
    wanted = wanted.astype(np.float64)
    return snr_db(float(np.mean(wanted**2)), float(np.mean((wanted - found) ** 2)))


def _simulate(
    output: graph.Node, layers: Sequence[Layer], features: np.ndarray
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Logits [clips, classes] with each layer rounded alone, by its index, and with all."""
    simulation = fake_quantization.Simulation(output, layers)
    chosen = [at for at, layer in enumerate(layers) if not layer.copies]
    alone: dict[int, list[np.ndarray]] = {at: [] for at in chosen}
    everything = []
    batches = range(0, len(features), _BATCH)
    with progress.bar(
        total=len(batches) * len(chosen), desc="layers rounded alone", unit="batch"
    ) as bar:
        for start in batches:
            clips = features[start : start + _BATCH]
            everything.append(simulation.logits(clips, np.ones(len(layers), bool)))
            for at, logits in zip(chosen, simulation.logits_of_each(clips, chosen), strict=True):
                alone[at].append(logits)
                bar.update()
    joined = {at: np.concatenate(logits) for at, logits in alone.items()}
    return joined, np.concatenate(everything)


def _compare(
    model: bytes, output: graph.Node, layers: Sequence[Layer], features: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of squares of values and errors [layers, 2], and float and int8 logits."""
    watched = [layer.node for layer in layers]
    run = graph.traced(lambda clips: _values(output, watched, clips), features)
    int8 = _Int8Tensors(model, [*(layer.tensor.index for layer in layers)])
    powers = np.zeros((len(layers), 2))
    float_logits, int8_logits = [], []
    with progress.bar(total=len(features), desc="int8 tensors against float", unit="clip") as bar:
        for at in range(0, len(features), _BATCH):
            clips = features[at : at + _BATCH]
            logits, wanted = run(clips)
            found, found_logits = int8.run(clips)
            for i, layer in enumerate(layers):
                grid = layer.tensor.scales[0], layer.tensor.zero_points[0]
                x = wanted[i].numpy()
                error = x - metrics.dequantize(found[i], *grid).reshape(x.shape)
                powers[i] += np.sum(np.square(x, dtype=np.float64)), np.sum(np.square(error))
            float_logits.append(logits.numpy())
            int8_logits.append(found_logits)
            bar.update(len(clips))
    return powers, np.concatenate(float_logits), np.concatenate(int8_logits)


def _values(output: graph.Node, watched: Sequence[graph.Node], clips: Any) -> tuple[Any, list[Any]]:
    """The logits and the values of some nodes."""
    seen: dict[graph.Node, Any] = {}

    def compute(node: graph.Node, *read: Any) -> Any:
        seen[node] = node.compute(*read)
        return seen[node]

    return graph.to_function(output, compute)(clips), [seen[node] for node in watched]


class _Int8Tensors:
    """An int8 model under LiteRT's reference kernels that exposes its inner tensors."""

    def __init__(self, model: bytes, tensors: Sequence[int]) -> None:
        from ai_edge_litert import interpreter as litert

        self._interpreter = litert.Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._tensors = tensors

    def run(self, features: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Each tensor as int8 [clips, ...], and the real logits [clips, classes]."""
        interpreter = self._interpreter
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        found: list[list[np.ndarray]] = [[] for _ in self._tensors]
        logits = []
        for clip in quantize(features, *source["quantization"]):
            interpreter.set_tensor(source["index"], clip[np.newaxis])
            interpreter.invoke()
            for values, tensor in zip(found, self._tensors, strict=True):
                values.append(interpreter.get_tensor(tensor)[0])
            logits.append(interpreter.get_tensor(target["index"])[0])
        real = metrics.dequantize(np.stack(logits), *target["quantization"])
        return [np.stack(values) for values in found], real
