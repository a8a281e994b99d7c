import dataclasses
import html.parser
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.evaluation.hops import hop_table
from edge_tf.evaluation.hops.hop_table import HopResult
from edge_tf.evaluation.layers.layer_tables import LayerSparsity, LayerTables, SparsityTable
from edge_tf.evaluation.layers.quantization_error import LayerError, QuantizationError
from edge_tf.evaluation.report import charts, report_files, report_html
from edge_tf.evaluation.report.data_text import DataFacts
from edge_tf.evaluation.report.json_text import json_safe
from edge_tf.evaluation.report.report import (
    HISTORY_KEYS,
    MAX_CONFUSED,
    ModelFacts,
    Report,
)
from edge_tf.run_records import DataChecks, SharedClips
from tflite_model.sparsity import ParameterSize, Sparsity, WeightsSparsity

HOSTILE = "<script>alert('x')</script>"
DOCS = Path(__file__).parents[4] / "docs" / "report.md"
VOID = {"meta", "link", "br", "hr", "img", "input"}


def error_of(name, snr_db, alone):
    return LayerError(
        name=name,
        op="CONV_2D",
        tensor=7,
        shape=(1, 20, 101, 8),
        snr_db=snr_db,
        accuracy_alone=alone,
        logits_snr_db_alone=alone and 40.0,
    )


LAYERS = LayerTables(
    sparsity=SparsityTable(
        Sparsity(
            file_bytes=2048,
            gzip_bytes=1025,
            constant_bytes=812,
            nonzero_bytes=411,
            parameters=ParameterSize(elements=222, nonzero=168, nonzero_bytes=186),
            weights=(WeightsSparsity(3, "CONV_2D", 7, (6, 3, 3, 4), 216, 54, 162),),
        ),
        {3: f"stem {HOSTILE}"},
        (LayerSparsity(f"stem {HOSTILE}", 216, 54),),
    ),
    errors=QuantizationError(
        clips=48,
        float_accuracy=0.953,
        int8_accuracy=0.942,
        simulated_accuracy=0.943,
        logits_snr_db=27.93,
        layers=(
            error_of(f"block band 2 {HOSTILE}", 3.14, 0.875),
            *(error_of(f"middle {at}", 20.0 + at, 0.95) for at in range(20)),
            error_of("pad", math.inf, None),
        ),
    ),
)


CHECKS = DataChecks(
    clips={"training": 600, "validation": 60, "testing": 60},
    shared=(
        SharedClips(
            split="testing",
            other="training",
            clips=40,
            equal=3,
            alike=2,
            example=(f"{HOSTILE}/1.wav", "a/2.wav"),
        ),
    ),
)


def sample(labels=("no", "yes", HOSTILE), broken=False, **fields):
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(3), 20)
    logits = rng.normal(0, 1, (60, 3)).astype(np.float32)
    logits[np.arange(60), truth] += 2
    outputs = np.clip(np.round(logits / 0.1), -128, 127).astype(np.int8)
    grid: dict[str, Any] = {"scale": 0.1, "zero_point": 0}
    micro = outputs.copy()
    micro[0, 0] ^= int(broken)
    table = hop_table.build(
        [
            HopResult(name="Keras float", engine="keras", outputs=logits),
            HopResult(name="LiteRT reference", engine="litert_reference", outputs=outputs, **grid),
            HopResult(
                name="TFLite Micro", engine="tflite_micro", outputs=micro, bit_exact=True, **grid
            ),
            HopResult(name="Board", engine="board", unavailable=f"no {HOSTILE} here"),
        ],
        truth,
        max_drop=10.0,
    )
    history = [
        dict.fromkeys(HISTORY_KEYS, 0.5) | {"epoch": epoch, "loss": 1.0 / epoch}
        for epoch in range(1, 6)
    ]
    defaults: dict[str, Any] = {
        "clip_names": [f"{HOSTILE}/{index}.wav" for index in range(60)],
        "history": history,
        "model": ModelFacts(
            file="model_int8.tflite",
            file_bytes=2048,
            weight_bytes=812,
            tensors=9,
            parameters=300,
            ops={"CONV_2D": 3, HOSTILE: 1},
        ),
        "layers": LAYERS,
        "data": DataFacts(f"words, {HOSTILE}", CHECKS),
        "settings": {
            "format_version": 1,
            "stages": {"train": {"tau": 1.0, "path": HOSTILE, "data": {"clips": 60}}},
        },
    }
    return Report(table=table, labels=labels, **defaults | fields)


