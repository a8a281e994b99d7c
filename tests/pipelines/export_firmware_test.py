import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_tf import files
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import ExportFirmwareRecord
from firmware_export.errors import ExportError
from pipelines import export_firmware
from tests.firmware_export import models
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.standalone.model_builder import Builder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run directory as the convert stage leaves it, with a tiny model."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    model = models.fully_connected()
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    features = np.arange(16, dtype=np.int8).reshape(2, 8)
    logits = []
    for clip in features:
        interpreter.set_tensor(0, clip[np.newaxis])
        interpreter.invoke()
        logits.append(interpreter.get_tensor(3)[0])

    directory = RunDirectory(tmp_path / "run").create()
    (directory / "model_int8.tflite").write_bytes(model)
    (directory / "labels.txt").write_text("go\nstop\n_unknown_\n", encoding="utf-8")
    files.write_json(directory / "frontend.json", {"sample_rate": 16000})
    np.savez(
        directory / "golden.npz",
        features=features,
        logits=np.stack(logits),
        label_index=np.array([0, 2]),
        wav=np.zeros((2, 100), np.int16),
    )
    return directory


def command(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.export_firmware", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_binary(run: RunDirectory) -> None:
    done = command(f"--run_dir={run.path}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"firmware (tflm): {run / 'firmware'}: model ")
    assert done.stdout.count("\n") == 1
    manifest = json.loads((run / "firmware" / "manifest.json").read_text(encoding="utf-8"))
    stage = run.stage(ExportFirmwareRecord)
    assert stage.flavor == "tflm" and stage.target is None
    assert stage.model_sha256 == manifest["model"]["sha256"]
    assert stage.arena == manifest["arena"]
    assert manifest["labels"] == ["go", "stop", "_unknown_"]


def test_out_and_again(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    manifest = export_firmware.export(str(run.path), str(out))
    assert export_firmware.export(run.path, out) == manifest
    assert not (run / "firmware").exists()
    assert (out / "src" / "model_data.c").is_file()


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("model_int8.tflite", "convert"),
        ("golden.npz", "convert"),
        ("labels.txt", "train"),
        ("frontend.json", "train"),
    ],
)
def test_a_missing_stage_is_named(run: RunDirectory, name: str, stage: str) -> None:
    (run / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing; .* pipelines\.{stage} --run_dir="):
        export_firmware.export(run.path)
    assert not (run / "firmware").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"\x93NUMPY", b"noise" * 100])
