"""The detector of a run: a default, a choice that is kept, and a damaged file that is told."""

import json

import pytest

from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point
from edge_tf.run_dir import RunDirectory
from firmware_export.runtime.detector import DetectorConfig

LABELS = ("_silence_", "_unknown_", "no", "yes")


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return RunDirectory(tmp_path / "run").create()


def test_where_none_was_chosen_it_is_the_default(run):
    assert operating_point.of_run(run) == operating_point.DEFAULT
    assert operating_point.DEFAULT.background_mask(LABELS) == [True, True, False, False]


@pytest.mark.parametrize(
    "chosen",
    [
        operating_point.DEFAULT,
        DetectorConfig(7, 0.86, 40, ("_silence_",)),
        DetectorConfig(1, 1.0, 0, ()),
        DetectorConfig(3, 0.5, 9, ("größe", "turn on")),
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


def test_what_a_file_does_not_say_is_the_default(run):
    (run / "detector.json").write_text('{"detector": {"threshold": 0.75}}')
    found = operating_point.of_run(run)
    assert (found.threshold, found.smoothing, found.refractory_hops) == (0.75, 20, 100)


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
