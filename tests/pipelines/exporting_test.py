"""What exports check before they write: the model, frontend.json and golden clips fit."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflite_model
from edge_tf import files
from edge_tf.audio import frontend
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.tflite_runtime import quantize
from firmware_export import packing
from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from pipelines import export_firmware, exporting
from tests.edge_tf import recorded
from tests.firmware_export import models
from tests.firmware_export.standalone.model_builder import Builder


def classifier() -> bytes:
    """Features of the default front-end in, four logits out."""
    builder = Builder()
    x = builder.activation((1, *FrontendConfig().feature_shape), 0.06, 20)
    row = builder.activation((1, 40 * 101), 0.06, 20)
    builder.op("RESHAPE", [x, builder.numbers(1, 40 * 101)], row)
    weights = np.random.default_rng(0).integers(-127, 128, (4, 40 * 101)).astype(np.int8)
    bias = builder.constant(np.zeros(4, np.int32), [0.06 * 0.001])
    logits = builder.activation((1, 4), 0.5)
    builder.op("FULLY_CONNECTED", [row, builder.constant(weights, [0.001]), bias], logits)
    return builder.finish([x], [logits])


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run with the records of its training and conversion."""
    model = classifier()
    directory = RunDirectory(tmp_path / "run").create()
    (directory / "model_int8.tflite").write_bytes(model)
    (directory / "labels.txt").write_text("go\nstop\nup\n_unknown_\n", encoding="utf-8")
    source = tflite_model.parse(model).inputs[0]
    scale, zero_point = source.scales[0], source.zero_points[0]
    given = {"scale": scale, "zero_point": zero_point}
    values = {"frontend": FrontendConfig().to_dict(), "input": given}
    files.write_json(directory / "frontend.json", values)
    wav = np.random.default_rng(0).integers(-3000, 3000, (3, 16_000)).astype(np.int16)
    features = frontend.log_mel(wav.astype(np.float32) / 32768, FrontendConfig()).numpy()
    np.savez(
        directory / "golden.npz",
        features=quantize(features, scale, zero_point),
        logits=np.zeros((3, 4), np.int8),
        label_index=np.zeros(3, np.int64),
        wav=wav,
    )
    directory.record(recorded.trained())
    directory.record(recorded.converted(sha256=packing.sha256(model)))
    return directory


def check(run: RunDirectory) -> None:
    run.require_int8()
    exporting.check_frontend(run, *exporting.read_golden(run))


def test_a_run_as_it_was_made(run: RunDirectory) -> None:
    check(run)


def change(run: RunDirectory, part: str, **values: Any) -> None:
    content = files.read_json(run / "frontend.json")
    content[part] |= values
    files.write_json(run / "frontend.json", content)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"window": 479}, "has window=479, but the training of .* had window=480; put the values"),
        ({"sample_rate": 10**9}, "has sample_rate=1000000000, but .* had sample_rate=16000;"),
        ({"high_hz": 7000.0, "hop": 161}, r"has hop=161, high_hz=7000\.0, but .* hop=160, high"),
    ],
)
def test_another_front_end_than_the_training_s(
    run: RunDirectory, values: dict[str, Any], told: str
) -> None:
    before = {name: files.read_json(run / "frontend.json")["frontend"][name] for name in values}
    change(run, "frontend", **values)
    for flavor in export_firmware.FLAVORS:
        with pytest.raises(UserError, match=told):
            export_firmware.export(run.path, flavor=flavor)
        assert not (run / "firmware").exists() and not (run / "firmware_c").exists()
    change(run, "frontend", **before)  # the remedy
    check(run)


@pytest.mark.parametrize("values", [{"window": 479}, {"low_hz": 60.0}, {"log_offset": 1e-3}])
def test_another_front_end_than_the_golden_clips_(
    run: RunDirectory, values: dict[str, Any]
) -> None:
    """Though config.json was changed alike."""
    config = dataclasses.replace(FrontendConfig(), **values)
    run.record(recorded.trained(frontend=config))
    change(run, "frontend", **values)
    with pytest.raises(UserError, match=r"makes other features than those of golden\.npz \(\d+ st"):
        check(run)


def test_another_input_quantization_than_the_model_s(run: RunDirectory) -> None:
    change(run, "input", zero_point=99)
    with pytest.raises(UserError, match=r"zero point 99, model_int8\.tflite has .*\.convert"):
        check(run)


def test_golden_clips_of_another_length(run: RunDirectory) -> None:
    golden, wav = exporting.read_golden(run)
    with pytest.raises(UserError, match=r"the golden clips do not fit .*frontend\.json"):
        exporting.check_frontend(run, golden, wav[:, :8_000])
    with pytest.raises(UserError, match="makes features of shape"):
        other = Golden(golden.features[:, :, :50], golden.logits, golden.label_index)
        exporting.check_frontend(run, other, wav)


def test_a_flipped_bit_in_the_model_is_told(run: RunDirectory) -> None:
    model = classifier()
    damaged = bytearray(model)
    damaged[len(damaged) // 2] ^= 1
    (run / "model_int8.tflite").write_bytes(damaged)
    told = r"model_int8\.tflite has changed since the conversion wrote it; restore it, or make it"
    for flavor in export_firmware.FLAVORS:
        with pytest.raises(UserError, match=told):
            export_firmware.export(run.path, flavor=flavor)
    (run / "model_int8.tflite").write_bytes(model)  # the remedy
    assert run.require_int8().read_bytes() == model


def test_an_older_run_has_no_hash(run: RunDirectory) -> None:
    run.record(recorded.converted())
    assert "sha256" not in run.config()["stages"]["convert"]
    assert run.require_int8() == run / "model_int8.tflite"


def test_force_names_what_it_deletes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model, out = tmp_path / "m.tflite", tmp_path / "out"
    model.write_bytes(models.fully_connected())
    export_firmware.export_file(model, out)
    export_firmware.export_file(model, out)  # unchanged: nothing is lost
    (out / "src" / "model.c").write_text("edited")
    (out / "notes.txt").write_text("mine")
    told = r"notes\.txt, which no export wrote, and src/model\.c, changed since .* with --force$"
    with pytest.raises(ExportError, match=told):
        export_firmware.export_file(model, out)
    assert (out / "src" / "model.c").read_text() == "edited"
    caplog.clear()
    export_firmware.export_file(model, out, force=True)  # the remedy
    assert "deletes notes.txt, which no export wrote, and src/model.c, changed" in caplog.text
    assert not (out / "notes.txt").exists() and (out / "src" / "model.c").read_text() != "edited"
    (out / "notes.txt").write_text("mine")
    export_firmware.export_file(model, tmp_path / "another")  # the other remedy
