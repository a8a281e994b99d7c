"""What the pages tell of a long stream; a report without one has no trace of it."""

import dataclasses
import json
import math
import re

import pytest

from edge_tf.evaluation.report import report_html, stream_html, stream_text
from edge_tf.evaluation.report.json_text import json_safe
from edge_tf.evaluation.streams.stream_metrics import Point
from edge_tf.evaluation.streams.stream_report import SceneFacts, StreamReport, StreamSettings
from firmware_export.runtime.detector import DetectorConfig
from tests.edge_tf.evaluation.report.report_test import DOCS, HOSTILE, LAYERS, Page, sample


def point(smoothing: int, threshold: float, missed: int, false: int, repeats: int = 0) -> Point:
    config = DetectorConfig(smoothing, threshold, 100)
    return Point(config, 80, missed, false_accepts=false, hours=0.5, repeats=repeats)


POINTS = (
    point(1, 0.2, 4, 30),
    point(1, 0.6, 20, 3),
    point(1, 0.9, 60, 0),
    point(20, 0.2, 2, 8),
    point(20, 0.5, 6, 1, repeats=4),
    point(20, 0.8, 40, 0),
)


def heard(**changes) -> StreamReport:
    given = {
        "chosen": POINTS[4],
        "chosen_on": POINTS[4],
        "points": POINTS,
        "by_snr": ((None, 40, 1), (20.0, 24, 2), (5.0, 16, 3)),
        "scene": SceneFacts(
            hours=0.5, keywords=80, other_words=1_075, clips=1_111, snrs_db=[None, 20.0, 5.0]
        ),
        "settings": StreamSettings(30.0, 2.0),
        "model_sha256": "ab" * 32,
        "deaf_seconds": 1.0,
    }
    return StreamReport(**given | changes)


def test_the_page_tells_the_choice_and_what_it_is_worth():
    text = Page(report_html.render(sample(stream=heard()))).text
    assert "Always on" in text
    for words in (
        "Length 0.50 h",
        "Keywords 80",
        "Other words 1,075",
        "Distinct clips 1,111",
        "Smoothing 20 frames",
        "Threshold 0.5",
        "False accepts per hour 2.00",
        "95 % interval 0.05 to 11.14",
        "False rejects 7.5 %",
        "Repeats (second detections of a word) 4",
        "Asked for at most 2 false accepts per hour: met on validation clips (2.00)",
        "Without a decision the first 1.00 s",
        "no noise 40 2.5 %",
        "20 dB 24 8.3 %",
        "5 dB 16 18.8 %",
        "All 6 settings",
        "1 0.20 60.00 40.48 to 85.65 5.0 0",
        "20 0.80 0.00 0.00 to 7.38 50.0 0",
        "20 0.50 2.00 0.05 to 11.14 7.5 4",
    ):
        assert words in text, words


def test_the_page_stays_whole():
    page = Page(report_html.render(sample(stream=heard(), layers=LAYERS)))
    assert page.addresses == ["data:,"]
    tables = [tag for tag, _ in page.tags if tag in ("table", "caption")]
    assert tables == ["table", "caption"] * (len(tables) // 2)
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids)) and "chartdet" in ids
    assert "Sparsity" in page.text  # whose template shares its tables


def test_the_curve_has_the_fewest_false_rejects_for_each_rate():
    chart = stream_html.det_chart(POINTS, (1, 20))
    assert chart is not None
    assert [line.name for line in chart.lines] == ["smoothing 1", "smoothing 20"]
    rates = {line.name: [p.text.rsplit(": ", 1)[1] for p in line.points] for line in chart.lines}
    # 0, 6 and 60 per hour with smoothing 1; 0, 2 and 16 with 20.
    assert rates["smoothing 1"] == ["75.0 %"] * 6 + ["25.0 %"] * 15
    assert rates["smoothing 20"] == ["50.0 %"] * 2 + ["7.5 %"] * 14 + ["2.5 %"] * 5


def test_the_curve_falls_and_is_in_words():
    chart = stream_html.det_chart(POINTS, (1, 20))
    assert chart is not None
    for line in chart.lines:
        heights = [point.y for point in line.points]
        assert heights == sorted(heights)  # SVG counts down from the top
    text = Page(report_html.render(sample(stream=heard()))).text
    assert "False rejects over maximum false accepts per hour 0 to 20: smoothing 1 from" in text


def test_a_line_begins_where_its_quietest_setting_is():
    chart = stream_html.det_chart([point(1, 0.5, 8, 2)], (1,))
    assert chart is not None and len(chart.lines[0].points) == 17  # 4 to 20 per hour


