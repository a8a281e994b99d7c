"""Detections of both stages in a whole stream are those of frame after frame, for any settings."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.evaluation.streams import stream_detections, stream_metrics
from edge_tf.evaluation.streams.asking import Asked
from edge_tf.evaluation.streams.judging import HeardPart, Listening
from edge_tf.evaluation.streams.stream_scene import Event
from firmware_export.runtime.detector import Detector, DetectorConfig
from firmware_export.runtime.second_stage import REJECTED, SecondConfig, SecondStage
from tests.edge_tf.evaluation.streams.stream_detections_test import LABELS, random_logits

WINDOW, SCALE, SECOND_SCALE = 5, 0.08, 0.05
FIRST = DetectorConfig(smoothing=3, threshold=0.4, refractory_hops=80, rearm=0.3)
AS_IT_IS = np.arange(-128, 128).astype(np.int8)


class Network:
    """Logits that depend on the last frames and on when it began: running sums, cut to int8."""

    def __init__(self) -> None:
        self.runs = 0
        self.reset()

    def reset(self) -> None:
        self.sum = np.zeros(len(LABELS), int)

    def push(self, frames: np.ndarray) -> np.ndarray:
        found = []
        for frame in frames.astype(int):
            self.sum = self.sum // 2 + frame
            found.append(np.clip(self.sum, -128, 127))
        return np.stack(found)

    def of_hits(self, hits: np.ndarray) -> np.ndarray:
        self.runs += len(hits)
        found = []
        for frames in hits:
            self.reset()
            found.append(self.push(frames))
        return np.stack(found)


def asked(features: np.ndarray, config: SecondConfig, network: Network | None = None) -> Asked:
    heard = (network or Network()).of_hits
    return Asked([features], heard, SECOND_SCALE, WINDOW, config.past, config.patience)


def found_at_once(logits, features, first, second) -> list[tuple[int, int]]:
    stage = asked(features, second)
    while True:
        values = stream_detections.probabilities(logits, SCALE, WINDOW - 1)
        scores = stream_detections.smoothed(values, first.smoothing)
        hits = stream_detections.candidates(scores, first, LABELS)
        unheard = stage.unheard
        found = stream_detections.told(hits, stage.ask(0, second))
        if stage.unheard == unheard:
            return found
        stage.run()


def found_frame_by_frame(logits, features, first, second) -> list[tuple[int, int]]:
    detector = Detector(first, LABELS, SCALE)
    stage = SecondStage(second, Network(), AS_IT_IS, SECOND_SCALE, WINDOW)
    heard = []
    for frame, row in enumerate(logits):
        hit = detector.push(row)[0] if frame >= WINDOW - 1 else -1
        told, _ = stage.push(features[frame], hit)
        if told == REJECTED:
            detector.resume()
        elif told >= 0:
            heard.append((frame, told))
    return heard


seconds = st.builds(
    SecondConfig,
    threshold=st.floats(0, 1.1),
    smoothing=st.integers(1, 8),
    past=st.integers(WINDOW, 30),
    patience=st.integers(0, 20),
    pace=st.integers(1, 40),
)


@hypothesis.settings(max_examples=150)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 600),
    smoothing=st.integers(1, 10),
    threshold=st.floats(0.05, 0.9),
    rearm=st.floats(0.05, 1.0),
    pause=st.integers(0, 40),
    second=seconds,
)
def test_what_is_told_is_what_the_device_tells(
    seed, frames, smoothing, threshold, rearm, pause, second
):
    first = DetectorConfig(smoothing, threshold, second.longest + pause, rearm=rearm)
    logits, features = random_logits(seed, frames), random_logits(seed + 1, frames)
    found = found_at_once(logits, features, first, second)
    assert found == found_frame_by_frame(logits, features, first, second)


SECOND = SecondConfig(threshold=0.6, smoothing=2, past=12, patience=8, pace=3)


def test_some_hits_are_told_and_some_are_not():
    """So that equality above is not that of empty lists."""
    logits, features = random_logits(3, 4_000), random_logits(4, 4_000)
    first = dataclasses.replace(FIRST, refractory_hops=20)
    hits = len(stream_detections.detections(logits, SCALE, first, LABELS, WINDOW - 1))
    told = found_at_once(logits, features, first, SECOND)
    assert told == found_frame_by_frame(logits, features, first, SECOND)
    assert 20 < len(told) < hits - 20


@pytest.mark.parametrize("pace", [40, 12, 3, 1])
def test_at_threshold_0_it_tells_what_the_first_stage_hears_alone(pace):
    """Later by as long as it takes to catch up: at once, if it may hear all of the past."""
    logits, features = random_logits(5, 3_000), random_logits(6, 3_000)
    logits[:20] = np.where(np.arange(len(LABELS)) == 0, 127, -128)  # all of the past is there
    always = dataclasses.replace(SECOND, threshold=0, pace=pace)
    alone = stream_detections.detections(logits, SCALE, FIRST, LABELS, WINDOW - 1)
    late = {40: 0, 12: 0, 3: 3, 1: 11}[pace]
    assert len(alone) > 10 and alone[0][0] >= SECOND.past
    wanted = [(frame + late, label) for frame, label in alone]
    assert found_at_once(logits, features, FIRST, always) == wanted


def test_above_threshold_1_it_tells_nothing():
    logits, features = random_logits(5, 3_000), np.full((3_000, len(LABELS)), -128, np.int8)
    features[:, 2:] = 127
    never = dataclasses.replace(SECOND, threshold=1.01)
    assert found_at_once(logits, features, FIRST, never) == []
    assert found_at_once(logits, features, FIRST, dataclasses.replace(SECOND, threshold=0.2))


def test_a_rejected_hit_leaves_no_pause_but_has_to_fall_first():
    """The word at 100 is heard by the first alone; what follows is heard, if its score fell."""
    features = np.full((400, len(LABELS)), -128, np.int8)
    features[:, 0] = 127
    features[130:, 0], features[130:, 2] = -128, 127
    for gap, told in ((10, 1), (0, 0)):
        logits = np.full((400, len(LABELS)), -128, np.int8)
        logits[:, 0] = 127
        logits[100:200] = np.where(np.arange(len(LABELS)) == 2, 127, -128)
        logits[130 : 130 + gap] = np.where(np.arange(len(LABELS)) == 0, 127, -128)
        found = found_at_once(logits, features, FIRST, SECOND)
        assert len(found) == told and all(label == 2 for _, label in found)
        assert all(130 + gap < frame < 160 for frame, _ in found)


def test_the_network_runs_once_for_each_hit_whatever_is_asked():
    logits, features = random_logits(7, 2_000), random_logits(8, 2_000)
    events = [Event(160 * 300, 160 * 320, 2, None)]
    part = HeardPart("words", 2_000 * 0.01 / 3600, logits, events)
    listening = Listening(LABELS, SCALE, 160, 16_000, WINDOW - 1)
    network = Network()
    stage = asked(features, SECOND, network)
    settings = [dataclasses.replace(SECOND, threshold=t) for t in (0, 0.3, 0.6, 0.9, 1.1)]
    points = stream_metrics.pairs([part], listening, FIRST, settings, stage)
    ran = network.runs
    assert [point.second for point in points] == settings
    assert points[0].asked <= ran <= sum(point.asked for point in points)
    detected = [p.total.false_accepts + p.words - p.missed for p in points]
    assert detected[0] == points[0].asked > detected[2] > detected[4] == 0
    assert points[4].hits_per_hour == points[4].asked / points[4].total.hours
    again = stream_metrics.pairs([part], listening, FIRST, settings, stage)
    assert again == points and network.runs == ran
