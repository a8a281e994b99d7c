"""Records of stages: what is written is what runs always had, and older runs are read."""

import json
from typing import Any

import pytest

from edge_tf import records
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.run_records import (
    CompressRecord,
    ConvertRecord,
    EpochRecord,
    EvaluateRecord,
    ExportAndroidRecord,
    ExportFirmwareRecord,
    FrontendFile,
    TrainRecord,
)
from edge_tf.settings import ModelConfig

FRONTEND = {
    "sample_rate": 16000,
    "clip_samples": 16000,
    "window": 480,
    "hop": 160,
    "fft_size": 512,
    "mel_bands": 40,
    "low_hz": 0.0,
    "high_hz": 8000.0,
    "log_offset": 1e-06,
    "padding": "causal",
}
AUGMENTATION = {
    "probability": 0.8,
    "noise_amplitude": 0.1,
    "silence_amplitude": 1.0,
    "max_shift": 1600,
    "frequency_mask": 0,
    "time_mask": 0,
    "masks": 2,
}
TRAIN: dict[str, Any] = {
    "data": {
        "data_dir": "/data/words",
        "task": "words",
        "words": ["lamp", "music"],
        "split_lists": None,
        "test_dir": None,
        "data_seed": 0,
    },
    "data_description": "words, official lists, seed 0",
    "data_fingerprint": {"training": "12", "validation": "e0"},
    "labels": ["_silence_", "_unknown_", "lamp", "music"],
    "model": {"name": "bc_resnet", "tau": 1.0},
    "frontend": FRONTEND,
    "augmentation": AUGMENTATION,
    "recipe": {
        "epochs": 20,
        "batch_size": 100,
        "peak_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 0.001,
        "seed": 0,
    },
}
SCENES = {
    **TRAIN,
    "data": {**TRAIN["data"], "task": "scenes", "words": [], "fold": 1, "simulated_devices": -1},
    "model": {
        "name": "bc_resnet_asc",
        "tau": 1.0,
        "norm": "residual",
        "norm_places": ["input", "stages"],
        "norm_lambda": 0.2,
        "mix_style": 0.5,
    },
    "frontend": {**FRONTEND, "normalization": "residual", "norm_lambda": 0.1},
    "augmentation": {
        **AUGMENTATION,
        "max_roll": 24000,
        "mixup_alpha": 0.3,
        "device_probability": 0.5,
        "translator_probability": 0.4,
    },
}
COMPRESS = {
    "recipes": ["prune", "qat"],
    "epochs": 10,
    "sparsity": 0.5,
    "target_nonzero_kb": 61.0,
    "graph": "plain",
    "prune": ["pointwise"],
    "prune_by": "network",
    "temperature": 2.0,
    "distill_weight": 0.5,
    "distill_features": "none",
    "bits": 4,
    "batch_size": 100,
    "peak_rate": 0.05,
    "seed": 0,
    "teacher": None,
    "float_model": "0e",
    "training_clips": "12",
    "zeros": {"stem": 12},
    "val_accuracy": 0.95,
    "seconds": 1.5,
}
CONVERT = {
    "source": "float.keras",
    "source_sha256": "0e",
    "representative_clips": 300,
    "graph": "device",
    "seconds": 37.2,
    "bytes": 118024,
    "streaming": {"bytes": 1, "states": 2, "state_bytes": 3, "delay_frames": 0},
    "parameters": 9001,
}
EVALUATE = {
    "clips": 749,
    "data_fingerprint": "55",
    "max_drop": 1.0,
    "seconds": 45.7,
    "accuracy": {"keras": 0.95, "tflite_micro": None},
    "android_sha256": "00",
}
FIRMWARE = {
    "flavor": "standalone",
    "streaming": False,
    "out": "/run/firmware_c",
    "model_sha256": "e9",
    "model_bytes": 118024,
    "target": "generic",
    "memory": {"arena_bytes": 33136, "ram": {"activations": 33136}},
}
MICRO = {**dict(list(FIRMWARE.items())[1:5]), "arena": {"bytes": 1, "source": "measured"}}
ANDROID = {"out": "/run/android", "models": {"model_int8.tflite": {"bytes": 1, "sha256": "63"}}}
EPOCH = {
    "epoch": 1,
    "loss": 1.5,
    "accuracy": 0.3,
    "learning_rate": 0.1,
    "samples_per_second": 373.2,
    "seconds": 9.4,
    "val_accuracy": 0.32,
    "checkpoint": "ckpt-1",
}


def less(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (TrainRecord, TRAIN),
        (TrainRecord, {**TRAIN, "model": {"name": "bc_resnet", "tau": 8.0, "lookahead": 0}}),
        (TrainRecord, SCENES),
        (CompressRecord, COMPRESS),
        (ConvertRecord, CONVERT),
        (ConvertRecord, less(CONVERT, "streaming")),
        (EvaluateRecord, EVALUATE),
        (EvaluateRecord, less(EVALUATE, "android_sha256")),
        (ExportFirmwareRecord, FIRMWARE),
        (ExportFirmwareRecord, {"flavor": "tflm", **MICRO}),
        (ExportAndroidRecord, ANDROID),
        (EpochRecord, EPOCH),
        (EpochRecord, {**EPOCH, "phase": "qat"}),
        (FrontendFile, {"frontend": FRONTEND}),
        (FrontendFile, {"frontend": FRONTEND, "input": {"scale": 0.1, "zero_point": 30}}),
    ],
)
def test_what_runs_hold_is_read_and_written_again_byte_for_byte(kind, written):
    record = records.from_json(json.loads(json.dumps(written)), kind, "x")
    assert json.dumps(records.to_json(record)) == json.dumps(written)


def test_runs_from_before_a_field_was_there_are_read():
    train = records.from_json(TRAIN, TrainRecord, "x")
    whole: dict[str, Any] = {
        "lookahead": None,
        "norm": "none",
        "norm_places": [],
        "norm_lambda": None,
    }
    first = {**TRAIN, "model": {**TRAIN["model"], **whole, "mix_style": 0.0}}
    assert records.from_json(first, TrainRecord, "x") == train
    assert train.model == ModelConfig() and train.frontend == FrontendConfig()
    assert train.augmentation == AugmentationConfig()

    convert = records.from_json(less(CONVERT, "graph", "streaming"), ConvertRecord, "x")
    assert convert.graph == "device" and convert.streaming is None
    added = ("target_nonzero_kb", "graph", "prune_by", "distill_features", "bits")
    compress = records.from_json(less(COMPRESS, *added), CompressRecord, "x")
    assert (compress.target_nonzero_kb, compress.graph, compress.prune_by) == (0, "device", "layer")
    assert records.from_json(less(EPOCH, "checkpoint"), EpochRecord, "x").checkpoint == ""
    assert not records.from_json(less(FIRMWARE, "streaming"), ExportFirmwareRecord, "x").streaming
