"""Emitted C as an engine: the bytes of the reference, from features and from the waveform on."""

import pickle
import time

import numpy as np
import pytest

import tflite_model
from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import int8
from edge_tf.engines import side_by_side
from edge_tf.engines.base import Outputs, UnavailableError
from edge_tf.engines.emitted_c import EmittedC, IntegerFrontend
from edge_tf.engines.litert import LiteRTReference
from firmware_export.boards import board, toolchain
from firmware_export.errors import ExportError
from firmware_export.standalone.spotting import Spotting
from tests.edge_tf.conversion.conversion_fixtures import SHAPE, block_model, features

# What gives the test model's 20 bands and 12 frames.
FRONTEND = FrontendConfig(mel_bands=SHAPE[0], clip_samples=11 * 160)
SPOTTING = Spotting(("_silence_", "_unknown_", "no", "yes"), FRONTEND.to_dict())


@pytest.fixture(scope="module")
def model() -> bytes:
    return int8.convert(block_model(), features(60), "device")


def waveforms(count: int, seed: int = 0) -> np.ndarray:
    """Silence, full scale, and tones in noise of any loudness."""
    rng = np.random.default_rng(seed)
    moments = np.arange(FRONTEND.clip_samples) / FRONTEND.sample_rate
    loudness = 10.0 ** rng.uniform(0, 4.4, (count, 1))
    tones = np.sin(2 * np.pi * rng.uniform(50, 7_900, (count, 1)) * moments)
    clips = loudness * (tones + rng.normal(0, 0.3, (count, len(moments))))
    clips[0], clips[1] = 0, np.where(moments * 1_000 % 2 < 1, 32_767, -32_768)
    return np.clip(clips, -32_768, 32_767).astype(np.int16)


def usable(name: str) -> None:
    missing = toolchain.missing_packages([board.by_name(name)])
    if missing:
        pytest.skip(f"no {' '.join(missing)} for {name}")


def check_features(model: bytes, name: str, clips: np.ndarray) -> Outputs:
    usable(name)
    found, wanted = (
        EmittedC(model, board.by_name(name)).run(clips),
        LiteRTReference(model).run(clips),
    )
    np.testing.assert_array_equal(found.logits, wanted.logits)
    assert found.logits.dtype == np.int8 and len(np.unique(wanted.logits)) > 3
    assert (found.scale, found.zero_point) == (wanted.scale, wanted.zero_point)
    return found


def check_waveforms(model: bytes, name: str, clips: np.ndarray) -> None:
    usable(name)
    engine = EmittedC(model, board.by_name(name), SPOTTING, "waveform")
    found, wanted = engine.run(clips), IntegerFrontend(model, FRONTEND.to_dict()).run(clips)
    np.testing.assert_array_equal(found.logits, wanted.logits)
    assert len(np.unique(wanted.logits)) > 3


def test_from_features_on_the_host(model):
    clips = features(500, seed=9)
    clips[:100] *= 20  # far beyond the calibrated range: saturation at both ends
    began = time.perf_counter()
    found = check_features(model, "host", clips)
    passed = time.perf_counter() - began
    assert found.seconds_per_inference is not None
    assert 0 < found.seconds_per_inference * len(clips) < passed


def test_from_the_waveform_on_the_host(model):
    check_waveforms(model, "host", waveforms(40))


@pytest.mark.firmware
@pytest.mark.parametrize("name", [each.name for each in board.EMULATED])
def test_from_features_on_a_board(model, name):
    """On each that --boards can name."""
    clips = features(8 if name == "cortex-m4" else 2, seed=1)
    assert check_features(model, name, clips).seconds_per_inference is None


@pytest.mark.firmware
@pytest.mark.parametrize(("name", "count"), [("cortex-m4", 6), ("xtensa", 2)])
def test_from_the_waveform_on_a_board(model, name, count):
    check_waveforms(model, name, waveforms(count))


def test_the_plain_graph_too():
    plain = int8.convert(block_model(), features(60), "plain")
    check_features(plain, "host", features(50))


