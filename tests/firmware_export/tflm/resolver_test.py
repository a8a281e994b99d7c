import re
from pathlib import Path
from typing import Any

import pytest

import tflite_model
from firmware_export.errors import ExportError
from firmware_export.tflm import resolver
from tests.firmware_export import models
from tflite_model.info import ModelInfo

STUB = Path(__file__).parent / "stub/tensorflow/lite/micro/micro_mutable_op_resolver.h"
BUILTINS = {
    name: code for name, code in vars(models.schema.BuiltinOperator).items() if name[0] != "_"
}


def with_op(code: int, custom: str | None = None) -> ModelInfo:
    def change(model: Any) -> None:
        models.set_op(model, code, custom)

    return tflite_model.parse(models.fully_connected(change))


def supported() -> list[str]:
    names = []
    for name in BUILTINS:
        try:
            resolver.add_method(name)
        except ExportError:
            continue
        names.append(name)
    return names


@pytest.mark.parametrize(
    ("op", "method"),
    [
        ("ADD", "AddAdd"),
        ("ADD_N", "AddAddN"),
        ("AVERAGE_POOL_2D", "AddAveragePool2D"),
        ("CONV_2D", "AddConv2D"),
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("HARD_SWISH", "AddHardSwish"),
        ("RELU6", "AddRelu6"),
        ("RESIZE_NEAREST_NEIGHBOR", "AddResizeNearestNeighbor"),
        ("SPLIT_V", "AddSplitV"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
    ],
)
def test_names(op: str, method: str) -> None:
    assert resolver.add_method(op) == method


def test_every_method_is_one_of_the_library_s() -> None:
    """The stub has the library's Add methods for builtin ops, each once."""
    methods = re.findall(r"TfLiteStatus (Add\w+)\(\)", STUB.read_text(encoding="utf-8"))
    assert sorted(resolver.add_method(name) for name in supported()) == sorted(methods)
    assert len(methods) == 100


def test_each_op_once_by_name(converted_model: bytes) -> None:
    assert resolver.add_methods(tflite_model.parse(converted_model)) == [
        "AddAdd",
        "AddConv2D",
        "AddDepthwiseConv2D",
        "AddFullyConnected",
        "AddLogistic",
        "AddMean",
    ]


@pytest.mark.parametrize("name", ["RNN", "CONV_3D", "GELU", "ATAN2", "STABLEHLO_ADD"])
def test_an_op_without_a_kernel_is_named(name: str) -> None:
    with pytest.raises(ExportError, match=rf"op 0 of the model: .* no kernel for {name};"):
        resolver.add_methods(with_op(BUILTINS[name]))


def test_a_custom_op_is_named() -> None:
    with pytest.raises(ExportError, match="op 0 of the model is the custom op 'Magic'"):
        resolver.add_methods(with_op(BUILTINS["CUSTOM"], "Magic"))
