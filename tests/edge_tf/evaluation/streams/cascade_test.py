"""The choice of two stages: answers to sound are those of a stream; the first stage is loose."""

import numpy as np

import tflite_model
from edge_tf.evaluation.streams import cascade, stream_detections
from edge_tf.evaluation.streams.stream_metrics import Kind, Level, Point
from edge_tf.evaluation.streams.wake_parts import SoundPart
from firmware_export.runtime.detector import DetectorConfig
from tests.edge_tf.engines.sound_streams_test import LABELS, heard
from tests.edge_tf.engines.streaming_test import FRAMES, FRONTEND, converted, noise
from tests.firmware_export.cascade_stream_test import CONFIG, FIRST, reference, second_model


def test_an_evaluation_finds_what_a_stream_tells():
    """Sound through the front-end, the table of features and the network in C, a hit at a time."""
    sound, model = noise(8, seed=22), converted()[1]
    stages = cascade.Stages(model, second_model(), FRONTEND, CONFIG.past, CONFIG.pace)
    config = stages.config(smoothing=4, threshold=0.35)
    result = heard(reference(config), sound, [16_000])
    frames = np.flatnonzero(result.detected >= 0)
    wanted = [(int(frame), int(result.detected[frame])) for frame in frames]
    scale = tflite_model.parse(model).outputs[0].scales[0]
    values = stream_detections.probabilities(result.logits, scale, FRAMES - 1)
    scores = stream_detections.smoothed(values, FIRST.smoothing)
    hits = stream_detections.candidates(scores, FIRST, LABELS)
    with cascade.network(second_model()) as network:
        asked = stages.asked([SoundPart("noise", sound)], network)
        found, unheard = stream_detections.told(hits, asked.ask(0, config)), 0
        while asked.unheard > unheard:
            asked.run()
            unheard = asked.unheard
            found = stream_detections.told(hits, asked.ask(0, config))
    assert found == wanted and len(found) > 1
    assert len(found) < len(stream_detections.told(hits))


def point(threshold: float, smoothing: int, missed: int, false_accepts: int) -> Point:
    return Point(
        DetectorConfig(smoothing, threshold),
        (Kind("speech", 1.0, false_accepts),),
        (Level(None, 100, missed),),
    )


def test_the_first_stage_is_the_loosest_of_those_that_miss_least():
    points = [
        point(0.9, 10, missed=9, false_accepts=0),
        point(0.6, 10, missed=2, false_accepts=3),
        point(0.4, 10, missed=2, false_accepts=30),
        point(0.4, 20, missed=2, false_accepts=20),
        point(0.2, 10, missed=1, false_accepts=200),
    ]
    assert cascade.loosest(points, 60.0) is points[2]
    assert cascade.loosest(points, 25.0) is points[3]
    assert cascade.loosest(points, 5.0) is points[1]
    assert cascade.loosest(points, 0.0) is points[0]
    assert cascade.loosest(points[1:], 0.0) is points[1]  # none is so quiet: the quietest
    assert cascade.loosest(points, 1000.0) is points[4]