def test_the_integer_front_end_gives_the_model_its_bytes(model):
    """Between real features and int8 nothing is rounded a second time."""
    clips = waveforms(12)
    source = tflite_model.parse(model).inputs[0]
    scale, zero_point = source.scales[0], source.zero_points[0]
    given = fixed_point.log_mel(clips, FRONTEND, scale, zero_point)
    real = (given.astype(np.float64) - zero_point) * scale
    np.testing.assert_array_equal(
        IntegerFrontend(model, FRONTEND.to_dict()).run(clips).logits,
        LiteRTReference(model).run(real.reshape(12, *SHAPE).astype(np.float32)).logits,
    )


def test_clips_do_not_depend_on_those_before(model):
    usable("host")
    clips = waveforms(5)
    engine = EmittedC(model, board.HOST, SPOTTING, "waveform")
    np.testing.assert_array_equal(engine.run(clips).logits, engine.run(clips[::-1]).logits[::-1])


def test_tools_that_are_missing_make_the_hop_unavailable(model, monkeypatch):
    monkeypatch.setattr(toolchain, "missing_packages", lambda boards: ("gcc-x", "qemu-y"))
    for start in ("features", "waveform"):
        with pytest.raises(UnavailableError, match=r"^apt-get install gcc-x qemu-y$"):
            EmittedC(model, board.by_name("cortex-m4"), SPOTTING, start).run(features(1))


def test_ids_and_names_are_different_for_all_hops():
    engines = [
        EmittedC(b"", each, SPOTTING, start)
        for each in board.BOARDS
        for start in ("features", "waveform")
    ]
    for values in ({e.id for e in engines}, {e.name for e in engines}):
        assert len(values) == len(engines) == 2 * len(board.BOARDS)
    assert all(engine.bit_exact for engine in engines)
    assert EmittedC(b"", board.by_name("cortex-m4")).id == "emitted_c_cortex_m4"
    assert EmittedC(b"", board.HOST, SPOTTING, "waveform").name == "Emitted C, host (waveform)"


def test_slow_boards_run_a_part_of_the_clips():
    assert EmittedC(b"", board.HOST).most_clips == 0
    assert 0 < EmittedC(b"", board.by_name("cortex-m55")).most_clips <= 200


def test_labels_that_do_not_fit_the_model_are_refused(model):
    usable("host")
    spotting = Spotting(("no", "yes"), FRONTEND.to_dict())
    with pytest.raises(ExportError) as caught:
        EmittedC(model, board.HOST, spotting, "waveform").run(waveforms(2))
    assert "\n" not in str(caught.value)


def test_side_by_side_feeds_each_engine_what_it_starts_from(model):
    usable("host")
    sound, data = waveforms(9), features(9)
    rows = np.array([1, 4, 7])
    engines = [
        LiteRTReference(model),
        IntegerFrontend(model, FRONTEND.to_dict()),
        EmittedC(model, board.HOST),
        EmittedC(model, board.HOST, SPOTTING, "waveform"),
    ]
    assert pickle.loads(pickle.dumps(engines[-1])).id == "emitted_c_host_pcm"
    clips = {"features": data, "waveform": sound}
    for picks in (None, [None, None, rows, rows]):
        reference, heard, emitted, whole = side_by_side.run_all(engines, clips, picks)
        chosen = slice(None) if picks is None else rows
        assert isinstance(reference, Outputs) and isinstance(heard, Outputs)
        assert isinstance(emitted, Outputs) and isinstance(whole, Outputs)
        np.testing.assert_array_equal(emitted.logits, reference.logits[chosen])
        np.testing.assert_array_equal(whole.logits, heard.logits[chosen])


def test_a_model_that_cannot_be_plain_c_is_a_hop_that_is_not_available(model, monkeypatch):
    """An op without a kernel costs its own row, not the whole table."""
    usable("host")

    def refuse(*args: object, **options: object) -> None:
        raise ExportError("op 3 SVDF has no kernel in C; leave it out of the model")

    monkeypatch.setattr("firmware_export.standalone.compiler.compile", refuse)
    with pytest.raises(UnavailableError, match="op 3 SVDF has no kernel"):
        EmittedC(model, board.HOST).run(features(2))


def test_what_is_too_large_for_a_board_has_no_row_there(model, monkeypatch):
    usable("cortex-m4")
    monkeypatch.setattr(board.Board, "memory_kb", property(lambda self: (4, 16)))
    with pytest.raises(UnavailableError, match=r"too large for the emulated board: .* cortex-m4"):
        EmittedC(model, board.by_name("cortex-m4")).run(features(2))
