"""The folder of plain C: its files, its manifest, and that it builds and proves itself."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflite_model
from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion.tflite import streaming
from firmware_export import folder, packing
from firmware_export.boards.board import TARGETS
from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.standalone import package, passes
from firmware_export.standalone.kernel_structs import KERNELS
from tests.firmware_export import models
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.examples import examples_test
from tests.firmware_export.models import LABELS
from tests.firmware_export.standalone import (
    ends_test,
    random_models,
    tflm_oracle,
    variables_test,
)
from tests.firmware_export.standalone.host import WARNINGS
from tests.firmware_export.standalone.model_builder import Builder
from tests.firmware_export.standalone.passes_test import LIKE
from tests.firmware_export.standalone.states_test import WindowModel

CONFIG = FrontendConfig()
EXAMPLES = {
    *(f"examples/{name}/{name}.ino" for name in ("listen_i2s", "listen_pdm", "listen_serial")),
    *(f"examples/esp_idf/{name}" for name in ("CMakeLists.txt", "sdkconfig.defaults")),
    *(f"examples/esp_idf/main/{name}" for name in ("CMakeLists.txt", "main.c")),
    "examples/main_example.c",
    *(f"examples/pico/{name}" for name in ("CMakeLists.txt", "i2s_microphone.pio", "main.c")),
    *(f"examples/stm32_hal/{name}" for name in ("README.md", "listen.c", "listen.h")),
    *(f"samples/listen/{name}" for name in ("CMakeLists.txt", "prj.conf", "sample.yaml")),
    "samples/listen/boards/nrf52840dk_nrf52840.overlay",
    "samples/listen/src/main.c",
}
MODEL_ONLY = {
    "CMakeLists.txt",
    "LICENSE",
    "README.md",
    "idf_component.yml",
    "library.json",
    "library.properties",
    "plan.svg",
    "src/edge_kernels.h",
    "src/edge_kernels_version.c",
    "src/edge_kernels_version.h",
    "src/edge_requantize.h",
    "src/edge_target.h",
    "src/model.c",
    "src/model.h",
    "src/model_id.c",
    "src/model_id.h",
    "zephyr/CMakeLists.txt",
    "zephyr/Kconfig",
    "zephyr/module.yml",
}
SELF_TEST = {
    "examples/self_test/self_test.ino",
    "extras/self_test_main.c",
    "src/golden.c",
    "src/golden.h",
    "src/self_test.c",
    "src/self_test.h",
}
SPOTTER = {
    *EXAMPLES,
    "src/edge_bench.h",
    "src/listener.h",
    *(f"src/{n}.{e}" for n in ("detector", "frontend", "labels", "spotter") for e in "ch"),
}


def run(*command: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def spotting(converted_model: bytes) -> tuple[package.Spotting, Golden]:
    """Four clips of noise as a run has them."""
    tensor = tflite_model.parse(converted_model).inputs[0]
    loudness = np.array([10, 300, 3000, 9000])[:, np.newaxis]
    wav = (np.random.default_rng(0).normal(size=(4, 16000)) * loudness).astype(np.int16)
    features = fixed_point.log_mel(wav, CONFIG, tensor.scales[0], tensor.zero_points[0])
    logits = [tflm_oracle.run(converted_model, [clip[np.newaxis]])[0][0] for clip in features]
    golden = Golden(features, np.stack(logits), np.arange(4))
    sound = package.Sound(wav[:2], features[:2])
    return package.Spotting(LABELS, CONFIG.to_dict(), sound=sound), golden


@pytest.fixture(scope="module")
def exported(
    converted_model: bytes, spotting: tuple[package.Spotting, Golden], tmp_path_factory: Any
) -> Path:
    out = tmp_path_factory.mktemp("export") / "firmware"
    words, golden = spotting
    package.export(converted_model, out, "1.2.3", spotting=words, golden=golden)
    return out


@pytest.fixture(scope="module")
def built(exported: Path, tmp_path_factory: Any) -> Path:
    """The programs for this machine, built as the README says, with all warnings as errors."""
    return build_with_cmake(exported, tmp_path_factory.mktemp("build"))


def build_with_cmake(exported: Path, build: Path) -> Path:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    flags = " ".join([*WARNINGS[1:], "-fsanitize=undefined", "-fno-sanitize-recover=all"])
    for command in (
        ["cmake", "-S", exported, "-B", build, f"-DCMAKE_C_FLAGS={flags}"],
        ["cmake", "--build", build],
    ):
        done = run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return build


def check_cpp(exported: Path, folder: Path, standard: str) -> None:
    """Headers, twice each, and sketches compile as C++."""
    headers = sorted(path.name for path in (exported / "src").glob("*.h"))
    includes = "".join(f'#include "{name}"\n' for name in (*headers, *headers))
    for name in ("listen_serial", "self_test"):
        sketch = (exported / "examples" / name / f"{name}.ino").read_text()
        user = folder / f"{name}.cpp"
        user.write_text(f"#include <Arduino.h>\n{includes}{sketch}")
        options = [f"-std={standard}", "-Wall", "-Wextra", "-Werror"]
        options += [f"-I{exported / 'src'}", f"-I{examples_test.STUBS / 'arduino'}"]
        done = run("g++", *options, "-fsyntax-only", user)
        assert done.returncode == 0, done.stderr


def kernels_of(manifest: dict, content: dict[str, bytes]) -> set[str]:
    """The kernels' files, and headers that are included."""
    included = re.findall(rb'#include "(edge_\w+\.h)"', b"".join(content.values()))
    folders = {kernel_set: KERNELS / kernel_set for kernel_set in manifest["kernel_sets"]}
    sources = {
        f"src/edge_{name}{'' if kernel_set == 'portable' else f'_{kernel_set}'}.c"
        for name in manifest["kernels"]
        for kernel_set, folder in folders.items()
        if (folder / f"{name}.c").is_file()
    }
    return sources | {f"src/{name.decode()}" for name in included}


