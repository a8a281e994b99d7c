import sys
from typing import Any

import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.oracle import micro
from tests import shared
from tests.firmware_export import models
from tests.firmware_export.standalone import compiler_test, ends_test, tflm_oracle


@pytest.fixture
def tflite_micro() -> None:
    shared.need_tflite_micro()


@pytest.mark.parametrize("which", ["small", "converted"])
def test_logits_are_the_reference_kernels(
    tflite_micro: None, request: pytest.FixtureRequest, which: str
) -> None:
    golden = request.getfixturevalue(f"{which}_golden")
    ran = micro.run(request.getfixturevalue(f"{which}_model"), golden.features)
    assert ran is not None
    assert np.array_equal(ran.logits, golden.logits)


def test_nothing_is_run_where_there_is_no_runtime(
    no_tflite_micro: None, small_model: bytes, small_golden: Golden
) -> None:
    assert micro.run(small_model, small_golden.features) is None
    assert micro.unavailable_reason().startswith("not available here")


@pytest.mark.parametrize(
    ("system", "machine", "version", "error", "told"),
    [
        ("Linux", "x86_64", (3, 11, 2), None, f"is not installed in {sys.prefix}; run: make setup"),
        ("Linux", "x86_64", (3, 12), ModuleNotFoundError("x"), "not installed in"),
        ("Linux", "x86_64", (3, 10), ImportError("GLIBC_2.38"), "does not load (GLIBC_2.38); run:"),
        ("Linux", "x86_64", (3, 13, 0), None, "3.10 to 3.12 only; this is Linux x86_64 and Python"),
        ("Linux", "aarch64", (3, 11), None, "this is Linux aarch64 and Python 3.11"),
        ("Darwin", "arm64", (3, 11), None, "this is Darwin arm64 and Python 3.11"),
    ],
)
def test_what_is_wrong_is_told_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    version: tuple[int, ...],
    error: ImportError | None,
    told: str,
) -> None:
    monkeypatch.setattr(micro.platform, "system", lambda: system)
    monkeypatch.setattr(micro.platform, "machine", lambda: machine)
    monkeypatch.setattr(micro.sys, "version_info", version)
    assert told in micro.remedy(error)


def test_a_runtime_that_does_not_load(
    monkeypatch: pytest.MonkeyPatch, small_model: bytes, small_golden: Golden
) -> None:
    monkeypatch.setattr(micro.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(micro, "_PROBE", "-cimport sys; sys.exit(3)")
    assert micro.run(small_model, small_golden.features) is None


class TestRefusals:
    def test_a_model_that_the_interpreter_refuses(
        self, tflite_micro: None, small_golden: Golden
    ) -> None:
        def change(model: Any) -> None:
            model.subgraphs[0].tensors[3].type = models.schema.TensorType.INT16

        with pytest.raises(ExportError, match=r"Node FULLY_CONNECTED .*INT8 != INT16"):
            micro.run(models.fully_connected(change), small_golden.features)

    def test_a_crash_does_not_take_the_caller_along(
        self, monkeypatch: pytest.MonkeyPatch, small_model: bytes, small_golden: Golden
    ) -> None:
        monkeypatch.setattr(micro.importlib.util, "find_spec", lambda name: object())
        monkeypatch.setattr(micro, "_PROBE", "-cimport os; os.kill(os.getpid(), 11)")
        with pytest.raises(ExportError, match=r"crashes on this model \(signal 11"):
            micro.run(small_model, small_golden.features)

    def test_a_hang_ends(
        self, monkeypatch: pytest.MonkeyPatch, small_model: bytes, small_golden: Golden
    ) -> None:
        monkeypatch.setattr(micro.importlib.util, "find_spec", lambda name: object())
        monkeypatch.setattr(micro, "_PROBE", "-cimport time; time.sleep(600)")
        monkeypatch.setattr(micro, "_TIMEOUT_S", 0.1)
        with pytest.raises(ExportError, match=r"has not finished this model after 0\.1 s"):
            micro.run(small_model, small_golden.features)


def test_a_kernel_that_crashes_in_a_small_arena_counts_as_one_that_does_not_fit(
    tflite_micro: None,
) -> None:
    """CONV_2D does, where its filter's quantization does not fit."""
    model = ends_test.converted("float32", "float32")
    ran = micro.run(model, np.zeros((2, 5, 3, 2), np.float32))
    assert ran is not None
    assert ran.minimum_bytes > 0
    assert ran.logits.shape == (2, 30) and ran.logits.dtype == np.float32


def test_several_inputs_and_outputs(tflite_micro: None) -> None:
    rng = np.random.default_rng(0)
    given = [rng.integers(-128, 128, (3, 6)).astype(np.int8) for _ in range(2)]
    model = compiler_test.two_ends()
    ran = micro.run(model, given, outputs=2)
    assert ran is not None
    for index, clip in enumerate(zip(*given, strict=True)):
        wanted = tflm_oracle.run(model, [values[np.newaxis] for values in clip], [2, 3])
        for got, want in zip(ran.outputs, wanted, strict=True):
            np.testing.assert_array_equal(got[index], want.reshape(-1))