class Page(html.parser.HTMLParser):
    """Checks that tags are balanced; collects text, tags and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.addresses: list[str | None] = []
        self.feed(text)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}"
        self.addresses += [v for k, v in attrs if k in ("src", "href", "srcset", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def test_tags_are_balanced_and_nothing_is_loaded_from_elsewhere():
    text = report_html.render(sample())
    page = Page(text)
    assert page.addresses == ["data:,"]
    assert "http://" not in text and "https://" not in text and "@import" not in text
    assert "url(" not in text


def test_values_from_outside_are_escaped():
    text = report_html.render(sample(title=HOSTILE))
    page = Page(text)
    assert "<script" not in text
    assert "script" not in [tag for tag, _ in page.tags]
    assert page.text.count(HOSTILE) > 10, "it is shown as the text it is"
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_the_page_tells_every_part():
    page = Page(report_html.render(sample()))
    for words in ("Hop table", "Learning curve", "Confusion matrix", "Per class", "Model"):
        assert words in page.text
    for words in ("LiteRT reference", "0 of 180", "2,048 bytes", "CONV_2D", "data.clips"):
        assert words in page.text
    assert f"not available here: no {HOSTILE} here" in page.text


def test_the_page_tells_of_layers():
    text = Page(report_html.render(sample())).text
    assert f"block band 2 {HOSTILE} CONV_2D 1 x 20 x 101 x 8 3.1 87.50 40.0" in text
    assert text.index("block band 2") < text.index("middle 0") < text.index("All 22 tensors")
    assert "pad CONV_2D 1 x 20 x 101 x 8 no error copies -" in text
    assert "Accuracy, float graph 95.30 % Accuracy, int8 file 94.20 %" in text
    assert "File size, gzipped 1,025 bytes" in text and "Zeros in both 25.0 %" in text
    assert f"stem {HOSTILE} 216 54 25.0 %" in text
    assert "Not all zeros come from pruning" in text


def test_the_page_says_why_there_are_no_errors_by_layer():
    layers = LayerTables(no_errors="Only the device graph has this table.")
    text = Page(report_html.render(sample(layers=layers))).text
    assert "Quantization error by layer Only the device graph has this table." in text
    assert "Sparsity" not in text
    assert "Quantization error" not in Page(report_html.render(sample(layers=None))).text


def test_every_table_has_a_caption_and_every_header_a_scope():
    page = Page(report_html.render(sample()))
    tables = [tag for tag, _ in page.tags if tag in ("table", "caption")]
    assert tables == ["table", "caption"] * (len(tables) // 2)
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    assert all(attrs.get("role") == "img" for tag, attrs in page.tags if tag == "svg")
    assert "Loss over epoch 1 to 5: training from 1.000 to 0.200" in page.text


def test_failed_gates_come_first():
    page = Page(report_html.render(sample(broken=True)))
    verdict = page.text.index("1 of 4 gates failed, 1 not judged")
    assert verdict < page.text.index("Accuracy, LiteRT reference") < page.text.index("Hop table")
    assert "1 of 180 bytes differ, by up to 1 LSB" in page.text


def test_a_gate_that_was_not_judged_is_not_called_passed():
    page = Page(report_html.render(sample()))
    assert "No gate failed, 1 of 4 could not be judged here" in page.text
    assert not re.search(r"all \d+ gates passed", page.text, re.IGNORECASE)


def strict(text):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_is_strict_and_says_what_the_report_says(tmp_path):
    report = sample(broken=True)
    history = [{"epoch": 1, "loss": float("nan"), "val_accuracy": np.float32(0.5)}]
    report = dataclasses.replace(report, history=history, settings={"seed": np.int64(7)})
    json_path, html_path = report_files.write(report, tmp_path)
    value = strict(json_path.read_text(encoding="utf-8"))
    assert value == report.to_dict()
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert value["learning_curve"] == [{"epoch": 1, "loss": None, "val_accuracy": 0.5}]
    assert value["settings"] == {"seed": 7}
    assert value["verdict"] == {"gates_failed": 1, "gates_not_judged": 1, "gates_passed": 2}
    assert np.sum(value["confusion_matrix"]) == 60
    assert value["hops"][2]["differing_bytes"] == 1
    assert html_path.read_text(encoding="utf-8") == report_html.render(report)
    assert sorted(os.listdir(tmp_path)) == ["report.html", "report.json"]


def test_every_field_is_documented():
    value = sample().to_dict()
    documented = set(re.findall(r"`(\w+)`", DOCS.read_text(encoding="utf-8")))
    fields = set(value) | set(value["verdict"]) | set(value["model"])
    for part in ("gates", "hops", "per_class", "most_confused_clips", "learning_curve"):
        fields |= set(value[part][0])
    for part in ("sparsity", "quantization_error"):
        fields |= set(value[part]) | set(value[part]["layers"][0])
    fields |= set(value["sparsity"]["weights"][0])
    assert fields <= documented


def test_a_write_that_fails_leaves_both_old_files(tmp_path, monkeypatch):
    report_files.write(sample(title="old"), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    real = Path.write_text

    def full(self, *arguments, **options):
        if self.name == "report.html":
            raise OSError(28, "No space left on device", str(self))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        report_files.write(sample(title="new"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_confused_clips_are_wrong_surest_first_and_few():
    report = sample()
    confused = report.most_confused
    assert 0 < len(confused) <= MAX_CONFUSED
    sure = [clip.confidence for clip in confused]
    assert sure == sorted(sure, reverse=True)
    assert all(clip.label != clip.predicted for clip in confused)
    assert dataclasses.replace(report, clip_names=()).most_confused == []


def test_figures_are_of_the_reference_or_of_what_there_is():
    report = sample()
    assert report.chosen.name == "LiteRT reference"
    assert dataclasses.replace(report, figures_of="TFLite Micro").chosen.engine == "tflite_micro"
    assert dataclasses.replace(report, figures_of="Board").chosen.name == "Keras float"


def test_a_report_without_anything_measured_is_still_a_page():
    table = hop_table.build(
        [HopResult(name="Board", engine="board", unavailable="not here")], np.array([0, 1])
    )
    report = Report(table=table, labels=["a", "b"], clip_names=["1.wav", "2.wav"])
    value = strict(json.dumps(report.to_dict(), allow_nan=False))
    assert value["figures_of"] is None and value["confusion_matrix"] is None
    assert "not available here: not here" in Page(report_html.render(report)).text


def test_a_model_that_broke_in_training_is_still_reported():
    logits = np.array([[np.nan, 0.0], [1.0, 0.0]])
    table = hop_table.build([HopResult(name="K", engine="k", outputs=logits)], np.array([0, 1]))
    history = [{"epoch": 1, "loss": math.nan}, {"epoch": 2, "loss": math.inf}]
    report = Report(table=table, labels=["a", "b"], clip_names=["1", "2"], history=history)
    assert report.to_dict()["hops"][0]["undecided"] == 1
    assert "K gives finite outputs" in Page(report_html.render(report)).text


@settings(max_examples=20)
@given(st.text(st.characters(codec=None), max_size=30))
def test_any_label_and_clip_name_can_be_written(text):
    labels = (f"a{text}", f"b{text}", f"c{text}")
    report = sample(labels=labels, clip_names=[text] * 60, settings={text: text})
    Page(report_html.render(report)).text.encode("utf-8")
    json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False).encode("utf-8")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=8,
    )
)
@settings(max_examples=50)
def test_json_safe_gives_strict_json(value):
    safe = json_safe(value)
    assert strict(json.dumps(safe, allow_nan=False)) == safe


def test_labels_and_names_must_fit():
    with pytest.raises(ValueError, match="labels"):
        sample(labels=("a", "b"))
    with pytest.raises(ValueError, match="clip names"):
        sample(clip_names=["one.wav"])


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_ticks_hold_the_range_and_are_few(low, span):
    ticks = charts.nice_ticks(low, low + span)
    slack = 1e-6 * max(1.0, abs(low), span)
    assert ticks[0] <= low + slack and ticks[-1] >= low + span - slack
    assert 2 <= len(ticks) <= 12
    assert ticks == sorted(set(ticks))


@given(st.lists(st.none() | st.floats(allow_nan=True), min_size=1, max_size=30))
def test_a_chart_stays_within_its_frame(values):
    chart = charts.line_chart(
        "Loss", "epoch", list(range(1, len(values) + 1)), [charts.Series("training", values)]
    )
    finite = [v for v in values if v is not None and abs(v) < 1e12]
    assert (chart is None) == (not finite)
    if chart is not None:
        points = chart.lines[0].points
        assert len(points) == len(finite)
        assert all(chart.left <= p.x <= chart.right for p in points)
        assert all(chart.top - 1 <= p.y <= chart.bottom + 1 for p in points)


def test_missing_values_interrupt_a_line():
    chart = charts.line_chart(
        "Loss", "epoch", [1, 2, 3, 4, 5], [charts.Series("training", [3, 2, None, 1, 0])]
    )
    assert chart is not None
    assert len(chart.lines[0].pieces) == 2


def test_one_epoch_is_a_row_and_not_a_line():
    page = Page(report_html.render(sample(history=[{"epoch": 1, "loss": 1.25}])))
    assert "svg" not in [tag for tag, _ in page.tags]
    assert "1.2500" in page.text
