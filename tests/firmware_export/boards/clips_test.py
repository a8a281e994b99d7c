"""The clip program with a model, a front-end and a detector that are fakes."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firmware_export.boards import building, clips, emulation
from firmware_export.boards.building import Build
from firmware_export.errors import ExportError
from tests.firmware_export.boards.conftest import EMULATED, PROGRAMS, usable

pytestmark = pytest.mark.firmware

ALL = (*EMULATED, "host")
FAKE = PROGRAMS / "fake"
FAKE_STREAMING = PROGRAMS / "fake_streaming"
INPUTS, OUTPUTS, HOP, BANDS, FRAMES = 20, 3, 8, 4, 5

Programs = Callable[..., Build]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Gives the clip program for a board, with the parts wanted."""
    built: dict[tuple[str, bool, bool], Build] = {}

    def get(name: str, whole: bool = True, streaming: bool = False) -> Build:
        key = (name, whole, streaming)
        if key not in built:
            model = FAKE_STREAMING if streaming else FAKE
            sources = [clips.MAIN, model / "model.c"]
            sources += [FAKE / "frontend.c", FAKE / "detector.c"] if whole else []
            built[key] = building.build(
                usable(name),
                sources,
                [model, FAKE],
                tmp_path_factory.mktemp("clips"),
                clips.defines(frontend=whole, detector=whole, streaming=streaming),
                extra_flags=building.SANITIZE if name == "host" else (),
            )
        return built[key]

    return get


def fake_logits(inputs: np.ndarray) -> np.ndarray:
    """What model.c computes: int8 [..., 20] -> int8 [..., 3]."""
    sums = [inputs[..., i::OUTPUTS].sum(-1, dtype=np.int64) for i in range(OUTPUTS)]
    return np.clip(np.stack(sums, -1), -128, 127).astype(np.int8)


