"""The load of a program on parts: what is told, and that it is near what an emulator counts."""

import dataclasses
import functools

import numpy as np
import pytest

from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.boards import measuring
from firmware_export.frontend.config import LogMel
from firmware_export.standalone import compiler, costs
from firmware_export.standalone.load import estimate, parts, sound, text
from firmware_export.standalone.spotting import Spotting
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.passes_test import Model

CONFIG = FrontendConfig(mel_bands=8, hop=320)
SOUND = LogMel.from_dict(CONFIG.to_dict())
LABELS = ("yes", "no", "_silence_")


def classifier() -> bytes:
    """Of features, small."""
    made = Model((1, 8, CONFIG.num_frames, 1))
    x = made.conv(made.input, 8, (8, CONFIG.num_frames), (8, CONFIG.num_frames))
    x = made.reshape(made.conv(x, len(LABELS)), 1, len(LABELS), like=(0.07, -5))
    return made.builder.finish([made.input], [x])


@pytest.fixture(scope="module")
def program() -> compiler.Compiled:
    return compiler.compile(classifier(), "dsp")


def on(name: str, loads: list[estimate.PartLoad]) -> estimate.PartLoad:
    return next(load for load in loads if load.part.name == name)


def test_parts_have_cores_that_are_known_and_each_a_source():
    assert len({part.name for part in parts.PARTS}) == len(parts.PARTS) >= 8
    graph = compiler.compile(classifier()).graph
    for part in parts.PARTS:
        for kernels in part.core.kernels:
            assert costs.of_graph(graph, kernels, part.core.figures) > 0
        assert sound.frame_instructions(part.core.figures, SOUND) > 0
        assert part.source and part.mhz > 0 and part.ram_kb < part.flash_kb


def test_the_load_is_the_sum_of_what_runs_in_a_second(program):
    around = estimate.Around(SOUND, 3, frames_per_decision=5)
    load = on("nRF52840", estimate.of_program(program, 4_000, around))
    frame = sound.frame_instructions("cortex-m4", SOUND)
    window = sound.read_instructions("cortex-m4", SOUND) + load.per_inference
    decision = sound.detector_instructions("cortex-m4", 3)
    assert load.per_second == pytest.approx(50 * frame + 10 * (window + decision), abs=1)
    assert load.per_second is not None
    assert load.percent == pytest.approx(100 * load.per_second / 64e6)
    assert load.percent is not None
    assert load.verdict == f"at least {load.percent:.2g} %" and load.misfit == ""


def test_a_stream_runs_its_network_at_each_frame_and_decides_less_often(program):
    streaming = dataclasses.replace(program, streaming=True)
    often, rarely = (
        on("nRF52840", estimate.of_program(streaming, 0, estimate.Around(SOUND, 3, frames)))
        for frames in (1, 5)
    )
    decision = sound.detector_instructions("cortex-m4", 3)
    assert often.per_second is not None and rarely.per_second is not None
    assert often.per_second - rarely.per_second == pytest.approx(40 * decision, abs=1)


def test_a_network_alone_has_inferences_per_second(program):
    load = on("nRF52840", estimate.of_program(program, 0))
    assert load.per_second is None and load.percent is None
    assert load.inferences_per_second == pytest.approx(64e6 / load.per_inference)
    assert load.verdict.startswith("at most ") and load.verdict.endswith(" a second")


def test_what_does_not_fit_is_told(program):
    load = on("STM32F401xE", estimate.of_program(program, 97 * 1024))
    assert load.verdict == "does not fit: RAM 97 KB of 96"
    small = dataclasses.replace(load.part, flash_kb=1, ram_kb=200)
    assert dataclasses.replace(load, part=small).verdict.startswith("does not fit: flash ")
    slow = dataclasses.replace(load, ram_bytes=0, per_second=2 * 84_000_000)
    assert slow.verdict == "too slow: at least 200 % of the processor"
    other = on("RP2040", estimate.of_program(program, 0))
    assert other.kernels is None and other.verdict == "no kernels for it in this export"
    assert other.to_dict()["least_load_percent"] is None


def test_parts_of_one_verdict_share_a_place_in_the_line():
    shown = [{"part": part, "verdict": verdict} for part, verdict in ("aX", "bY", "cX")]
    assert text.line(shown) == "a, c: X; b: Y"


@pytest.mark.firmware
@pytest.mark.parametrize("board", ["cortex-m4", "rv32"])
def test_a_second_is_near_what_is_counted(board):
    around = Spotting(LABELS, CONFIG.to_dict())
    pcm = np.random.default_rng(0).normal(0, 3_000, (1, 16_000)).astype(np.int16)
    features = np.zeros((1, 8, CONFIG.num_frames, 1), np.int8)
    found = measuring.measure(classifier(), usable(board), features, around, pcm)
    near = functools.partial(pytest.approx, rel=costs.TOLERANCE)
    assert sound.frame_instructions(board, SOUND) == near(found.frontend_instructions)
    assert found.frontend_instructions is not None and found.window_instructions is not None
    assert found.detector_instructions is not None
    counted = 50 * found.frontend_instructions + 10 * (
        found.window_instructions + found.instructions + found.detector_instructions
    )
    compiled = compiler.compile(classifier(), usable(board).target.kernels)
    loads = estimate.of_program(compiled, 0, estimate.Around(SOUND, len(LABELS), 5))
    part = next(load for load in loads if load.part.core.figures == board and load.kernels)
    assert part.per_second == near(counted)


def test_a_part_that_is_too_slow_while_the_second_stage_catches_up_is_told():
    """Though it is fast enough for an average second."""
    stage = estimate.SecondLoad(9_000_000, 70_000_000, first_answer_s=0.27, last_answer_s=0.5)
    part = next(part for part in parts.PARTS if part.name == "nRF52840")
    slow = estimate.PartLoad(part, "dsp", 100_000, 16_000_000, 0, 0, stage)
    assert slow.misfit == "too slow while the second stage catches up: at least 109 %"
    assert slow.to_dict()["second"]["busiest"] == 70_000_000
    fast = dataclasses.replace(slow, second=dataclasses.replace(stage, busiest=64_000_000))
    assert fast.verdict == "at least 25 %" and fast.misfit == ""
    assert dataclasses.replace(slow, second=None).to_dict()["second"] is None
    told = text.second_lines({"parts": [slow.to_dict()], "hits_per_hour": 12.34})
    assert told == [
        "second stage, on nRF52840 at 64 MHz: 16 M instructions a second at 12.3 hits an hour, 9 M "
        "a hit; 70 M a second until it has caught up, 0.27 s; last answer 0.5 s after a hit"
    ]
    assert text.second_lines({"parts": [{"second": None}], "hits_per_hour": None}) == []
