"""An export that takes one frame at a time."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge_tf.conversion.tflite import streaming
from firmware_export import packing
from firmware_export.errors import ExportError
from firmware_export.standalone import package
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.models import LABELS
from tests.firmware_export.standalone.exports import (
    MODEL_ONLY,
    SELF_TEST,
    SPOTTER,
    build_with_cmake,
    check_cpp,
    kernels_of,
    run,
)
from tests.firmware_export.standalone.host import WARNINGS
from tests.firmware_export.standalone.states_test import WindowModel

DECISIONS = """#include "spotter.h"
#include <stdio.h>
static spotter_t spotter;
static int16_t pcm[%(before)d];
int main(void) {
  int detected;
  uint16_t score;
  spotter_reset(&spotter);
  const int before[] = {%(before)d - 1, 1, 1599, 1};
  for (int i = 0; i < 4; ++i) {
    spotter_push(&spotter, pcm, (size_t)before[i], &detected, &score);
    printf("%%u ", (unsigned)spotter.detector.oldest);
  }
  return 0;
}
"""


def check_decisions(out: Path, tmp_path: Path, window: int, *flags: str) -> None:
    """The first decision comes with the last sample of a window, the next after 100 ms."""
    (tmp_path / "main.c").write_text(DECISIONS % {"before": window})
    program = tmp_path / "decisions"
    sources = sorted((out / "src").glob("*.c"))
    command = ["gcc", *WARNINGS, *flags, f"-I{out / 'src'}", tmp_path / "main.c", *sources]
    subprocess.run([*map(str, command), "-o", str(program)], check=True, timeout=120)
    counted = subprocess.run([program], check=True, capture_output=True, timeout=60).stdout
    assert counted.split() == [b"0", b"1", b"1", b"2"]


class TestStreaming:
    def test_files_and_manifest(self, streamed: Path, streaming_model: bytes):
        content = folder_content(streamed)
        manifest = json.loads(content.pop("manifest.json"))
        kernels = kernels_of(manifest, content)
        assert {"push", "sliding_mean"} <= set(manifest["kernels"])
        assert set(content) == MODEL_ONLY | SELF_TEST | SPOTTER | kernels
        form = streaming.rewrite(streaming_model).data
        assert manifest["streaming"] is True
        assert manifest["model"]["sha256"] == packing.sha256(form)
        assert manifest["golden"]["clips"] == 3 and manifest["golden"]["wavs"] == 2
        assert manifest["golden"]["checked"]

    def test_text_is_tidy(self, streamed: Path):
        for name, data in folder_content(streamed).items():
            text = data.decode("utf-8")
            assert "{{" not in text and "{%" not in text, name
            assert text.endswith("\n") and not text.endswith("\n\n"), name
            assert all(line == line.rstrip() for line in text.splitlines()), name
        readme = (streamed / "README.md").read_text()
        assert "model_push_frame" in readme and "model_reset" in readme

    def test_programs(self, streamed: Path, tmp_path: Path):
        """The self-test pushes each clip frame by frame and gets the whole window's bytes."""
        build = build_with_cmake(streamed, tmp_path)
        done = run(build / "self_test")
        assert done.returncode == 0, done.stdout
        assert "self-test: 0 bytes differ" in done.stdout
        assert done.stdout.count(f"0 of {len(LABELS)} bytes differ") == 3
        assert done.stdout.count("0 of 4040 features differ") == 2
        pcm = np.random.default_rng(0).integers(-3000, 3000, 32_000).astype("<i2").tobytes()
        spotted = subprocess.run(
            [build / "main_example"], input=pcm, capture_output=True, timeout=60
        )
        assert spotted.returncode == 0
        assert all(line.endswith("%)") for line in spotted.stdout.decode().splitlines())

    def test_a_decision_is_made_as_soon_as_a_window_is_full(self, streamed: Path, tmp_path: Path):
        """And then at every tenth frame; the detector's ring of scores counts them."""
        check_decisions(streamed, tmp_path, 16_000, "-DSPOTTER_FRAMES=10")

    def test_self_test_finds_a_wrong_feature(self, streamed: Path, tmp_path: Path):
        """The last frame of a clip reaches the logits: without it they are others."""
        shutil.copytree(streamed / "src", tmp_path / "src")
        test = tmp_path / "src" / "self_test.c"
        text = test.read_text()
        cut = "(int)sizeof golden_features[clip]"
        assert cut in text
        test.write_text(text.replace(cut, f"{cut} - 60 * MODEL_INPUT_SIZE"))
        files = [*(tmp_path / "src").glob("*.c"), streamed / "extras" / "self_test_main.c"]
        program = tmp_path / "self_test"
        done = run("gcc", "-std=c99", f"-I{tmp_path / 'src'}", *files, "-o", program)
        assert done.returncode == 0, done.stderr
        assert run(program).returncode == 1

    @pytest.mark.parametrize("standard", ["c++11", "c++17"])
    def test_headers_and_sketches_in_cpp(self, streamed: Path, tmp_path: Path, standard: str):
        check_cpp(streamed, tmp_path, standard)

    def test_a_model_alone(self, tmp_path: Path):
        """No sound and no labels: random windows, their last frame's outputs."""
        model = WindowModel((1, 6, 9, 1))
        data = model.end(model.mean(model.over_time(model.pointwise(model.input, 2), 2, rows=3)), 3)
        form = streaming.rewrite(data).data
        manifest = package.export(data, tmp_path / "out", "1", streaming=form)
        assert manifest["streaming"] and manifest["golden"]["clips"] == 4
        program = tmp_path / "self_test"
        files = [*(tmp_path / "out/src").glob("*.c"), tmp_path / "out/extras/self_test_main.c"]
        done = run("gcc", *WARNINGS, f"-I{tmp_path / 'out/src'}", *files, "-o", program)
        assert done.returncode == 0, done.stderr
        assert run(program).returncode == 0

    def test_a_file_that_is_no_streaming_form(self, streaming_model: bytes, tmp_path: Path):
        with pytest.raises(ExportError, match=r"my\.tflite: .*is not the streaming form"):
            package.export(
                streaming_model,
                tmp_path / "out",
                "1",
                streaming=streaming_model,
                model_name="my.tflite",
            )
        assert not (tmp_path / "out").exists()
