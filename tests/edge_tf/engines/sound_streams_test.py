"""From sound to decisions: the exported C and Python give the same bytes, in blocks of any size."""

import dataclasses
import wave
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import tflite_model
from edge_tf.audio import fixed_point
from edge_tf.engines.sound_streams import CStream, PythonStream, SoundStream, StreamResult
from edge_tf.engines.streaming import KerasFrames, keras_stream, tflite_micro_frames
from firmware_export.boards import board, building, programs, toolchain
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import ONE, DetectorConfig
from firmware_export.standalone.spotting import Spotting
from tests import shared
from tests.edge_tf.engines.streaming_test import (
    CONFIG,
    FRAMES,
    FRONTEND,
    converted,
    noise,
    sharp_network,
)

LABELS = ("_silence_", "_unknown_", "no", "stop", "yes")
# Low, so that a network that learned nothing detects something.
DETECTOR = DetectorConfig(smoothing=7, threshold=0.3, refractory_hops=12, background=LABELS[:1])
SPOTTING = Spotting(LABELS, FRONTEND.to_dict(), DETECTOR)


@pytest.fixture(scope="module")
def model() -> bytes:
    return converted()[1]


@pytest.fixture(scope="module")
def built(model, tmp_path_factory) -> building.Build:
    """The program of all streams below: compiling it takes longer than what they hear."""
    if missing := toolchain.missing_packages([board.by_name("host")]):
        pytest.skip(f"no {' '.join(missing)}")
    return programs.build_stream(model, tmp_path_factory.mktemp("stream"), SPOTTING)


@pytest.fixture
def c(model, built, monkeypatch):
    monkeypatch.setattr(programs, "build_stream", lambda *arguments: built)
    stream = CStream(model, SPOTTING)
    yield stream
    stream.close()


@pytest.fixture(scope="module")
def keras_frames() -> KerasFrames:
    return KerasFrames(keras_stream(sharp_network(), CONFIG))


def tflm(model: bytes) -> PythonStream:
    shared.need_tflite_micro()
    frames = tflite_micro_frames(model)
    return PythonStream(frames, model, FRONTEND, DETECTOR, LABELS, is_float=False)


def heard(stream: SoundStream, pcm: np.ndarray, sizes: list[int]) -> StreamResult:
    """All that comes of sound in blocks of these sizes, over and over."""
    at, count, parts = 0, 0, []
    while at < len(pcm):
        size = sizes[count % len(sizes)]
        parts.append(stream.push(pcm[at : at + size]))
        at, count = at + size, count + 1
    return StreamResult(*(np.concatenate([getattr(p, name) for p in parts]) for name in FIELDS))


FIELDS = [field.name for field in dataclasses.fields(StreamResult)]


def check_equal(found: StreamResult, wanted: StreamResult) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)


def test_after_a_restart_nothing_is_left(c, model):
    first, second = noise(2, seed=6), noise(2, seed=7)
    for stream in (c, tflm(model)):
        wanted = heard(stream, second, [16_000])
        stream.restart()
        heard(stream, first, [3_333])
        stream.restart()
        check_equal(heard(stream, second, [5_000]), wanted)


def block_sizes(seed: int, most: int = 4_096) -> list[int]:
    return np.random.default_rng(seed).integers(1, most + 1, 50).tolist()


def test_c_equals_tflite_micro_on_noise(c, model):
    pcm = noise(12)
    found, wanted = heard(c, pcm, block_sizes(1)), heard(tflm(model), pcm, block_sizes(2))
    check_equal(found, wanted)
    assert found.logits.shape == (1 + len(pcm) // 160, len(LABELS))
    assert found.logits.dtype == np.int8 and len(np.unique(found.logits)) > 30
    assert (found.detected >= 0).sum() > 10 and len(set(found.detected.tolist())) > 2
    assert (found.scores[found.detected >= 0] >= DETECTOR.threshold_score).all()
    assert found.scores.max() <= ONE


@pytest.mark.real_data
def test_c_equals_tflite_micro_on_real_speech(c, model, real_data: Path):
    paths = sorted(real_data.glob("[a-z]*/*_nohash_*.wav"))[::250]
    assert len(paths) >= 8
    pcm = np.concatenate([read(path) for path in paths])
    found, wanted = heard(c, pcm, block_sizes(3)), heard(tflm(model), pcm, [16_000])
    check_equal(found, wanted)
    assert len(np.unique(found.logits)) > 30


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(16_000), "<i2").astype(np.int16)


