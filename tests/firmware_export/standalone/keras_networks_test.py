"""Random networks of Keras layers through the stock converter: the bytes of TFLite Micro.

What it runs is compiled, except for what is listed here.
"""

import collections
import re

import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from tests.firmware_export.standalone import host, keras_networks, tflm_oracle

_FEW, _ALL = 6, 300
# Refusals that are right although TFLite Micro runs the model.
_KNOWN = (
    # Ops that the converter leaves in float, in the middle of the network.
    r"of type FLOAT32",
    r"has no int8 kernel in TFLite Micro either",
    # The converter leaves divisions in float; TFLite Micro's int8 ones shift by more than 31 bits
    # where a quotient is small, which C does not define.
    r"\(DIV\) has no kernel",
    # It would write outside of its tensors.
    r"\(SPACE_TO_BATCH_ND\) makes .* a dimension is unknown",
)
# What TFLite Micro checks by ending the process: it must not be asked.
_ABORTS = ("which TFLite Micro rejects", "TFLite Micro aborts")


def outcome(seed: int) -> tuple[str, str]:
    """("equal", ""), or what became of a network otherwise and why; fails where bytes differ."""
    network = keras_networks.make(seed)
    if not network.model:
        return "the converter refuses it", ""
    compiled, why = None, ""
    try:
        compiled = compiler.compile(network.model)
    except ExportError as error:
        why = str(error)
    if any(text in why for text in _ABORTS):
        return "refused by both", why
    try:
        wanted = tflm_oracle.run_sequence(network.model, network.inputs)
    except RuntimeError:
        wanted = None
    if compiled is None:
        return ("refused by both" if wanted is None else "refused"), why
    if wanted is None:
        return "only plain C has it", ""
    program = host.Host(compiled, ["-O0"])
    for values, want in zip(network.inputs, wanted, strict=True):
        np.testing.assert_array_equal(program(values)[0], want, err_msg=str(network.layers))
    return "equal", ""


def check(seeds: range) -> collections.Counter[str]:
    tally: collections.Counter[str] = collections.Counter()
    wrong = []
    for seed in seeds:
        kind, why = outcome(seed)
        tally[kind] += 1
        if kind == "refused" and not any(re.search(known, why) for known in _KNOWN):
            wrong.append(f"{seed}: {why}")
    assert not wrong, "\n".join(wrong)
    return tally


def test_a_few_networks():
    tally = check(range(_FEW))
    assert tally["equal"] >= _FEW // 3, tally


@pytest.mark.slow
@pytest.mark.parametrize("first", range(_FEW, _ALL, 73))
def test_all_networks(first):
    seeds = range(first, min(first + 73, _ALL))
    tally = check(seeds)
    print(tally)
    assert tally["equal"] >= len(seeds) // 3, tally
