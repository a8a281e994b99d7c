"""The comment above each array: its layer as the file calls it, if that is fit to be seen."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_export.standalone import array_comments, compiler
from firmware_export.standalone.graph.calls import Array
from firmware_export.standalone.graph.tensor import Tensor
from tests.firmware_export import models
from tests.firmware_export.standalone.model_builder import VALID
from tests.firmware_export.standalone.passes_test import Model, compare


def model_c(name: str) -> str:
    def rename(model: Any) -> None:
        model.subgraphs[0].tensors[1].name = name

    return compiler.compile(models.fully_connected(rename)).files["model.c"]


def comments(source: str) -> list[str]:
    return re.findall(r"^/\* (.*) \*/\nEDGE_WEIGHTS_ATTR MODEL_ALIGN_16 static const", source, re.M)


def test_a_layer_is_named():
    weights, *others = comments(model_c("dense_1/kernel"))
    assert weights == "dense_1/kernel: 3x8, int8, per tensor"
    assert others[0] == "bias of op 0 FULLY_CONNECTED: 3, int32"


def test_every_array_has_one():
    source = model_c("dense")
    assert len(comments(source)) == len(re.findall(r"MODEL_ALIGN_16 static const", source))


@pytest.mark.parametrize("name", ["", "t12", "tfl.pseudo_qconst3", "arith.constant", "t3#7"])
def test_where_the_file_has_no_name_the_op_stands_in(name: str):
    assert comments(model_c(name))[0] == "weights of op 0 FULLY_CONNECTED: 3x8, int8, per tensor"


def test_the_first_of_fused_layers_gives_the_name():
    assert comments(model_c("conv/Conv2D;bn/mul"))[0].startswith("conv/Conv2D: ")


def test_long_names_keep_their_end():
    (found, *_) = comments(model_c("block/" * 30 + "kernel"))
    assert re.fullmatch(r"\.\.\.[/block]+/kernel: 3x8, int8, per tensor", found)
    assert len(found) <= 90


@pytest.mark.parametrize(
    "name",
    [
        "*/ int x; /*",
        "a\nb\r\n#error",
        "\x1b[31mred\x1b]0;title\x07",
        "\u202ereversed\u2066 caf\u00e9 \u3053",
        "??/\\",
        "//\t\x00end",
        "***/",
    ],
)
def test_hostile_names_do_nothing(name: str, tmp_path: Path):
    source = model_c(name)
    assert re.fullmatch(r"[\w./:# -]+: 3x8, int8, per tensor", comments(source)[0], re.A)
    assert source.isascii() and source.replace("\n", "").isprintable()
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("needs gcc")
    files = compiler.compile(models.fully_connected()).files
    for file, text in {**files, "model.c": source}.items():
        (tmp_path / file).write_text(text)
    command = [gcc, "-std=c99", "-Wall", "-Werror", "-fsyntax-only", tmp_path / "model.c"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_weights_are_told_by_the_constant_they_come_from():
    weights = Tensor("block/depthwise", (1, 3, 1, 3), "int8", (0.1,) * 3, (0,) * 3, 3)
    array = Array("weights", np.ones(9, np.int8), (3, 3), weights)
    assert array_comments.about(array, "op 7") == "block/depthwise: 3x3, int8, per channel"
    long = ", ".join(f"op {number} PAD" for number in range(20))
    text = array_comments.about(Array("bias", np.ones(3, np.int32)), long)
    assert text.startswith("bias of ...") and text.endswith("op 19 PAD: 3, int32")


def test_sums_of_rows_name_their_convolution():
    """The pass makes another op of a depthwise convolution; its weights keep their origin."""
    model = Model((1, 9, 5, 4))
    y = model.depthwise(model.input, (3, 1), padding=VALID)
    source = compare("row_sums", model, y).on.files["model.c"]
    first = comments(source)[0]
    assert first.startswith("weights of op ")
    assert first.endswith(" DEPTHWISE_CONV_2D: 3x4, int8, per channel")