class TestFolder:
    def test_files_and_manifest(self, exported: Path):
        content = folder_content(exported)
        manifest = json.loads(content.pop("manifest.json"))
        kernels = kernels_of(manifest, content)
        assert set(content) == MODEL_ONLY | SELF_TEST | SPOTTER | kernels
        assert set(manifest["files"]) == set(content)
        for name, data in content.items():
            assert manifest["files"][name]["sha256"] == packing.sha256(data), name

    def test_manifest_says_what_was_made(self, exported: Path, converted_model: bytes):
        manifest = json.loads((exported / "manifest.json").read_text())
        assert manifest["flavor"] == "standalone"
        assert manifest["target"] == "auto"
        assert manifest["kernel_sets"] == ["portable", "dsp", "mve"]
        assert manifest["passes"] == list(passes.ALL)
        assert manifest["model"]["sha256"] == packing.sha256(converted_model)
        assert manifest["labels"] == list(LABELS)
        assert manifest["golden"]["clips"] == 4
        assert manifest["golden"]["wavs"] == 2
        assert manifest["golden"]["checked"]
        memory = manifest["memory"]
        assert memory["lower_bound_bytes"] <= memory["arena_bytes"]
        assert memory["ram"]["activations"] == memory["arena_bytes"]
        header = (exported / "src" / "model.h").read_text()
        assert f"#define MODEL_ARENA_SIZE {memory['arena_bytes']}\n" in header

    def test_text_is_tidy(self, exported: Path):
        for name, data in folder_content(exported).items():
            text = data.decode("utf-8")
            assert "{{" not in text, name
            assert "{%" not in text, name
            assert text.endswith("\n") and not text.endswith("\n\n"), name
            assert all(line == line.rstrip() for line in text.splitlines()), name

    def test_readme(self, exported: Path):
        text = (exported / "README.md").read_text()
        for heading in ("Use", "Arduino", "ESP-IDF", "Zephyr", "Self-test", "Memory"):
            assert f"\n\n## {heading}\n\n" in text
        assert all(line.endswith("|") for line in text.splitlines() if line.startswith("|"))

    def test_build_files_name_every_source(self, exported: Path):
        sources = {path.name for path in (exported / "src").glob("*.c")}
        for name in ("CMakeLists.txt", "zephyr/CMakeLists.txt"):
            text = (exported / name).read_text()
            assert sources == {word for word in sources if f"/{word}" in text}

    def test_the_same_input_gives_the_same_bytes(self, tmp_path: Path):
        for name in ("one", "two"):
            package.export(models.fully_connected(), tmp_path / name, "1")
        assert folder_content(tmp_path / "one") == folder_content(tmp_path / "two")

    def test_an_earlier_export_is_replaced_and_nothing_else(self, exported: Path, tmp_path: Path):
        out = tmp_path / "out"
        shutil.copytree(exported, out)
        package.export(models.fully_connected(), out, "1")
        assert not (out / "src" / "spotter.c").exists()
        (out / "src" / "mine.c").write_text("int mine;")
        with pytest.raises(ExportError, match="mine"):
            package.export(models.fully_connected(), out, "1")
        assert (out / "src" / "mine.c").read_text() == "int mine;"


