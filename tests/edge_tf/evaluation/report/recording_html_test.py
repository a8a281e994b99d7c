"""What the page tells of recording devices; a report of words has no trace of them."""

import dataclasses
import itertools
import json
import re

import pytest

from edge_tf.evaluation.hops import hop_table
from edge_tf.evaluation.hops.recording_devices import Devices
from edge_tf.evaluation.report import recording_html, report_html
from edge_tf.evaluation.report.report import Report
from tests.edge_tf.evaluation.hops import recording_fixtures as scenes
from tests.edge_tf.evaluation.report.report_test import DOCS, HOSTILE, Page, sample


def report(**fields) -> Report:
    return Report(table=scenes.table(), labels=["a", "b", "c", "d"], **fields)


def test_the_page_has_a_chart_and_a_line_a_device():
    page = Page(report_html.render(report()))
    assert "Recording devices Accuracy by device Keras float Reference" in page.text
    assert "sim1 no 20 75.00 ± 9.68 25.00" in page.text
    assert "mean, unseen no 40 75.00 25.00" in page.text
    assert "Accuracy by recording device. Keras float: recorded 100.00 %, sim1 75.00 %" in page.text
    assert "Reference, sim2: 75.00 %" in page.text
    assert [tag for tag, _ in page.tags].count("rect") == 6
    assert "Accuracy % Log loss Change, points" in page.text


def test_tables_have_captions_and_headers_scopes():
    page = Page(report_html.render(report()))
    tables = [tag for tag, _ in page.tags if tag in ("table", "caption")]
    assert tables == ["table", "caption"] * (len(tables) // 2)
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")


def test_words_have_no_trace_of_devices():
    text = report_html.render(sample())
    assert "Recording devices" not in text and "<rect" not in text and "Log loss" not in text
    assert [hop["by_device"] for hop in sample().to_dict()["hops"]] == [None] * 4


def test_names_from_outside_are_escaped():
    names = tuple(HOSTILE if name == "sim1" else name for name in scenes.DEVICES.of_clips)
    devices = Devices(names, frozenset({"recorded"}))
    table = hop_table.build(scenes.hops(scenes.logits(5)), scenes.LABELS, devices=devices)
    text = report_html.render(Report(table=table, labels=["a", "b", "c", "d"]))
    page = Page(text)
    assert "<script" not in text and f"{HOSTILE} no 20 75.00" in page.text


def test_every_field_is_documented():
    value = report().to_dict()["hops"][0]
    by_device = value["by_device"]
    fields = set(value) | set(by_device) | set(by_device["each"][0]) | set(by_device["seen"])
    assert fields <= set(re.findall(r"`(\w+)`", DOCS.read_text(encoding="utf-8")))
    assert json.loads(json.dumps(by_device, allow_nan=False))["drop_points"] == 25.0


def test_bars_are_as_high_as_their_accuracy_and_stay_in_the_frame():
    rows = scenes.table(wrong_unseen=20, int8_wrong=3).rows[:2]
    chart = recording_html.bar_chart(rows)
    assert chart is not None
    full = chart.bottom - next(tick.at for tick in chart.y_ticks if tick.text == "100 %")
    for group, row in zip(chart.groups, rows, strict=True):
        assert row.by_device is not None
        for bar, one in zip(group.bars, row.by_device.each, strict=True):
            assert bar.height == pytest.approx(full * one.accuracy, abs=0.02)
            assert bar.y + bar.height == pytest.approx(chart.bottom)
            assert chart.left <= bar.x and bar.x + bar.width <= chart.right
    left = sorted((bar.x, bar.width) for group in chart.groups for bar in group.bars)
    assert all(x + width < after for (x, width), (after, _) in itertools.pairwise(left))


def test_long_names_are_shortened_under_the_chart_and_whole_in_its_words():
    names = tuple(f"{name}{'x' * 60}" for name in scenes.DEVICES.of_clips)
    devices = Devices(names, frozenset())
    table = hop_table.build(scenes.hops(scenes.logits(5)), scenes.LABELS, devices=devices)
    chart = recording_html.bar_chart(table.rows[:1])
    assert chart is not None
    assert chart.x_ticks[0].text.endswith("…") and len(chart.x_ticks[0].text) < 40
    assert f"recorded{'x' * 60} 100.00 %" in chart.alternative
    assert recording_html.bar_chart([]) is None


def test_a_report_of_which_nothing_ran_has_no_section():
    away = scenes.hops(scenes.logits(5))[4]
    table = hop_table.build([away], scenes.LABELS, devices=scenes.DEVICES)
    page = Page(report_html.render(dataclasses.replace(report(), table=table)))
    assert "Recording devices" not in page.text and "not available here" in page.text
