"""What the pages tell of a long stream; a report without one has no trace of it."""

import dataclasses
import json
import math
import re

import pytest

from edge_tf.evaluation.report import report_html, stream_html, stream_text
from edge_tf.evaluation.report.json_text import json_safe
from edge_tf.evaluation.streams.intervals import binomial_interval, poisson_interval
from edge_tf.evaluation.streams.stream_metrics import Kind, Level, Point
from edge_tf.evaluation.streams.stream_report import SceneFacts, StreamReport, StreamSettings
from firmware_export.runtime.detector import DetectorConfig
from tests.edge_tf.evaluation.report.report_test import DOCS, HOSTILE, LAYERS, Page, sample


def point(
    smoothing: int, threshold: float, missed: int, false: int, seconds: int = 0, hours: float = 0.5
) -> Point:
    config = DetectorConfig(smoothing, threshold, 100)
    kinds = (Kind("words, no noise", hours / 2, 0), Kind("words, noise", hours / 2, false, seconds))
    levels = (Level(None, 40, missed // 2), Level(5.0, 40, missed - missed // 2))
    return Point(config, kinds, levels, (-0.1, 0.1, 0.2, 0.3, 0.7))


POINTS = (
    point(1, 0.2, 4, 30),
    point(1, 0.6, 20, 3),
    point(1, 0.9, 60, 0),
    point(20, 0.2, 2, 8),
    point(20, 0.5, 6, 1, seconds=1),
    point(20, 0.8, 40, 0),
)


def heard(**changes) -> StreamReport:
    given = {
        "chosen": POINTS[4],
        "chosen_on": POINTS[4],
        "points": POINTS,
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
        "TOO SHORT TO TELL: at most 2 false accepts per hour; 2.00 per hour in 0.50 h of test "
        "(95 % interval 0.05 to 11.14); 1.84 h without a false accept would tell",
        "Test sound 0.50 h",
        "Keywords 80",
        "Other words 1,075",
        "Distinct clips 1,111",
        "Smoothing 20 frames",
        "Threshold 0.5",
        "Armed again below 0.25",
        "Refractory period 100 frames",
        "False accepts per hour 2.00",
        "95 % interval 0.05 to 11.14",
        "Second detections of a word, among them 1",
        "False rejects 7.5 %",
        "95 % interval 2.8 to 15.6 %",
        "Latency from the end of a word, median 0.20 s",
        "Latency, 90 % within 0.70 s",
        "False accepts per hour on validation clips, where it was chosen 2.00",
        "Without a decision the first 1.00 s",
        "words, no noise 0.25 0 0 0.00 0.00 to 14.76",
        "words, noise 0.25 1 1 4.00 0.10 to 22.29",
        "all 0.50 1 1 2.00 0.05 to 11.14",
        "no noise 40 3 7.5 % 1.6 to 20.4 %",
        "5 dB 40 3 7.5 % 1.6 to 20.4 %",
        "All 3 thresholds",
        "0.20 16.00 6.91 to 31.53 2.5 % 0.3 to 8.7 % 0.20 s",
        "0.80 0.00 0.00 to 7.38 50.0 % 38.6 to 61.4 % 0.20 s",
    ):
        assert words in text, words


def test_the_float_network_is_compared_at_as_many_false_accepts():
    """Of the int8 network's settings the best one at 2 per hour, whichever was chosen."""
    assert "float network" not in Page(report_html.render(sample(stream=heard()))).text
    report = heard(chosen=POINTS[1], float_best=point(20, 0.4, 4, 1))
    assert report.int8_best == POINTS[4]
    text = Page(report_html.render(sample(stream=report))).text
    assert "False rejects of the float network at as many false accepts 5.0 %" in text
    assert "Of the int8 network 7.5 %" in text
    assert report.to_dict()["float"] == {
        "false_rejects": 0.05,
        "int8_false_rejects": 0.075,
        "false_accepts_per_hour": 6.0,
    }
    assert heard().to_dict()["float"] is None
    assert "float network: 5.0% missed, int8 7.5%" in stream_text.render(report)


def test_the_page_stays_whole():
    page = Page(report_html.render(sample(stream=heard(), layers=LAYERS)))
    assert page.addresses == ["data:,"]
    tables = [tag for tag, _ in page.tags if tag in ("table", "caption")]
    assert tables == ["table", "caption"] * (len(tables) // 2)
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids)) and "chartdet" in ids
    assert "Sparsity" in page.text  # whose template shares its tables


def curve(points=POINTS, chosen=POINTS[4], most=1.0):
    return stream_html.operating_curve(points, chosen, most)


def test_the_curve_has_the_fewest_false_rejects_for_each_rate():
    chart = curve()
    assert chart is not None
    rates = {line.name: [p.text.rsplit(": ", 1)[1] for p in line.points] for line in chart.lines}
    # 0, 2 and 16 per hour with smoothing 20; 0, 6 and 60 with 1, which are never better here.
    mine = ["50.0 %"] * 2 + ["7.5 %"] * 14 + ["2.5 %"] * 5
    assert rates == {"thresholds of the chosen detector": mine, "best of all settings": mine}
    chart = curve(chosen=POINTS[1])
    assert chart is not None
    assert [p.text.rsplit(": ", 1)[1] for p in chart.lines[0].points] == (
        ["75.0 %"] * 6 + ["25.0 %"] * 15
    )


def test_other_second_thresholds_are_another_detector():
    other = dataclasses.replace(POINTS[5], config=DetectorConfig(20, 0.8, 100, rearm=0.1))
    chart = curve([*POINTS[:5], other])
    assert chart is not None and len(chart.lines[0].points) == 19 < len(chart.lines[1].points)


@pytest.mark.parametrize(("most", "end"), [(0.1, "2"), (1.0, "20"), (5.0, "100")])
def test_the_curve_reaches_as_far_as_the_aim_needs(most, end):
    chart = curve(most=most)
    assert chart is not None and chart.x_ticks[-1].text == end
    assert f"per hour 0 to {end}:" in chart.alternative


def test_the_chosen_point_is_on_the_curve_with_its_bounds():
    chart = curve()
    assert chart is not None and chart.cross is not None
    on_curve = chart.lines[0].points[2]  # 2 per hour
    assert (chart.cross.x, chart.cross.y) == (on_curve.x, on_curve.y)
    assert chart.cross.x_bar[0] < chart.cross.x < chart.cross.x_bar[1] < chart.right
    assert chart.cross.y_bar[0] > chart.cross.y > chart.cross.y_bar[1]  # SVG counts down
    assert chart.cross.text == "chosen: 7.5 % (2.8 to 15.6 %) at 2.00 (0.05 to 11.14)"
    text = Page(report_html.render(sample(stream=heard()))).text
    assert f"Cross: {chart.cross.text} per hour, with 95 % intervals." in text


def test_bounds_beyond_the_chart_end_at_its_edge():
    chart = curve(most=0.5)
    assert chart is not None and chart.cross is not None
    assert chart.cross.x < chart.cross.x_bar[1] == chart.right


def test_the_curve_falls_and_is_in_words():
    chart = curve()
    assert chart is not None
    for line in chart.lines:
        heights = [point.y for point in line.points]
        assert heights == sorted(heights)  # SVG counts down from the top
    text = Page(report_html.render(sample(stream=heard()))).text
    assert "Operating curve: false rejects over maximum false accepts per hour 0 to 40: " in text


def test_a_line_begins_where_its_quietest_setting_is():
    only = point(1, 0.5, 8, 2)
    chart = curve([only], only)
    assert chart is not None and len(chart.lines[0].points) == 17  # 4 to 20 per hour


def test_settings_that_are_never_quiet_give_no_curve():
    loud = [point(1, 0.1, 0, 99), point(20, 0.1, 0, 77)]
    assert curve(loud, loud[1]) is None
    report = sample(stream=heard(chosen=loud[1], chosen_on=loud[1], points=loud))
    page = Page(report_html.render(report))
    assert "Always on" in page.text
    assert "chartdet" not in [attrs.get("id") for _, attrs in page.tags]


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
    assert (chosen["rearm"], chosen["second_detections"], chosen["hours"]) == (0.25, 1, 0.5)
    assert (chosen["median_latency_s"], chosen["latency_90_s"]) == (0.2, 0.7)
    assert value["is_met"] is None and value["verdict"].startswith("TOO SHORT")
    assert value["by_snr"][0] == {
        "snr_db": None,
        "words": 40,
        "missed": 3,
        "false_rejects_interval": list(binomial_interval(3, 40)),
    }
    assert value["by_kind"][1] == {
        "kind": "words, noise",
        "hours": 0.25,
        "false_accepts": 1,
        "second_detections": 1,
        "false_accepts_per_hour": 4.0,
        "per_hour_interval": [4 * bound for bound in poisson_interval(1)],
    }


def test_every_field_is_documented():
    value = heard().to_dict()
    fields = {
        *value,
        *value["settings"],
        *value["scene"],
        *value["chosen"],
        *value["by_snr"][0],
        *value["by_kind"][0],
    }
    assert fields <= set(re.findall(r"`(\w+)`", DOCS.read_text(encoding="utf-8")))


def test_the_text_for_the_screen_says_the_same():
    assert stream_text.render(heard()).splitlines() == [
        "TOO SHORT TO TELL: at most 2 false accepts per hour; 2.00 per hour in 0.50 h of test "
        "(95 % interval 0.05 to 11.14); 1.84 h without a false accept would tell",
        "test sound of 0.50 h: 80 keywords, 1075 other words, 1111 distinct clips",
        "detector chosen on validation clips: smoothing 20 frames, threshold 0.5, armed again "
        "below 0.25",
        "false accepts: 1, 2.00 per hour (95 % interval 0.05 to 11.14); 1 of them second "
        "detections of a word",
        "  words, no noise: 0 in 0.25 h (0.00 to 14.76 per hour)",
        "  words, noise: 1 in 0.25 h (0.10 to 22.29 per hour)",
        "false rejects: 6 of 80, 7.5% (95 % interval 2.8% to 15.6%)",
        "  no noise: 3 of 40 missed, 7.5% (1.6% to 20.4%)",
        "      5 dB: 3 of 40 missed, 7.5% (1.6% to 20.4%)",
        "latency from the end of a word: median 0.20 s, 90 % within 0.70 s",
        "no decision in the first 1.00 s, until a whole window is there",
    ]


def test_an_aim_that_is_not_met_comes_first():
    loud = heard(chosen_on=POINTS[3], settings=StreamSettings(30.0, 2.0))
    verdict = (
        "NOT MET: at most 2 false accepts per hour; 16.00 per hour where the detector was chosen, "
        "and no setting is quieter"
    )
    assert stream_text.render(loud).splitlines()[0] == verdict
    html = report_html.render(sample(stream=loud))
    assert verdict in Page(html).text and '<p class="verdict bad">NOT MET' in html
    assert loud.to_dict()["is_met"] is False
    assert '<p class="verdict open">TOO SHORT' in report_html.render(sample(stream=heard()))
    enough = heard(settings=StreamSettings(30.0, 12.0))
    assert '<p class="verdict good">MET: ' in report_html.render(sample(stream=enough))


def test_a_short_stream_has_a_wide_interval():
    """The page must not suggest more than was heard: 2 min give no rate worth the name."""
    low, high = point(20, 0.8, 40, 0, hours=1 / 30).total.per_hour_interval
    assert low == 0 and math.isclose(high, 110.67, abs_tol=0.01)