class TestPrograms:
    def test_self_test(self, built: Path):
        done = run(built / "self_test")
        assert done.returncode == 0, done.stdout
        assert "self-test: 0 bytes differ" in done.stdout
        assert done.stdout.count("0 of 4040 features differ") == 2

    def test_self_test_finds_a_wrong_byte(self, exported: Path, tmp_path: Path):
        shutil.copytree(exported / "src", tmp_path / "src")
        golden = tmp_path / "src" / "golden.c"
        head, tail = golden.read_text().split(
            "golden_logits[GOLDEN_CLIPS][MODEL_OUTPUT_SIZE] = {\n"
        )
        first = tail.split("{\n", 1)[1].split(",", 1)[0].strip()
        tail = tail.replace(first, str(int(first) + (1 if int(first) < 127 else -1)), 1)
        golden.write_text(f"{head}golden_logits[GOLDEN_CLIPS][MODEL_OUTPUT_SIZE] = {{\n{tail}")
        files = [*(tmp_path / "src").glob("*.c"), exported / "extras" / "self_test_main.c"]
        program = tmp_path / "self_test"
        done = run("gcc", "-std=c99", f"-I{tmp_path / 'src'}", *files, "-o", program)
        assert done.returncode == 0, done.stderr
        done = run(program)
        assert done.returncode == 1
        assert "self-test: 1 bytes differ" in done.stdout

    def test_self_test_cuts_long_labels_between_characters(self, exported: Path, tmp_path: Path):
        """A line has room for 40 bytes of a label: "x" and 19 letters of two bytes."""
        shutil.copytree(exported / "src", tmp_path / "src")
        labels = tmp_path / "src/labels.c"
        text = re.sub(r'"[^"\n]*",', f'"x{"é" * 30}",', labels.read_text("utf-8"))
        labels.write_text(text, encoding="utf-8")
        files = [*(tmp_path / "src").glob("*.c"), exported / "extras" / "self_test_main.c"]
        program = tmp_path / "self_test"
        done = run("gcc", f"-I{tmp_path / 'src'}", *files, "-o", program)
        assert done.returncode == 0, done.stderr
        shown = subprocess.run([program], capture_output=True, check=True).stdout.decode("utf-8")
        assert f"label 'x{'é' * 19}', predicted" in shown

    def test_example_spots_words_in_a_stream(self, built: Path):
        """Two seconds of noise: the program reads them to the end."""
        pcm = np.random.default_rng(0).integers(-3000, 3000, 32_000).astype("<i2").tobytes()
        done = subprocess.run([built / "main_example"], input=pcm, capture_output=True, timeout=60)
        assert done.returncode == 0
        for line in done.stdout.decode().splitlines():
            assert line.endswith("%)")

    def test_part_of_another_project(self, exported: Path, tmp_path: Path):
        if shutil.which("cmake") is None:
            pytest.skip("needs cmake")
        (tmp_path / "main.c").write_text(
            '#include "spotter.h"\nstatic spotter_t s;\n'
            "int main(void) { spotter_reset(&s); return 0; }\n"
        )
        (tmp_path / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(mine C)\n"
            f"add_subdirectory({exported} model)\n"
            "add_executable(mine main.c)\ntarget_link_libraries(mine edge_tf_model)\n"
        )
        for command in (
            ["cmake", "-S", tmp_path, "-B", tmp_path / "b"],
            ["cmake", "--build", tmp_path / "b"],
            [tmp_path / "b" / "mine"],
        ):
            done = run(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        assert not list((tmp_path / "b").rglob("self_test"))

    @pytest.mark.parametrize("standard", ["c++11", "c++17"])
    def test_headers_and_sketches_in_cpp(self, exported: Path, tmp_path: Path, standard: str):
        check_cpp(exported, tmp_path, standard)


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


@pytest.fixture(scope="module")
def streaming_model() -> bytes:
    """The whole-window form of a classifier of one convolution over three frames."""
    model = WindowModel((1, *CONFIG.feature_shape))
    x = model.pointwise(model.input, 3)
    x = model.over_time(x, 3, rows=CONFIG.mel_bands)
    return model.end(model.mean(model.pointwise(x, 6), 1), len(LABELS))


@pytest.fixture(scope="module")
def streamed(streaming_model: bytes, tmp_path_factory: Any) -> Path:
    """An export with sound that goes with the front-end, and golden vectors of whole windows."""
    scale, zero_point = LIKE
    loudness = np.array([10, 300, 9000])[:, np.newaxis]
    wav = (np.random.default_rng(0).normal(size=(3, 16000)) * loudness).astype(np.int16)
    features = fixed_point.log_mel(wav, CONFIG, scale, zero_point)
    logits = [tflm_oracle.run(streaming_model, [clip[np.newaxis]])[0][0] for clip in features]
    assert len(np.unique(logits, axis=0)) == 3
    out = tmp_path_factory.mktemp("export") / "firmware"
    sound = package.Sound(wav[1:], features[1:])
    package.export(
        streaming_model,
        out,
        "1.2.3",
        spotting=package.Spotting(LABELS, CONFIG.to_dict(), sound=sound),
        golden=Golden(features, np.stack(logits), np.arange(3)),
        streaming=streaming.rewrite(streaming_model).data,
    )
    return out


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

    def test_memory(self, streamed: Path):
        """States: three frames of 3 x 40 rows, the mean's ring of 6 and its counts."""
        memory = json.loads((streamed / "manifest.json").read_text())["memory"]
        assert memory["state_bytes"] >= 6 * CONFIG.num_frames + 4 * (6 + 1)
        assert memory["ram"]["past frames"] == memory["state_bytes"]
        assert memory["ram"]["activations"] == memory["arena_bytes"] - memory["state_bytes"]
        assert "window of features" not in memory["ram"]
        header = (streamed / "src" / "model.h").read_text()
        assert f"#define MODEL_ARENA_SIZE {memory['arena_bytes']}\n" in header

    def test_a_whole_window_export_says_that_it_is_none(self, exported: Path):
        manifest = json.loads((exported / "manifest.json").read_text())
        assert manifest["streaming"] is False
        assert manifest["memory"]["state_bytes"] == 0
        assert "past frames" not in manifest["memory"]["ram"]

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

    def test_the_load_is_told(self, streamed: Path):
        load = json.loads((streamed / "manifest.json").read_text())["load"]
        assert load["estimated"] and load["streaming"]
        assert load["decisions_per_second"] == load["frames_per_second"] == 100
        readme = (streamed / "README.md").read_text()
        for part in load["parts"]:
            assert f"| {part['part']} (" in readme and f"| {part['verdict']} |" in readme

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


def self_test(exported: Path, folder: Path) -> tuple[int, str]:
    """Exit status, and the end of the line of the first input."""
    files = [*(exported / "src").glob("*.c"), exported / "extras/self_test_main.c"]
    done = run("gcc", *WARNINGS, f"-I{exported / 'src'}", *files, "-o", folder / "self_test")
    assert done.returncode == 0, done.stderr
    ran = run(folder / "self_test")
    return ran.returncode, ran.stdout.splitlines()[0].partition(": ")[2]


class TestAnyModel:
    def test_random_inputs_where_there_are_no_clips(self, tmp_path: Path):
        model, _ = random_models.make(2, 10)
        manifest = package.export(model, tmp_path / "out", "1")
        assert manifest["golden"]["clips"] == 4
        assert "inputs are random" in manifest["golden"]["about"]
        content = folder_content(tmp_path / "out")
        kernels = kernels_of(manifest, content)
        assert set(content) - {"manifest.json"} == MODEL_ONLY | SELF_TEST | kernels
        assert self_test(tmp_path / "out", tmp_path)[0] == 0

    def test_without_tflite_micro(self, no_tflite_micro: None, tmp_path: Path):
        manifest = package.export(models.fully_connected(), tmp_path / "out", "1")
        assert manifest["golden"]["clips"] == 0
        assert "not available here" in manifest["golden"]["about"]
        content = folder_content(tmp_path / "out")
        assert not SELF_TEST & set(content)
        assert "There is no self-test in this folder" in content["README.md"].decode()
        assert b"self_test" not in content["CMakeLists.txt"]

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

    def test_passes_are_recorded(self, tmp_path: Path):
        manifest = package.export(models.fully_connected(), tmp_path / "out", "1", passes=())
        assert manifest["passes"] == []

    @pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
    def test_targets(self, tmp_path: Path, target: str):
        model, core = models.fully_connected(), TARGETS[target]
        manifest = package.export(model, tmp_path / "out", "1", target=core)
        assert manifest["target"] == target
        assert f"-mcpu={target}" in (tmp_path / "out" / "README.md").read_text()


@pytest.fixture(scope="module")
def normalized(converted_model: bytes, tmp_path_factory: Any) -> Path:
    """An export whose front-end normalizes, with sound for its self-test."""
    config = dataclasses.replace(CONFIG, normalization="residual")
    tensor = tflite_model.parse(converted_model).inputs[0]
    loudness = np.array([10, 300, 9000])[:, np.newaxis]
    wav = (np.random.default_rng(0).normal(size=(3, 16000)) * loudness).astype(np.int16)
    features = fixed_point.log_mel(wav, config, tensor.scales[0], tensor.zero_points[0])
    logits = [tflm_oracle.run(converted_model, [clip[np.newaxis]])[0][0] for clip in features]
    words = package.Spotting(LABELS, config.to_dict(), sound=package.Sound(wav, features))
    golden = Golden(features, np.stack(logits), np.arange(3))
    out = tmp_path_factory.mktemp("export") / "firmware"
    package.export(converted_model, out, "1.2.3", spotting=words, golden=golden)
    return out


class TestNormalized:
    def test_self_test(self, normalized: Path, tmp_path: Path):
        done = run(build_with_cmake(normalized, tmp_path) / "self_test")
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("0 of 4040 features differ") == 3

    def test_memory_has_wider_frames(self, normalized: Path, exported: Path):
        ram, plain = (
            json.loads((path / "manifest.json").read_text())["memory"]["ram"]
            for path in (normalized, exported)
        )
        assert ram["window of features"] == 2 * 4040 + 8
        assert plain["window of features"] == 4040 + 8
        assert {**ram, "window of features": 0} == {**plain, "window of features": 0}

    def test_headers_and_sketches_in_cpp(self, normalized: Path, tmp_path: Path):
        check_cpp(normalized, tmp_path, "c++11")

    def test_a_stream_has_no_whole_window(self, streaming_model: bytes, tmp_path: Path):
        config = dataclasses.replace(CONFIG, normalization="residual")
        words = package.Spotting(LABELS, config.to_dict())
        form = streaming.rewrite(streaming_model).data
        with pytest.raises(ExportError, match="normalization=residual needs statistics over a"):
            package.export(streaming_model, tmp_path / "out", "1", spotting=words, streaming=form)
        assert not (tmp_path / "out").exists()


class TestBadInput:
    def test_the_file_is_named(self, tmp_path: Path):
        builder = Builder()
        x, y = builder.activation((1, 6), 0.1), builder.activation((1, 6), 0.1)
        builder.op("FLOOR", [x], y)
        with pytest.raises(ExportError, match=r"my\.tflite: op 0 \(FLOOR\) has no kernel"):
            package.export(builder.finish([x], [y]), tmp_path / "out", "1", model_name="my.tflite")
        assert not (tmp_path / "out").exists()

    def test_another_number_of_labels(
        self, converted_model: bytes, spotting: tuple[package.Spotting, Golden], tmp_path: Path
    ):
        words = package.Spotting(LABELS[:2], CONFIG.to_dict())
        with pytest.raises(ExportError, match="2 labels"):
            package.export(converted_model, tmp_path / "out", "1", spotting=words)

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"mel_bands": 39}, "the front-end makes"),
            ({"padding": "reflect"}, "needs sound from the future"),
            ({"window": None}, "window=None"),
        ],
    )
    def test_a_front_end_that_does_not_fit(
        self, converted_model: bytes, tmp_path: Path, changes: dict[str, Any], what: str
    ):
        words = package.Spotting(LABELS, {**CONFIG.to_dict(), **changes})
        with pytest.raises(ExportError, match=what):
            package.export(converted_model, tmp_path / "out", "1", spotting=words)

    def test_vectors_of_another_model(
        self, converted_model: bytes, spotting: tuple[package.Spotting, Golden], tmp_path: Path
    ):
        words, golden = spotting
        wrong = Golden(golden.features, golden.logits ^ 1, golden.label_index)
        with pytest.raises(ExportError, match="TFLite Micro outputs 16 of"):
            package.export(converted_model, tmp_path / "out", "1", spotting=words, golden=wrong)
        assert not (tmp_path / "out").exists()


def test_no_tensorflow_is_loaded():
    code = (
        "import sys, firmware_export.standalone.package\n"
        "sys.exit(any(name.startswith(('tensorflow', 'edge_tf')) for name in sys.modules))"
    )
    assert run(sys.executable, "-c", code, cwd=folder.__file__.rsplit("/", 2)[0]).returncode == 0
