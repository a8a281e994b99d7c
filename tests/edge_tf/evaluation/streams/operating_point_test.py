"""The detector of a run: a default, a choice that is kept, and a damaged file that is told."""

import dataclasses
import json
import re

import numpy as np
import pytest

from edge_tf import files
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point, stream_detections
from edge_tf.run_dir import RunDirectory
from firmware_export.runtime.detector import DetectorConfig
from tests.edge_tf import recorded

LABELS = ("_silence_", "_unknown_", "no", "yes")


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    made = RunDirectory(tmp_path / "run").create()
    (made / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    files.write_json(made / "frontend.json", {"frontend": FrontendConfig().to_dict()})
    return made


def test_where_none_was_chosen_it_is_the_default(run):
    default = operating_point.of_run(run)
    assert default == operating_point.of(101)
    assert default.background_mask(LABELS) == [True, True, False, False]


@pytest.mark.parametrize(
    ("settings", "refractory"), [({}, 121), ({"hop": 320}, 71), ({"clip_samples": 32_000}, 221)]
)
def test_a_pause_outlasts_the_window_and_its_mean(run, settings, refractory):
    config = FrontendConfig(**settings)
    files.write_json(run / "frontend.json", {"frontend": config.to_dict()})
    found = operating_point.of_run(run)
    assert found.refractory_hops == refractory == config.num_frames + found.smoothing


def test_one_word_is_one_detection():
    """The surest network: it hears the word in each frame whose window has some of it."""
    frames, labels = 101, ("word", "_unknown_")
    logits = np.tile(np.array([-128, 127], np.int8), (600, 1))
    logits[150 : 150 + frames] = [127, -128]
    for smoothing in (1, 5, 20, 50):
        for threshold in (0.1, 0.5, 0.9):
            config = operating_point.of(frames, smoothing, threshold)
            assert len(stream_detections.detections(logits, 0.1, config, labels)) == 1
            shorter = dataclasses.replace(config, refractory_hops=frames - 20)
            assert len(stream_detections.detections(logits, 0.1, shorter, labels)) == 1
            shorter = dataclasses.replace(shorter, rearm=1.0)
            assert len(stream_detections.detections(logits, 0.1, shorter, labels)) == 2 or (
                smoothing == 50 and threshold == 0.9
            )


def test_an_aim_that_was_not_met_is_told(run):
    assert operating_point.unmet(run) == ""
    verdict = "NOT MET: at most 1 false accepts per hour; 138.00 per hour"
    for met, told in ((True, False), (None, False), (False, True)):
        operating_point.save(run, operating_point.of(101), {"met": met, "verdict": verdict})
        assert bool(operating_point.unmet(run)) == told
    assert f"does not hold what was asked for ({verdict})" in operating_point.unmet(run)
    operating_point.save(run, operating_point.of(101), {})
    assert operating_point.unmet(run) == ""
    # Of an earlier version, without a verdict.
    operating_point.save(run, operating_point.of(101), {"met": False, "validation": [1]})
    assert "(NOT MET: fewer false accepts were asked for)" in operating_point.unmet(run)


@pytest.mark.parametrize(
    "chosen",
    [
        operating_point.of(101),
        DetectorConfig(7, 0.86, 40, ("_silence_",)),
        DetectorConfig(1, 1.0, 0, ()),
        DetectorConfig(3, 0.5, 9, ("größe", "turn on"), rearm=0.125),
    ],
)
def test_a_choice_is_read_again_as_it_was(run, chosen):
    operating_point.save(run, chosen, {"chosen_on": "validation clips"})
    again = operating_point.of_run(run)
    assert again == chosen
    assert hash(again) == hash(chosen)
    value = json.loads((run / "detector.json").read_text(encoding="utf-8"))
    assert value["about"] == {"chosen_on": "validation clips"}
    assert value["detector"]["smoothing"] == chosen.smoothing


@pytest.mark.parametrize("chosen", [None, DetectorConfig(7, 0.86, 40, ("_silence_",))])
def test_background_classes_of_a_run_and_of_a_flag_are_added(run, chosen):
    if chosen:
        operating_point.save(run, chosen, {})
    before = (chosen or DetectorConfig()).background
    assert operating_point.of_run(run, ["no"]).background == (*before, "no")
    run.record(recorded.trained(data=recorded.data_flags(background=("yes", "_silence_"))))
    again = operating_point.of_run(run, ["no"])
    assert again.background == (*before, "yes", "no")
    with pytest.raises(UserError, match=r"_labels=x: .* has no such class; choose from _sil"):
        operating_point.of_run(run, ["x"])


def test_a_class_like_noise_is_asked_about_and_the_remedy_works(run, caplog):
    (run / "labels.txt").write_text("noise\nUnknown\nyes\n")
    assert operating_point.of_run(run).background_mask(run.labels()) == [False] * 3
    remedy = re.search("the detector will report .*; give --background_labels=(.*) if", caplog.text)
    assert remedy
    caplog.clear()
    found = operating_point.of_run(run, remedy[1].split(","))
    assert found.background_mask(run.labels()) == [True, True, False]
    assert caplog.text == ""


def test_what_a_file_does_not_say_is_the_default(run):
    (run / "detector.json").write_text('{"detector": {"threshold": 0.75}}')
    found = operating_point.of_run(run)
    assert (found.threshold, found.smoothing, found.refractory_hops) == (0.75, 20, 121)
    assert found.rearm == 0.375  # half of this file's threshold


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        '{"detector": null}',
        '{"detector": 7}',
        '{"detector": "smoothing"}',
        '{"detector": [1, 2]}',
        '{"detector": {"loudness": 1}}',
        '{"detector": {"smoothing": 0}}',
        '{"detector": {"smoothing": 2.5}}',
        '{"detector": {"threshold": "high"}}',
        '{"detector": {"threshold": 1.5}}',
        '{"detector": {"refractory_hops": -1}}',
        '{"detector": {"rearm": 0}}',
        '{"detector": {"rearm": "low"}}',
        '{"detector": {"background": null}}',
        '{"detector": {"background": "_silence_"}}',
        '{"detector": {"background": [1, 2]}}',
    ],
)
def test_a_damaged_file_is_told_in_a_line(run, content):
    path = run / "detector.json"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        operating_point.of_run(run)
    message = str(caught.value)
    assert message.startswith(f"{path} ") and "; " in message and "\n" not in message