def fake_inputs(pcm: np.ndarray, frame: int) -> np.ndarray:
    """What frontend.c gives when so many frames have come: int8 [20] of int16 [samples]."""
    hops = pcm[: HOP * (len(pcm) // HOP)].reshape(-1, HOP)[:, ::2]
    frames = np.concatenate([np.zeros((FRAMES, BANDS)), np.trunc(hops / 256)])
    return frames[frame : frame + FRAMES].T.reshape(-1).astype(np.int8)


def fake_stream(frames: np.ndarray) -> np.ndarray:
    """What fake_streaming/model.c gives for each frame: int8 [n, 4] -> int8 [n, 3]."""
    sums = np.cumsum(frames.astype(np.int64), axis=0)
    sums = np.stack([sums[:, i::OUTPUTS].sum(-1) for i in range(OUTPUTS)], -1)
    return np.clip(sums, -128, 127).astype(np.int8)


@pytest.mark.parametrize("name", ALL)
class TestOnEveryBoard:
    def test_features(self, programs: Programs, tmp_path: Path, name: str) -> None:
        features = np.random.default_rng(0).integers(-30, 30, (50, BANDS, FRAMES), dtype=np.int8)
        result = clips.run_features(programs(name, whole=False), features, tmp_path)
        np.testing.assert_array_equal(result.logits, fake_logits(features.reshape(50, -1)))
        assert result.inputs is result.input_crc32 is result.detections is result.scores is None
        figures = result.figures
        assert (figures["clips"], figures["records"], figures["invoke_calls"]) == (50, 50, 50)
        assert (figures["inputs"], figures["outputs"]) == (INPUTS, OUTPUTS)
        assert not any(key.startswith(("frontend", "window", "detector_")) for key in figures)

    def test_waveforms(self, programs: Programs, tmp_path: Path, name: str) -> None:
        pcm = np.random.default_rng(1).integers(-8000, 8000, (7, 83), dtype=np.int16)
        result = clips.run_waveforms(programs(name), pcm, tmp_path, block=13, extra="input")
        # The 3 samples after the tenth hop complete no frame.
        expected = np.stack([fake_inputs(clip, 10) for clip in pcm])
        np.testing.assert_array_equal(result.inputs, expected)
        np.testing.assert_array_equal(result.logits, fake_logits(expected))
        np.testing.assert_array_equal(result.detections, np.full(7, -1))
        np.testing.assert_array_equal(result.scores, result.logits[:, 0].astype(int) + 1000)
        figures = result.figures
        assert (figures["clips"], figures["records"]) == (7, 7)
        assert (figures["frontend_calls"], figures["window_calls"]) == (77, 7)

    def test_one_inference_after_another(
        self, programs: Programs, tmp_path: Path, name: str
    ) -> None:
        pcm = np.random.default_rng(2).integers(-8000, 8000, (2, 96), dtype=np.int16)
        result = clips.run_waveforms(programs(name), pcm, tmp_path, every=3, extra="crc32")
        # Frames 1 to 5 fill the window, the first of them is silence; 13 frames come in all.
        expected = np.stack([fake_inputs(clip, frame) for clip in pcm for frame in (4, 7, 10)])
        np.testing.assert_array_equal(result.logits, fake_logits(expected))
        crcs = [zlib.crc32(row.tobytes()) for row in expected]
        np.testing.assert_array_equal(result.input_crc32, np.array(crcs, np.uint32))
        np.testing.assert_array_equal(result.detections, [-1, 1, -1] * 2)

    def test_features_also_reach_the_detector(
        self, programs: Programs, tmp_path: Path, name: str
    ) -> None:
        features = np.ones((3, INPUTS), np.int8)
        result = clips.run_features(programs(name), features, tmp_path)
        np.testing.assert_array_equal(result.scores, [1007] * 3)
        assert result.figures["frontend_calls"] == 0


@pytest.mark.parametrize("name", ALL)
class TestStreams:
    """Every frame reaches the model, which begins anew with each clip; some are recorded."""

    @pytest.mark.parametrize("every", [0, 1, 3, 12])
    def test_features(self, programs: Programs, tmp_path: Path, name: str, every: int) -> None:
        features = np.random.default_rng(4).integers(-9, 10, (5, 11, BANDS), dtype=np.int8)
        build = programs(name, whole=False, streaming=True)
        result = clips.run_features(build, features, tmp_path, every=every)
        recorded = slice(10, None) if every == 0 else slice(every - 1, None, every)
        expected = [fake_stream(clip)[recorded] for clip in features]
        np.testing.assert_array_equal(result.logits, np.concatenate(expected))
        figures = result.figures
        assert (figures["clips"], figures["invoke_calls"]) == (5, 55)
        assert (figures["records"], figures["inputs"]) == (len(result.logits), BANDS)

    def test_waveforms(self, programs: Programs, tmp_path: Path, name: str) -> None:
        """The first frame is silence, and the detector hears of all of them."""
        pcm = np.random.default_rng(5).integers(-4000, 4000, (3, 83), dtype=np.int16)
        build = programs(name, streaming=True)
        silence = np.zeros((1, BANDS))
        for every, recorded in ((0, [10]), (1, range(11)), (4, [3, 7])):
            result = clips.run_waveforms(build, pcm, tmp_path, block=13, every=every, extra="input")
            inputs, logits = [], []
            for clip in pcm:
                frames = np.concatenate(
                    [silence, np.trunc(clip[:80].reshape(10, HOP)[:, ::2] / 256)]
                )
                inputs.append(frames[list(recorded)])
                logits.append(fake_stream(frames)[list(recorded)])
            np.testing.assert_array_equal(result.inputs, np.concatenate(inputs))
            np.testing.assert_array_equal(result.logits, np.concatenate(logits))
            detections = [1 if number % 2 else -1 for number in recorded]
            np.testing.assert_array_equal(result.detections, detections * 3)
            assert result.figures["invoke_calls"] == result.figures["frontend_calls"] == 33


@pytest.mark.parametrize("name", ["cortex-m4", "host"])
def test_streams_of_no_whole_frames_are_refused(
    programs: Programs, tmp_path: Path, name: str
) -> None:
    build = programs(name, whole=False, streaming=True)
    for size in (0, BANDS + 1):
        with pytest.raises(ExportError, match="do not match the model's input size"):
            clips.run_features(build, np.zeros((2, size), np.int8), tmp_path)


@pytest.mark.parametrize("name", EMULATED)
def test_figures(programs: Programs, tmp_path: Path, name: str) -> None:
    pcm = np.zeros((5, 80), np.int16)
    counted = clips.run_waveforms(programs(name), pcm, tmp_path)
    figures = counted.figures
    assert figures["counted"] == 1
    # 20 additions in three loops, and no more than some ten instructions for each.
    assert 40 <= figures["invoke_min"] <= figures["invoke_mean"] <= figures["invoke_max"] <= 250
    for key in ("first", "second"):
        assert figures["invoke_min"] <= figures[f"invoke_{key}"] <= figures["invoke_max"]
    for stage in ("frontend", "window", "detector"):
        assert 0 < figures[f"{stage}_min"] <= figures[f"{stage}_max"] < 1000
    assert 0 < figures["stack"] < 1500
    again = clips.run_waveforms(programs(name), pcm, tmp_path)
    assert again.figures == figures
    free = clips.run_waveforms(programs(name), pcm, tmp_path, count=False)
    assert {free.figures[key] for key in figures if key.endswith(("_mean", "_max"))} == {0}
    np.testing.assert_array_equal(free.logits, counted.logits)


def test_blocks_do_not_matter(programs: Programs, tmp_path: Path) -> None:
    pcm = np.random.default_rng(3).integers(-32768, 32768, (3, 400), dtype=np.int16)
    results = [
        clips.run_waveforms(programs("host"), pcm, tmp_path, block=block, every=1, extra="input")
        for block in (1, 7, 8, 333, 512)
    ]
    for result in results[1:]:
        np.testing.assert_array_equal(result.inputs, results[0].inputs)
        np.testing.assert_array_equal(result.detections, results[0].detections)


def test_no_clips(programs: Programs, tmp_path: Path) -> None:
    result = clips.run_features(programs("cortex-m4"), np.zeros((0, INPUTS), np.int8), tmp_path)
    assert result.logits.shape == (0, OUTPUTS)


class TestRefusals:
    def refused(self, build: Build, folder: Path, content: bytes) -> str:
        (folder / "clips.bin").write_bytes(content)
        result = emulation.run(build, folder)
        assert result.status == 2
        return result.console

    @pytest.mark.parametrize("name", ["cortex-m4", "host"])
    def test_files_that_are_not_right(self, programs: Programs, tmp_path: Path, name: str) -> None:
        build = programs(name)
        good = (0x31504C43, 0, 2, INPUTS, 0, 0, 0)

        def said(*header: int, clips_bytes: int = 2 * INPUTS) -> str:
            return self.refused(build, tmp_path, struct.pack("<7I", *header) + bytes(clips_bytes))

        assert said(*good, clips_bytes=39) == "error: clips.bin ends early; write it again\n"
        assert "ends early" in self.refused(build, tmp_path, b"CLP1")
        assert "another format" in said(0x32504C43, *good[1:])
        assert "another format" in said(*good[:6], 3)
        assert "neither features nor sound" in said(good[0], 2, *good[2:])
        assert "do not match the model's input size" in said(*good[:3], 19, 0, 0, 0)
        for size, block in ((20, 0), (20, 513), (21, 8)):
            assert "odd number of bytes" in said(good[0], 1, 2, size, block, 0, 0)

    def test_no_file(self, programs: Programs, tmp_path: Path) -> None:
        result = emulation.run(programs("cortex-m4"), tmp_path)
        assert result.status == 2
        assert result.console.startswith("error: clips.bin cannot be read")

    def test_sound_without_front_end(self, programs: Programs, tmp_path: Path) -> None:
        build = programs("cortex-m4", whole=False)
        with pytest.raises(ExportError) as error:
            clips.run_waveforms(build, np.zeros((1, 80), np.int16), tmp_path)
        assert str(error.value) == (
            "the clip program on cortex-m4 ended with status 2: clips.bin has sound, but the "
            "program has no front-end; export one with the model"
        )

    def test_arrays_that_are_not_right(self, programs: Programs, tmp_path: Path) -> None:
        build = programs("host")
        with pytest.raises(
            ExportError, match=r"must be int8 \[clips, \.\.\.\], not float64 \[2, 20\]"
        ):
            clips.run_features(build, np.zeros((2, 20)), tmp_path)
        with pytest.raises(
            ExportError, match=r"must be int16 \[clips, samples\], not int16 \[80\]"
        ):
            clips.run_waveforms(build, np.zeros(80, np.int16), tmp_path)
        for block in (0, 513):
            with pytest.raises(ExportError, match=r"give 1 to 512$"):
                clips.run_waveforms(build, np.zeros((1, 80), np.int16), tmp_path, block=block)

    def test_a_full_disk(self, programs: Programs, tmp_path: Path) -> None:
        (tmp_path / "logits.bin").symlink_to("/dev/full")
        features = np.zeros((2000, INPUTS), np.int8)
        with pytest.raises(ExportError, match=r"status 2: logits.bin cannot be written; make room"):
            clips.run_features(programs("cortex-m4"), features, tmp_path)
        with pytest.raises(ExportError, match=r"status 2: logits.bin cannot be written; make room"):
            clips.run_features(programs("host"), features, tmp_path)
