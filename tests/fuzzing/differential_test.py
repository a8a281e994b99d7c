"""What the fuzzers look for is found when it is there, and nothing else is."""

import dataclasses
import shutil

import numpy as np
import pytest

from firmware_export.standalone import compiler
from fuzzing import changes, differential, mutants, networks
from fuzzing.reference import Answer, Reference
from tests.firmware_export.standalone import one_op


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    pytest.importorskip("tflite_micro")
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    made = differential.Comparison(tmp_path_factory.mktemp("programs"))
    yield made
    made.close()


@pytest.fixture
def counts(comparison):
    comparison.counts.clear()
    return comparison.counts


def changed(monkeypatch, change):
    """Lets the compiler make other C of MEAN."""
    whole = compiler.compile

    def compile(data: bytes) -> compiler.Compiled:
        compiled = whole(data)
        if "edge_mean(" not in compiled.files["model.c"]:
            return compiled
        source = {**compiled.files, "model.c": change(compiled.files["model.c"])}
        return dataclasses.replace(compiled, files=source)

    monkeypatch.setattr(differential.compiler, "compile", compile)


def test_legal_models_of_every_op_have_the_bytes_of_tflite_micro(comparison, counts):
    cases = {index: one_op.make(name) for index, name in enumerate(one_op.OPTIONS)}
    assert comparison.run(cases) == []
    assert counts["ran on both"] == len(cases)
    assert counts["bytes compared"] > 3 * len(cases)
    before = counts["different C programs"]
    assert comparison.run(cases) == []
    assert counts["different C programs"] == before  # equal C is not built again


def test_networks_of_many_ops(comparison, counts):
    assert comparison.run({index: networks.make(7, index, 8) for index in range(8)}) == []
    assert counts["ran on both"] >= 6


def test_other_bytes_are_found(comparison, counts, monkeypatch):
    changed(monkeypatch, lambda text: text.replace(".zero_point = 0", ".zero_point = 1"))
    (problem,) = comparison.run({3: one_op.make("MEAN"), 4: one_op.make("MUL")})
    assert (problem.case, problem.kind) == (3, "difference")
    assert "bytes differ, the first at 0" in problem.detail


def test_a_write_outside_of_the_buffer_is_found_and_the_next_model_runs(
    comparison, counts, monkeypatch
):
    write = "for (int i = 0; i < 9999; ++i) { model_input()[i] = 0; }\n  edge_mean("
    changed(monkeypatch, lambda text: text.replace("edge_mean(", write))
    (problem,) = comparison.run({1: one_op.make("MEAN"), 2: one_op.make("SUB")})
    assert (problem.case, problem.kind) == (1, "sanitizer or compiler")
    assert "insufficient space" in problem.detail or "Sanitizer" in problem.detail
    assert counts["ran on both"] == 1


def test_c_that_does_not_compile_is_found_and_the_next_model_runs(comparison, counts, monkeypatch):
    changed(monkeypatch, lambda text: text + "int x = 1\n")
    (problem,) = comparison.run({1: one_op.make("MEAN"), 2: one_op.make("SUB")})
    assert problem.detail.startswith("does not compile: ")
    assert counts["ran on both"] == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [(KeyError("a"), "untyped error"), (MemoryError(), "untyped error"), (TimeoutError(), "hang")],
)
def test_untyped_errors_and_hangs_are_found(comparison, counts, monkeypatch, error, kind):
    def fail(data: bytes) -> compiler.Compiled:
        raise error

    monkeypatch.setattr(differential.compiler, "compile", fail)
    (problem,) = comparison.run({1: one_op.make("ADD")})
    assert problem.kind == kind


def test_the_reference_survives_what_it_is_given():
    pytest.importorskip("tflite_micro")
    reference = Reference()
    given = [[np.zeros((1, 2, 2, 2), np.int8)]]
    assert reference.run(b"no model", given).ending in ("refused", "aborted")
    answer = reference.run(one_op.make("SUB"), given)
    assert answer == Answer("ran", ((bytes([253]) * 8,),))
    assert reference.fresh(one_op.make("SUB"), given) == answer
    reference.close()


def test_a_mutant_is_the_same_in_every_run():
    assert [mutants.make(1, i) for i in range(30)] == [mutants.make(1, i) for i in range(30)]
    assert mutants.make(1, 0) != mutants.make(2, 0)


def test_without_steps_a_base_is_itself():
    for number, data in enumerate(changes.bases()):
        again = changes.unpack(mutants.apply(number, ()))
        assert changes.pack(again) == changes.pack(changes.unpack(data))


def test_smaller_mutants_lack_one_step():
    mutant = next(m for m in (mutants.make(1, i) for i in range(99)) if len(m.steps) == 3)
    assert [len(one.steps) for one in mutant.smaller()] == [2, 2, 2]


def test_minimized_finds_are_those_with_the_fewest_steps(comparison, monkeypatch):
    """A fault that MEAN alone has: whatever else a mutant changes is left out."""
    mutant = mutants.Mutant(list(one_op.OPTIONS).index("MEAN"), (1,), one_op.make("MEAN"))
    fuzzer = mutants.Mutants.__new__(mutants.Mutants)
    fuzzer._comparison = comparison
    changed(monkeypatch, lambda text: text + "int x = 1\n")
    find = fuzzer._minimized("sanitizer or compiler", mutant, "mutants 1/1")
    assert find.files["model.tflite"] == mutant.data
    assert find.detail.startswith("does not compile")
