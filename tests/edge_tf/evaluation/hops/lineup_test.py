"""Which engines a run is measured on, and in which order."""

import dataclasses
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_tf import run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines import ids, mediapipe_audio
from edge_tf.evaluation.hops import lineup
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import ModelConfig
from firmware_export.boards import board as boards
from tests.edge_tf import recorded
from tests.firmware_export.models import LABELS

CAUSAL = FrontendConfig()
APPS = [ids.ANDROID_XNNPACK, *([ids.ANDROID_MEDIAPIPE] if mediapipe_audio.python() else [])]
PLACES = (boards.HOST, boards.by_name("cortex-m4"))
C = ["emitted_c_host", "emitted_c_cortex_m4"]
SOUND = [ids.LITERT_REFERENCE + "_integer", "emitted_c_host_pcm", "emitted_c_cortex_m4_pcm"]


@pytest.fixture
def run(tmp_path: Path, converted_model: bytes) -> RunDirectory:
    directory = RunDirectory(tmp_path / "run").create()
    directory.record(recorded.trained())
    (directory / run_dir.FLOAT_MODEL).write_bytes(b"float")
    (directory / run_dir.INT8_MODEL).write_bytes(converted_model)
    return directory


def line(run: RunDirectory, frontend: FrontendConfig = CAUSAL) -> list[str]:
    data = SimpleNamespace(labels=list(LABELS), frontend=frontend)
    return [engine.id for engine in lineup.of_run(run, data, PLACES).engines]


def test_the_model_travels_from_keras_to_boards_and_apps(run):
    first = [ids.KERAS, ids.LITERT_REFERENCE, ids.LITERT_XNNPACK, ids.TFLITE_MICRO]
    assert line(run) == [*first, *C, *SOUND, *APPS]


def test_a_compressed_run_has_its_models_after_the_float_one(run):
    (run / run_dir.COMPRESSED_MODEL).write_bytes(b"compressed")
    assert line(run)[:3] == [ids.KERAS, ids.KERAS_COMPRESSED, ids.LITERT_REFERENCE]
    (run / run_dir.QUANTIZATION).write_text("{}")
    assert line(run)[:3] == [ids.KERAS, ids.KERAS_COMPRESSED, ids.KERAS_QUANTIZED]


def test_centred_windows_cannot_start_from_the_waveform_on_a_device(run, caplog):
    caplog.set_level(logging.INFO)
    centred = line(run, dataclasses.replace(CAUSAL, padding="reflect"))
    assert "no hops of plain C from the waveform" in caplog.text
    assert not set(SOUND) & set(centred) and set(C) <= set(centred)


@pytest.mark.parametrize(("lookahead", "streams"), [(0, True), (3, False), (None, False)])
def test_a_causal_run_has_its_streaming_form_last(run, caplog, lookahead, streams):
    caplog.set_level(logging.INFO)
    """With a look-ahead a stream knows what a window pads, so their logits differ."""
    run.record(recorded.trained(model=ModelConfig(lookahead=lookahead)))
    (run / run_dir.STREAMING_MODEL).write_bytes(b"streaming")
    last = [f"{name}_streaming" for name in (*C, *SOUND[1:])]
    assert (line(run)[-len(last) :] == last) == streams
    # What is not exported needs no emulated board.
    assert ("emitted_c_cortex_m4" in line(run)) != streams and "emitted_c_host" in line(run)
    assert ("no streaming hops" in caplog.text) == bool(lookahead)
    assert ("make android-tools" in caplog.text) == (mediapipe_audio.python() is None)


def test_without_a_front_end_for_tflite_there_is_no_app(run, monkeypatch, caplog):
    def refuse(*_: object) -> None:
        raise lineup.UserError("no such op")

    monkeypatch.setattr(lineup.android_models, "make", refuse)
    assert not set(APPS) & set(line(run))
    assert "no such op" in caplog.text
