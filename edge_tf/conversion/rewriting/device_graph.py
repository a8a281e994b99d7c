"""The float graph an int8 file was made from, and the node that each tensor corresponds to.

Slimming removes the names from the file, and the graph depends on the clips it was fitted to. So
`convert` keeps both: to measure what quantization does to a layer, compare the tensors of the file
with this graph, not with one made again.
"""

import dataclasses
import hashlib
import json
import math
import operator
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import tflite_model
from edge_tf import arrays, files, run_dir
from edge_tf.conversion.rewriting import graph
from edge_tf.errors import UserError

FILE = run_dir.DEVICE_GRAPH
FORMAT_VERSION = 1
_MOST_VALUES = 1 << 26  # of a node's output for one clip

_NODES: dict[str, type[graph.Node]] = {
    kind.__name__: kind
    for kind in vars(graph).values()
    if isinstance(kind, type) and issubclass(kind, graph.Node) and kind is not graph.Node
}


@dataclasses.dataclass(frozen=True, eq=False)
class DeviceGraph:
    """A float graph and the int8 file made from it.

    Attributes:
      output: the last node.
      tensors: index of a tensor in the file to the node whose values it contains. Constants are
        not included, nor are tensors inside a single node.
      model_sha256: hash of the file.
    """

    output: graph.Node
    tensors: Mapping[int, graph.Node]
    model_sha256: str

    def is_of(self, model: bytes) -> bool:
        """Whether this .tflite file was made from it."""
        return self.model_sha256 == hashlib.sha256(model).hexdigest()


class NamedFunction:
    """A graph as a function for the converter; records the name TensorFlow gives each node.

    Name scopes would also work, but the converter orders ops by name.
    """

    def __init__(self, output: graph.Node) -> None:
        self.output = output
        self._nodes: dict[str, graph.Node] = {}

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        self._nodes = {}
        return graph.to_function(self.output, self._compute)(features)

    def _compute(self, node: graph.Node, *values: tf.Tensor) -> tf.Tensor:
        value = node.compute(*values)
        self._nodes[value.op.name] = node
        if isinstance(node, graph.Convolution) and not node.bias.any():
            # The converter drops an addition of zeros, and what TensorFlow dilates a kernel with.
            op = value.op.inputs[0].op
            self._nodes[op.name] = node
            while op.type == "BatchToSpaceND":
                op = op.inputs[0].op
                self._nodes[op.name] = node
        return value

    def tensors(self, model: bytes) -> dict[int, graph.Node]:
        """Maps tensors of the file to nodes.

        Args:
          model: the .tflite file as the converter made it from this function, with its names.
            A fused op has the names of all its ops, joined by semicolons, the last one first.
        """
        info = tflite_model.parse(model)
        found = {info.inputs[0].index: self._input(), info.outputs[0].index: self.output}
        for op in info.ops:
            tensor = info.tensors[op.outputs[0]]
            node = self._nodes.get(tensor.name.split(";")[0])
            if node is not None and node.shape == tensor.shape:
                found.setdefault(tensor.index, node)
        return found

    def _input(self) -> graph.Node:
        return next(node for node in graph.order(self.output) if isinstance(node, graph.Input))


def of(function: NamedFunction, converted: bytes, model: bytes) -> DeviceGraph:
    """The graph of a file.

    Args:
      function: input of the converter.
      converted: output of the converter.
      model: the same file, slimmed: tensors keep their indices.
    """
    digest = hashlib.sha256(model).hexdigest()
    return DeviceGraph(function.output, function.tensors(converted), digest)


def save(device: DeviceGraph, path: Path) -> None:
    """Writes the graph as a .npz: its structure as JSON text, its constants as arrays."""
    nodes = graph.order(device.output)
    at = {node: index for index, node in enumerate(nodes)}
    kept: dict[str, np.ndarray] = {}
    described = []
    for index, node in enumerate(nodes):
        fields: dict[str, Any] = {}
        for field in dataclasses.fields(node):
            value = getattr(node, field.name)
            if isinstance(value, np.ndarray):
                kept[f"{index}.{field.name}"] = value
            elif field.name != "inputs":
                fields[field.name] = value
        inputs = [at[source] for source in node.inputs]
        described.append({"kind": type(node).__name__, "inputs": inputs, "fields": fields})
    structure = {
        "format_version": FORMAT_VERSION,
        "model_sha256": device.model_sha256,
        "nodes": described,
        "tensors": {str(tensor): at[node] for tensor, node in device.tensors.items()},
    }
    with files.atomic_path(path) as temporary:
        np.savez_compressed(temporary, structure=np.array(json.dumps(structure)), **kept)


def load(path: Path) -> DeviceGraph:
    """Reads what `save` wrote.

    Raises:
      UserError: the file is damaged or of another version.
    """
    try:
        constants = arrays.load(path)
        structure = files.parse_json(str(constants.pop("structure")).encode())
        if structure["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format_version {structure['format_version']}")
        nodes = _nodes(structure["nodes"], constants)
        _check_sizes(nodes)
        tensors = {int(tensor): nodes[at] for tensor, at in structure["tensors"].items()}
        return DeviceGraph(nodes[-1], tensors, structure["model_sha256"])
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise UserError(
            f"{path} is not a graph that this edge_tf can read",
            "make it again with: python -m pipelines.convert "
            f"--run_dir={shlex.quote(str(path.parent))}",
        ) from None


def _check_sizes(nodes: list[graph.Node]) -> None:
    """Refuses nodes whose output would not fit into memory. Raises ValueError or its like."""
    for node in nodes:
        sizes = [operator.index(size) for size in node.shape]
        if not all(size > 0 for size in sizes) or math.prod(sizes) > _MOST_VALUES:
            raise ValueError(f"a node of shape {sizes}")


def _nodes(described: list[dict[str, Any]], constants: dict[str, np.ndarray]) -> list[graph.Node]:
    of_node: list[dict[str, Any]] = [{} for _ in described]
    for key, value in constants.items():
        index, name = key.split(".")
        of_node[int(index)][name] = value
    nodes: list[graph.Node] = []
    for one, own in zip(described, of_node, strict=True):
        if any(at < 0 for at in one["inputs"]):
            raise ValueError("a node reads a later one")
        # JSON has lists where nodes have tuples.
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in one["fields"].items()}
        inputs = tuple(nodes[at] for at in one["inputs"])
        kind: Any = _NODES[one["kind"]]
        nodes.append(kind(inputs, **fields, **own))
    return nodes
