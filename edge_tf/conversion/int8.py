"""Fully-int8 TFLite by post-training quantization, and the rules the file must meet."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

import tflite_model
from edge_tf.conversion.rewriting import bands, device_graph, hard_swish, lowering, rewrites
from edge_tf.conversion.rewriting.equalization import equalize
from edge_tf.conversion.rewriting.folding import can_shift_logits, inference_model
from edge_tf.conversion.tflite.slimming import slim
from edge_tf.errors import UserError
from edge_tf.models import inference
from edge_tf.settings import GRAPHS, Graph
from edge_tf.tflite_runtime import run_int8
from tflite_model.names import printable

_FORBIDDEN = {
    "SPACE_TO_BATCH_ND": "it surrounds a dilated convolution when the batch is dynamic",
    "BATCH_TO_SPACE_ND": "it surrounds a dilated convolution when the batch is dynamic",
    "QUANTIZE": "it changes the scale between two ops that should share it",
    "DEQUANTIZE": "a float op follows it",
}

_CALIBRATION_STRIDES = (1, 3, 5)


# Input of the converter: a function of the features, and its variables.
_Function = tuple[Callable[[tf.Tensor], tf.Tensor], list[Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Converted:
    """Result of `convert_with_graph`.

    Attributes:
      data: the .tflite file.
      graph: the float graph it was made from; None for the plain graph.
    """

    data: bytes
    graph: device_graph.DeviceGraph | None


def convert(model: keras.Model, representative: np.ndarray, form: Graph = "device") -> bytes:
    """The .tflite file of `convert_with_graph`."""
    return convert_with_graph(model, representative, form).data


def convert_with_graph(
    model: keras.Model, representative: np.ndarray, form: Graph = "device"
) -> Converted:
    """Converts a float model to int8 weights, activations, input and output.

    Channels are first scaled to equal ranges (equalization.py). Then the graph is rewritten for
    small devices (bands.py and the other rewrites in `_device`), or only its norms are folded
    (folding.py). The error of the logits on the representative clips then decides two things:

    - Ranges. The extremes of an activation over many clips are rare, 20 standard deviations and
      more; a step wide enough for them costs precision everywhere else. Ranges from all, every
      third and every fifth clip are tried, and those with the smallest error are kept.
    - Means. Rounding not only adds noise to the logits, it shifts their means, in BC-ResNet-1 by
      up to 0.4 at an error of 0.3 (root mean square). The mean error is subtracted from the last
      bias, which costs nothing on the device (the empirical bias correction of arXiv:1906.04721,
      sec. 4.2, at the last layer).

    Args:
      model: a functional model of this library that outputs logits.
      representative: (n, mel_bands, frames, 1) float32 features of training clips, ordered
        so that labels are spread evenly.
      form: "device": few, cheap ops; "plain": the ops that Keras computes.

    Returns:
      The .tflite file, and the float graph it was made from.

    Raises:
      UserError: an op has no int8 form, or the result breaks a rule of `check`.
    """
    if form not in GRAPHS:
        raise UserError(f"there is no graph '{form}'", f"choose one of {', '.join(GRAPHS)}")
    model = equalize(model, representative)
    expected = inference.logits(model, representative)
    make = _device(model, representative) if form == "device" else _plain(model)
    candidates = []
    for stride in _CALIBRATION_STRIDES:
        function = make(representative[::stride], None)
        data = quantize_graph(function, representative[::stride])
        error = run_int8(data, representative).real() - expected
        spread, shift = float(error.var(axis=0).sum()), error.mean(axis=0)
        candidates.append((spread, stride, function, data, shift))
    _, stride, function, data, shift = min(candidates, key=lambda candidate: candidate[:2])
    if can_shift_logits(model):
        function = make(representative[::stride], -shift)
        data = quantize_graph(function, representative[::stride])
    slimmed, named = slim(data), function[0]
    if not isinstance(named, device_graph.NamedFunction):
        return Converted(slimmed, None)
    return Converted(slimmed, device_graph.of(named, data, slimmed))


# Makes the function from the clips that will set its ranges and an offset for its logits.
_Make = Callable[[np.ndarray, np.ndarray | None], _Function]


def _device(model: keras.Model, representative: np.ndarray) -> _Make:
    """The graph with all rewrites for small devices; BUILD_NOTES.md says what each gains."""
    folded = rewrites.fold_affine(lowering.lower(model))
    fitted = hard_swish.fit(folded, representative)

    def make(clips: np.ndarray, shift: np.ndarray | None) -> _Function:
        output = bands.fold_blocks(fitted, clips)
        output = rewrites.dilation_as_zeros(rewrites.mean_as_depthwise(output))
        output = output if shift is None else rewrites.shift_logits(output, shift)
        return device_graph.NamedFunction(output), []

    return make


def _plain(model: keras.Model) -> _Make:
    """The graph with its norms folded and nothing else."""

    def make(clips: np.ndarray, shift: np.ndarray | None) -> _Function:
        folded = inference_model(model, shift)
        return lambda features: folded(features, training=False), folded.variables

    return make


def quantize_graph(function: _Function, representative: np.ndarray) -> bytes:
    """Converts a float function to int8; ranges come from the representative clips.

    Raises:
      UserError: an op has no int8 form, or the result breaks a rule of `check`.
    """
    run, variables = function
    spec = tf.TensorSpec((1, *representative.shape[1:]), tf.float32, name="features")
    # The converter saves its input; with a bare module it need not trace every layer.
    holder = tf.Module()
    holder.weights = variables
    traced = tf.function(run, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [traced.get_concrete_function(spec)], holder
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[np.newaxis]] for row in representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    try:
        with quiet():
            data = converter.convert()
    except Exception as error:  # the converter raises RuntimeError, ValueError and its own
        reason = str(error).strip().splitlines()
        raise UserError(
            f"the model cannot be converted to int8: {reason[0] if reason else error!r}",
            "use layers of edge_tf.layers and Keras layers that TFLite has in int8",
        ) from error
    check(data)
    return data


def check(data: bytes) -> None:
    """Enforces the rules for an int8 model for small devices.

    Every tensor is integer and static, batch 1, int8 input and output, no custom ops, and none of
    the ops that indicate a dynamic batch or a float island.

    Raises:
      UserError: names the first op or tensor that breaks a rule.
    """
    info = tflite_model.parse(data, "the converted model")
    for op in info.ops:
        where = f"op {op.index} ({op.full_name})"
        if op.is_custom:
            raise UserError(f"{where} is a custom op", "replace the layer with TFLite builtins")
        if op.name in _FORBIDDEN:
            raise UserError(f"{where} must not be in an int8 model: {_FORBIDDEN[op.name]}")
        for index in (*op.inputs, *op.outputs):
            if index < 0:
                continue
            tensor = info.tensors[index]
            name = printable(tensor.name)
            if tensor.is_float:
                raise UserError(f"{where} has the float tensor '{name}' ({tensor.type})")
            if not tensor.is_static:
                raise UserError(f"{where} has the dynamic tensor '{name}'")
    for tensor in (*info.inputs, *info.outputs):
        name = printable(tensor.name)
        if tensor.type != "INT8" or len(tensor.scales) != 1:
            raise UserError(f"'{name}' is {tensor.type}, input and output must be int8")
        if tensor.shape[:1] != (1,):
            raise UserError(f"'{name}' has shape {tensor.shape}, the batch must be 1")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences stderr of the process: the converter's C++ logs there, not through Python."""
    saved = os.dup(2)
    with open(os.devnull, "w") as null:
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
