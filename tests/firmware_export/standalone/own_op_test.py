"""Ops that no file but their own knows of: one with header and kernel, one made of other ops."""

import dataclasses
import shutil

import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, kernel_files, registry
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.slice import Slice
from tests.firmware_export.standalone import host
from tests.firmware_export.standalone.model_builder import Builder

HEADER = """
#ifndef EDGE_REVERSE_H
#define EDGE_REVERSE_H

#include <stdint.h>

typedef struct {
    uint32_t size;
} edge_reverse_t;

void edge_reverse(const edge_reverse_t *p, const int8_t *in, int8_t *out);

#endif
"""
KERNEL = """
#include "edge_reverse.h"

void edge_reverse(const edge_reverse_t *p, const int8_t *in, int8_t *out)
{
    for (uint32_t i = 0; i < p->size; i++) {
        out[i] = in[p->size - 1 - i];
    }
}
"""


@dataclasses.dataclass(eq=False)
class Reverse(ir.Op):
    def lower(self, target: str = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        places = (Place(x), Place(output))
        call = self.call("reverse", {"size": x.size}, *places, header="edge_reverse.h")
        return Lowered((call,))


def read(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    return Reverse([op.activation(0)], op.output(), op.source)


def test_an_op_with_a_header_and_a_kernel(tmp_path, monkeypatch):
    kernels = tmp_path / "kernels"
    shutil.copytree(compiler.KERNELS, kernels)
    (kernels / "edge_reverse.h").write_text(HEADER)
    (kernels / "portable" / "reverse.c").write_text(KERNEL)
    rule = OpRule("FLOOR", 1, read)
    monkeypatch.setattr(compiler, "KERNELS", kernels)
    monkeypatch.setattr(kernel_files, "KERNELS", kernels)
    monkeypatch.setattr(registry, "rules", lambda: {"FLOOR": rule})
    builder = Builder()
    x, y = (builder.activation((1, 5), 0.1) for _ in range(2))
    builder.op("FLOOR", [x], y)

    compiled = compiler.compile(builder.finish([x], [y]))

    assert {"edge_reverse.h", "edge_reverse.c", "edge_kernels.h"} <= set(compiled.files)
    assert '#include "edge_kernels.h"\n#include "edge_reverse.h"\n' in compiled.files["model.c"]
    (result,) = host.Host(compiled)(np.arange(5, dtype=np.int8))
    np.testing.assert_array_equal(result, [[4, 3, 2, 1, 0]])


def read_halves(op: FileOp) -> list[ir.Op]:
    """Two outputs, as SPLIT has them: a slice each."""
    op.check_counts(1, 1, outputs=2)
    x = op.activation(0)
    count = x.shape[1] // 2
    starts = ((0, 0), (0, count))
    return [
        Slice([x], op.output(position), op.source, begin=begin, step=(1, 1))
        for position, begin in enumerate(starts)
    ]


def halves(*outputs: int) -> compiler.Compiled:
    builder = Builder()
    x = builder.activation((1, 6), 0.1)
    made = [builder.activation((1, 3), 0.1) for _ in range(2)]
    builder.op("FLOOR", [x], [made[index] for index in outputs])
    return compiler.compile(builder.finish([x], made))


def test_an_op_of_two_outputs_made_of_others(monkeypatch):
    monkeypatch.setattr(registry, "rules", lambda: {"FLOOR": OpRule("FLOOR", 1, read_halves)})
    results = host.Host(halves(0, 1))(np.arange(6, dtype=np.int8))
    np.testing.assert_array_equal(results, [[[0, 1, 2]], [[3, 4, 5]]])
    with pytest.raises(ExportError, match="has 1 outputs, not 2"):
        halves(0, 0)
