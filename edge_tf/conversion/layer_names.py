"""Which layer the weights of an int8 file belong to, for people; needs no TensorFlow.

The file itself has no names (tflite/slimming.py takes them out, since they would lie in flash); the
device graph that conversion keeps has them.
"""

import hashlib
import shlex
from pathlib import Path
from typing import Any

import tflite_model
from edge_tf import arrays, files
from edge_tf.errors import UserError

_CONVOLUTIONS = ("Convolution", "Depthwise")


def of_weights(model: bytes, device_graph: Path) -> dict[bytes, str]:
    """Content of each weight tensor to the name of its layer, "stage0_block0 band 2".

    The streaming form has the same weights, so names are found by content.

    Args:
      model: model_int8.tflite of a run.
      device_graph: its device_graph.npz; no names if it is missing or of another model.

    Raises:
      UserError: the graph is damaged.
    """
    if not device_graph.exists():
        return {}
    try:
        structure = files.parse_json(str(arrays.load(device_graph)["structure"]).encode())
        if structure["model_sha256"] != hashlib.sha256(model).hexdigest():
            return {}
        nodes, tensors = structure["nodes"], structure["tensors"]
        names = {int(tensor): _name(nodes, at) for tensor, at in tensors.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{device_graph} is not a graph that this edge_tf reads",
            "make it again with: python -m pipelines.convert "
            f"--run_dir={shlex.quote(str(device_graph.parent))}",
        ) from None
    info = tflite_model.parse(model)
    return {
        info.tensors[op.inputs[1]].data: names[op.outputs[0]]
        for op in info.ops
        if names.get(op.outputs[0]) and len(op.inputs) > 1 and info.tensors[op.inputs[1]].data
    }


def _name(nodes: list[dict[str, Any]], at: int) -> str:
    """The layer of a convolution, or of the one below a fused activation; "" of other nodes."""
    node = nodes[at]
    if node["kind"] == "Activation":
        node = nodes[node["inputs"][0]]
    if node["kind"] not in _CONVOLUTIONS:
        return ""
    return f"{node['fields']['layer']} {node['fields']['part']}".strip()