def test_broken_golden_vectors(run: RunDirectory, content: bytes) -> None:
    (run / "golden.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"golden\.npz holds no golden vectors"):
        export_firmware.export(run.path)


def test_golden_vectors_without_logits(run: RunDirectory) -> None:
    np.savez(run / "golden.npz", features=np.zeros((2, 8), np.int8))
    with pytest.raises(UserError, match="holds no golden vectors"):
        export_firmware.export(run.path)


def test_a_damaged_model_is_one_line_and_status_2(run: RunDirectory) -> None:
    (run / "model_int8.tflite").write_bytes(models.fully_connected()[:100])
    done = command(f"--run_dir={run.path}")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "model_int8.tflite is damaged" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (run / "firmware").exists()


def test_the_user_s_folder_is_not_replaced(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "home"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    with pytest.raises(ExportError, match=r"letter\.txt"):
        export_firmware.export(run.path, out)
    assert (out / "letter.txt").read_text() == "dear"


def test_unknown_flavor(run: RunDirectory) -> None:
    with pytest.raises(UserError, match="--flavor=plain is not one of tflm"):
        export_firmware.export(run.path, flavor="plain")


@pytest.fixture
def spoken(tmp_path: Path, converted_model: bytes) -> RunDirectory:
    """A run directory as the convert stage leaves it, of a model that takes real features."""
    from edge_tf.audio import fixed_point
    from edge_tf.audio.frontend_config import FrontendConfig

    config, golden = FrontendConfig(), golden_of(converted_model, clips=3)
    wav = np.random.default_rng(0).integers(-3000, 3000, (3, 16_000)).astype(np.int16)
    assert fixed_point.log_mel(wav, config, 0.1, 0).shape == golden.features.shape
    directory = RunDirectory(tmp_path / "spoken").create()
    (directory / "model_int8.tflite").write_bytes(converted_model)
    (directory / "labels.txt").write_text("go\nstop\nup\n_unknown_\n", encoding="utf-8")
    files.write_json(directory / "frontend.json", {"frontend": config.to_dict()})
    np.savez(
        directory / "golden.npz",
        features=golden.features,
        logits=golden.logits,
        label_index=golden.label_index,
        wav=wav,
    )
    return directory


class TestStandalone:
    def test_a_run(self, spoken: RunDirectory) -> None:
        done = command(f"--run_dir={spoken.path}", "--flavor=standalone", "--target=cortex-m4")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"firmware (standalone): {spoken / 'firmware_c'}: model ")
        assert " RAM " in done.stdout
        stage = spoken.stage(ExportFirmwareRecord)
        assert (stage.flavor, stage.target) == ("standalone", "cortex-m4")
        assert stage.memory is not None and stage.memory["arena_bytes"] > 4040
        manifest = json.loads((spoken / "firmware_c" / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["golden"]["wavs"] == 2
        assert (spoken / "firmware_c" / "src" / "spotter.c").is_file()

    def test_both_flavours_have_front_end_and_detector(
        self, spoken: RunDirectory, tmp_path: Path
    ) -> None:
        for flavor in export_firmware.FLAVORS:
            export_firmware.export(spoken.path, tmp_path / flavor, flavor)
        for name in ("frontend.c", "frontend.h", "detector.c", "detector.h"):
            texts = {(tmp_path / f / "src" / name).read_text() for f in export_firmware.FLAVORS}
            assert len({re.sub(r"EXPORT_ID != 0x\w+", "", text) for text in texts}) == 1, name

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "m.tflite").write_bytes(models.fully_connected())
        out = tmp_path / "out"
        linkage = ["--prefix=lamp", "--arena=external", f"--kernels={tmp_path / 'kernels'}"]
        flags = [f"--tflite={tmp_path / 'm.tflite'}", f"--out={out}", "--passes=-rows,-pad"]
        done = command(*flags, *linkage)
        assert done.returncode == 0, done.stderr
        assert "lamp_model_invoke(int8_t *arena)" in (out / "src" / "lamp_model.h").read_text()
        assert (tmp_path / "kernels" / "src" / "edge_kernels.h").is_file()
        assert done.stdout.startswith(f"firmware (standalone): {out}: model ")
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        assert not {"rows", "pad"} & set(manifest["passes"])
        assert "tables" in manifest["passes"]

    def test_an_op_without_a_kernel_goes_the_way_that_the_error_names(self, tmp_path: Path) -> None:
        """DIV, which TFLite Micro has and plain C has not."""
        builder = Builder()
        x, y = builder.activation((1, 2, 2, 3), 0.1), builder.activation((1, 2, 2, 3), 0.1)
        builder.op("DIV", [x, x], y)
        (tmp_path / "m.tflite").write_bytes(builder.finish([x], [y]))
        flags = [f"--tflite={tmp_path / 'm.tflite'}", f"--out={tmp_path / 'out'}"]
        refused = command(*flags)
        assert refused.returncode == 2
        remedy = "change the model to avoid it, or export with --flavor=tflm"
        assert refused.stderr.endswith(f"op 0 (DIV) has no kernel in plain C; {remedy}\n")
        done = command(*flags, "--flavor=tflm")
        assert done.returncode == 0, done.stderr
        assert "arena" in done.stdout and "(measured + 10 %)" in done.stdout
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
        assert (manifest["labels"], manifest["frontend"]) == ([], None)
        assert manifest["golden"] == {"clips": 4, "labels": [], "checked": True}
        runner = (tmp_path / "out" / "src" / "model_runner.cpp").read_text()
        assert "resolver.AddDiv()" in runner

    def test_a_file_needs_no_tensorflow(self, tmp_path: Path) -> None:
        (tmp_path / "m.tflite").write_bytes(models.fully_connected())
        code = f"""
import sys
from pipelines import export_firmware
export_firmware.export_file({str(tmp_path / "m.tflite")!r}, {str(tmp_path / "out")!r})
sys.exit(any(name.split(".")[0] in ("tensorflow", "tf_keras") for name in sys.modules))
"""
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=300)
        assert done.returncode == 0

    @pytest.mark.parametrize(
        ("flags", "what"),
        [
            (["--tflite=missing.tflite", "--out=x"], "missing.tflite cannot be read"),
            (["--tflite=m.tflite"], "--out is missing; give the folder to write"),
            (["--tflite=m.tflite", "--out=x", "--flavor=tflm", "--streaming"], "is for plain C; l"),
            (
                ["--tflite=m.tflite", "--background_labels=x"],
                "--background_labels needs the labels of a run",
            ),
            (
                ["--tflite=m.tflite", "--decisions_per_second=5"],
                "needs the front-end of a run; giv",
            ),
            (["--tflite=m.tflite", "--out=x", "--passes=fast"], "there is no pass 'fast'"),
            (["--tflite=m.tflite", "--out=x", "--target=z80"], "target"),
            (["--tflite=m.tflite", "--out=x", "--prefix=9"], "--prefix=9 cannot begin names in C"),
            (["--tflite=m.tflite", "--out=x", "--kernels=k", "--flavor=tflm"], "--kernels is for"),
            (["--tflite=m.tflite", "--run_dir=x"], "run_dir"),
            ([], "run_dir"),
            (["--tflite="], "--tflite=: must not be empty"),
        ],
    )
    def test_bad_flags_are_one_line_and_status_2(
        self, tmp_path: Path, flags: list[str], what: str
    ) -> None:
        (tmp_path / "m.tflite").write_bytes(models.fully_connected())
        placed = [
            flag.replace("=m.", f"={tmp_path}/m.").replace("--out=x", f"--out={tmp_path}/x")
            for flag in flags
        ]
        done = command(*placed)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert what in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "x").exists()

    def test_a_front_end_that_no_device_computes(self, spoken: RunDirectory) -> None:
        values = files.read_json(spoken / "frontend.json")
        values["frontend"]["padding"] = "reflect"
        files.write_json(spoken / "frontend.json", values)
        with pytest.raises(ExportError, match="needs sound from the future"):
            export_firmware.export(spoken.path, flavor="standalone")
        manifest = export_firmware.export(spoken.path, flavor="tflm")
        assert not manifest["runtime"]["included"]
        assert "needs sound from the future" in manifest["runtime"]["missing_because"]
