"""Exports of other forms: several inputs, other types, state, normalized features."""

import dataclasses
from pathlib import Path

import pytest

from edge_tf.conversion.tflite import streaming
from firmware_export.errors import ExportError
from firmware_export.standalone import package
from firmware_export.standalone.spotting import Spotting
from tests.firmware_export.models import LABELS
from tests.firmware_export.standalone import ends_test, variables_test
from tests.firmware_export.standalone.exports import (
    CONFIG,
    build_with_cmake,
    check_cpp,
    run,
    self_test,
)
from tests.firmware_export.standalone.model_builder import Builder


class TestAnyModel:
    def test_several_inputs(self, tmp_path: Path):
        builder = Builder()
        a, b, c = (builder.activation((1, 6), 0.1) for _ in range(3))
        builder.op("ADD", [a, b], c)
        d = builder.activation((1, 6), 0.2)
        builder.op("MUL", [a, c], d)
        manifest = package.export(builder.finish([a, b], [c, d]), tmp_path / "out", "1")
        assert manifest["golden"]["clips"] == 4
        assert "model_input_0()" in (tmp_path / "out" / "README.md").read_text()
        assert self_test(tmp_path / "out", tmp_path) == (0, "0 of 12 bytes differ")
        golden = tmp_path / "out/src/golden.c"
        text = golden.read_text()
        start = text.index("golden_logits_1")
        wrong = text[start:].replace("{\n        ", "{\n        1 ^ ", 1)
        golden.write_text(text[:start] + wrong)
        assert self_test(tmp_path / "out", tmp_path) == (1, "1 of 12 bytes differ")

    @pytest.mark.parametrize(("first", "last"), [("float32", "float32"), ("uint8", "float32")])
    def test_other_types_at_the_ends(self, tmp_path: Path, first: str, last: str):
        manifest = package.export(ends_test.converted(first, last), tmp_path / "out", "1")
        assert manifest["model"]["inputs"][0]["type"] == first
        assert (manifest["model"]["inputs"][0]["scale"] is None) == (first == "float32")
        assert self_test(tmp_path / "out", tmp_path) == (0, "0 of 120 bytes differ")
        readme = (tmp_path / "out/README.md").read_text()
        assert f"| input | {first} [1, 5, 3, 2]" in readme
        assert "model_invoke_quantized" in readme and "only at its ends" in readme

    def test_a_model_that_keeps_state(self, tmp_path: Path):
        """Its golden vectors are a sequence, which the self-test can run twice."""
        model, _ = variables_test.queue(2)
        manifest = package.export(model, tmp_path / "out", "1")
        assert manifest["golden"]["clips"] == 16
        assert not manifest["streaming"]
        memory = manifest["memory"]
        assert memory["ram"]["state"] == memory["state_bytes"] > 0
        assert self_test(tmp_path / "out", tmp_path)[0] == 0
        main = tmp_path / "out/extras/self_test_main.c"
        call = "self_test_run(print_line, NULL)"
        main.write_text(main.read_text().replace(call, f"{call} + {call}"))
        assert self_test(tmp_path / "out", tmp_path)[0] == 0
        assert "`model_reset` starts over" in (tmp_path / "out/README.md").read_text()


class TestNormalized:
    def test_self_test(self, normalized: Path, tmp_path: Path):
        done = run(build_with_cmake(normalized, tmp_path) / "self_test")
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("0 of 4040 features differ") == 3

    def test_headers_and_sketches_in_cpp(self, normalized: Path, tmp_path: Path):
        check_cpp(normalized, tmp_path, "c++11")

    def test_a_stream_has_no_whole_window(self, streaming_model: bytes, tmp_path: Path):
        config = dataclasses.replace(CONFIG, normalization="residual")
        words = Spotting(LABELS, config.to_dict())
        form = streaming.rewrite(streaming_model).data
        with pytest.raises(ExportError, match="normalization=residual needs statistics over a"):
            package.export(streaming_model, tmp_path / "out", "1", spotting=words, streaming=form)
        assert not (tmp_path / "out").exists()