def test_settings_that_are_never_quiet_give_no_curve():
    loud = [point(1, 0.1, 0, 99), point(20, 0.1, 0, 77)]
    assert stream_html.det_chart(loud, (1, 20)) is None
    report = sample(stream=heard(chosen=loud[1], chosen_on=loud[1], points=loud))
    page = Page(report_html.render(report))
    assert "Always on" in page.text
    assert "chartdet" not in [attrs.get("id") for _, attrs in page.tags]


def test_one_smoothing_is_one_line():
    report = heard(chosen=POINTS[1])
    chart = stream_html.context(report)["stream"]["chart"]
    assert [line.name for line in chart.lines] == ["smoothing 1"]


def test_no_stream_leaves_nothing():
    assert stream_html.context(None) == {"stream": None}
    report = sample()
    assert "Always on" not in Page(report_html.render(report)).text
    assert report.to_dict()["stream"] is None


def test_labels_of_others_stay_text():
    """None is shown in this part of the page, whose neighbours show them."""
    text = report_html.render(sample(labels=("no", "yes", HOSTILE), stream=heard()))
    assert "<script" not in text
    assert HOSTILE not in json.dumps(heard().to_dict())


@pytest.mark.parametrize("words", [0, 5])
def test_a_ratio_without_words_has_no_share(words):
    rows = stream_html.context(heard(by_snr=((10.0, words, 0),)))["stream"]["by_snr"]
    assert rows == [("10 dB", f"{words}", "0.0 %" if words else "-")]


def test_json_holds_every_setting_and_is_strict():
    value = heard().to_dict()
    assert json.loads(json.dumps(json_safe(value), allow_nan=False)) == json.loads(
        json.dumps(value, allow_nan=False)
    )
    assert sample(stream=heard()).to_dict()["stream"] == json.loads(json.dumps(value))
    assert value["settings"] == {"minutes": 30.0, "most_per_hour": 2.0, "seed": 0}
    assert [p["missed"] for p in value["points"]] == [4, 20, 60, 2, 6, 40]
    chosen = value["chosen"]
    assert (chosen["smoothing"], chosen["threshold"], chosen["refractory_hops"]) == (20, 0.5, 100)
    assert chosen["false_rejects"] == 0.075 and chosen["false_accepts_per_hour"] == 2
    assert value["by_snr"][0] == {"snr_db": None, "words": 40, "missed": 1}


def test_every_field_is_documented():
    value = heard().to_dict()
    fields = {*value, *value["settings"], *value["scene"], *value["chosen"], *value["by_snr"][0]}
    assert fields <= set(re.findall(r"`(\w+)`", DOCS.read_text(encoding="utf-8")))


def test_the_text_for_the_screen_says_the_same():
    lines = stream_text.render(heard()).splitlines()
    assert lines[0] == "stream of 0.50 h: 80 keywords, 1075 other words, 1111 distinct clips"
    assert lines[1].endswith("smoothing 20 frames, threshold 0.5")
    assert lines[2] == "false accepts: 1, 2.00 per hour (95 % interval 0.05 to 11.14)"
    assert lines[3] == "false rejects: 6 of 80, 7.5%"
    assert lines[4:6] == [
        "repeats: 4, second detections of a word",
        "no decision in the first 1.00 s, until a whole window is there",
    ]
    assert [line.split() for line in lines[6:]] == [
        "no noise: 1 of 40 missed, 2.5%".split(),
        "20 dB: 2 of 24 missed, 8.3%".split(),
        "5 dB: 3 of 16 missed, 18.8%".split(),
    ]


def test_an_aim_that_is_not_met_comes_first():
    loud = heard(chosen_on=POINTS[3], settings=StreamSettings(30.0, 2.0))
    assert stream_text.render(loud).splitlines()[1] == (
        "NOT MET: at most 2 false accepts per hour; the quietest setting has 16.00 on validation "
        "clips"
    )
    text = Page(report_html.render(sample(stream=loud))).text
    assert "Asked for at most 2 false accepts per hour: NOT MET on validation clips (16.00)" in text
    assert loud.to_dict()["is_met"] is False and heard().to_dict()["is_met"] is True


def test_a_short_stream_has_a_wide_interval():
    """The page must not suggest more than was heard: 2 min give no rate worth the name."""
    short = dataclasses.replace(POINTS[5], hours=1 / 30)
    low, high = short.per_hour_interval
    assert low == 0 and math.isclose(high, 110.67, abs_tol=0.01)