@pytest.mark.parametrize("sizes", [[1], [159, 160, 161], [4_096], [40_000]])
def test_c_gives_the_same_for_blocks_of_any_size(c, model, sizes):
    pcm = noise(3, seed=4)[: 12_000 if sizes == [1] else None]
    check_equal(heard(c, pcm, sizes), heard(tflm(model), pcm, [len(pcm)]))


@hypothesis.settings(
    max_examples=10,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(sizes=st.lists(st.integers(1, 4_096), min_size=1, max_size=20))
def test_python_gives_the_same_for_blocks_of_any_size(model, sizes):
    pcm = noise(1, seed=5)
    check_equal(heard(tflm(model), pcm, sizes), heard(tflm(model), pcm, [len(pcm)]))


def test_frames_come_with_the_sample_that_completes_them(c, model):
    """Both answer at once, and say nothing of a frame that is not whole yet."""
    python, silence = tflm(model), np.zeros(400, np.int16)
    for size, frames in ((1, 1), (158, 0), (1, 1), (160, 1), (80, 0)):
        for stream in (c, python):
            answer = stream.push(silence[:size])
            assert [len(getattr(answer, name)) for name in FIELDS] == [frames] * 3
            assert answer.logits.shape[1] == len(LABELS)


def test_the_detector_hears_from_the_first_whole_window_on(c, model):
    """Before it the network knows sound that never was."""
    for stream in (c, tflm(model)):
        found = heard(stream, noise(1, seed=12), [333])
        assert not found.scores[: FRAMES - 1].any() and found.scores[FRAMES - 1] > 0
        assert (found.detected[: FRAMES - 1] == -1).all()


def test_a_new_stream_has_heard_nothing(c, model):
    first = c.push(noise(1, seed=6))
    again = CStream(model, SPOTTING)
    try:
        again_heard = again.push(noise(1, seed=6))
    finally:
        again.close()
    check_equal(again_heard, first)
    assert not np.array_equal(c.push(noise(1, seed=6)).logits[:100], first.logits[:100])


def test_logits_are_those_of_the_whole_window(model, keras_frames):
    """The last frame of a clip that begins a stream, in float, to the step of int8 logits."""
    clip = noise(1, seed=7)[: FRONTEND.clip_samples]
    keras_frames.reset()
    stream = PythonStream(keras_frames, model, FRONTEND, DETECTOR, LABELS, is_float=True)
    found = heard(stream, clip, [999]).logits[-1]
    info = tflite_model.parse(model)
    source, target = info.inputs[0], info.outputs[0]
    scale, zero_point = source.scales[0], source.zero_points[0]
    steps = fixed_point.log_mel(clip[np.newaxis], FRONTEND, scale, zero_point)
    whole = sharp_network()((steps.astype(np.float32) - zero_point) * scale, training=False)[0]
    wanted = np.clip(whole / target.scales[0] + target.zero_points[0], -128, 127)
    assert found.dtype == np.int8
    np.testing.assert_allclose(found, wanted, rtol=0, atol=0.51)


def test_float_and_int8_hear_much_the_same(model, keras_frames):
    pcm = noise(4, seed=8)
    keras_frames.reset()
    keras_heard = heard(
        PythonStream(keras_frames, model, FRONTEND, DETECTOR, LABELS, is_float=True), pcm, [4_000]
    )
    int8_heard = heard(tflm(model), pcm, [4_000])
    apart = np.abs(keras_heard.logits.astype(int) - int8_heard.logits)
    assert np.median(apart) < 10


def test_a_program_that_ends_early_is_told_in_a_line(c):
    c.push(noise(1))
    c._process.kill()
    c._process.wait()
    with pytest.raises(ExportError, match="ended early, with status -9; start it again"):
        for _ in range(3):
            c.push(noise(1))


def test_a_stream_compiles_its_own_program_and_leaves_nothing(model, c, monkeypatch):
    pcm = noise(2, seed=11)
    monkeypatch.undo()
    stream = CStream(model, SPOTTING)
    (program,) = stream._process.args  # type: ignore[misc]
    folder = Path(str(program)).parents[1]
    try:
        assert [path.name for path in folder.iterdir()]
        check_equal(stream.push(pcm), c.push(pcm))
    finally:
        stream.close()
    assert stream._process.returncode == 0 and not folder.exists()


def test_what_cannot_be_compiled_leaves_no_folder(model, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ExportError) as caught:
        CStream(model, Spotting(LABELS[1:], FRONTEND.to_dict(), DETECTOR))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
