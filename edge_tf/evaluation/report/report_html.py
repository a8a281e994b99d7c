"""Renders report.html: prepares the values that its template needs."""

import json
import math
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from edge_tf.evaluation.hops import few_shot
from edge_tf.evaluation.report import (
    charts,
    hop_text,
    layer_html,
    recording_html,
    stream_html,
)
from edge_tf.evaluation.report.json_text import json_safe
from edge_tf.evaluation.report.report import ModelFacts, Report
from edge_tf.records import JsonObject

_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST_SETTING = 300

_HOP_TITLES = {
    "name": "Hop",
    "start": "Input",
    "clips": "Clips",
    "accuracy": "Accuracy %",
    "log_loss": "Log loss",
    "auroc": "AUROC %",
    "change": "Change, points",
    "agreement": "Agreement %",
    "max_lsb": "Max difference, LSB",
    "bytes": "Differing bytes",
    "time": "ms per inference",
}


def render(report: Report) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("report.html.jinja")
    failed, open_gates = report.table.failed, report.table.not_judged
    return template.render(
        title=report.title,
        clips=f"{len(report.table.labels_true):,}",
        classes=len(report.labels),
        failed=failed,
        not_judged=open_gates,
        gates=sorted(report.table.gates, key=lambda g: {False: 0, None: 1, True: 2}[g.passed]),
        max_drop=report.table.max_drop,
        data=report.data,
        tiles=_tiles(report),
        hop_columns=[(key, _HOP_TITLES[key]) for key, _ in hop_text.columns(report.table)],
        hop_rows=[hop_text.cells(row) for row in report.table.rows],
        chosen=report.chosen.name if report.chosen else None,
        charts=_charts(report),
        epochs=_epochs(report),
        main_shots=few_shot.MAIN_SHOTS,
        shot_columns=hop_text.SHOT_COLUMNS,
        shot_rows=hop_text.shot_rows(report.table),
        labels=report.labels,
        confusion=_confusion(report),
        per_class=_per_class(report),
        confused=report.most_confused,
        models=[
            (title, model, _model_rows(model))
            for title, model in (
                ("Model", report.model),
                ("Model for Android (waveform input)", report.android),
            )
            if model
        ],
        load=report.load,
        load_rows=_load_rows(report.load),
        settings=_settings(report.settings),
        **recording_html.context(report),
        **layer_html.context(report.layers),
        **stream_html.context(report.stream),
    )


def _printable(value: Any) -> Any:
    """Shows what HTML cannot represent (control characters, lone surrogates) as U+FFFD."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in value
    )


def human_bytes(count: int) -> str:
    """A readable size: 812 bytes, 46.2 KiB, 1.3 MiB."""
    if count < 1024:
        return f"{count} bytes"
    value, unit = count / 1024, "KiB"
    if value >= 1024:
        value, unit = value / 1024, "MiB"
    return f"{value:.1f} {unit}"


def _tiles(report: Report) -> list[dict[str, str]]:
    tiles = []
    rows = {row.name: row for row in report.table.rows}
    first = report.table.rows[0]
    shown = rows[report.chosen.name] if report.chosen else None
    for row in [shown] if shown is first else [shown, first]:
        if row is None or row.accuracy is None or row.accuracy_interval is None:
            continue
        low, high = row.accuracy_interval
        tiles.append(
            {
                "name": f"Accuracy, {row.name}",
                "value": f"{100 * row.accuracy:.2f} %",
                "note": f"95 % interval {100 * low:.1f} to {100 * high:.1f} %",
            }
        )
    if shown is not None and shown is not first and shown.change_points is not None:
        tiles.append(
            {
                "name": "Change from the first hop",
                "value": f"{shown.change_points:+.2f} points",
                "note": f"gate: a drop of at most {report.table.max_drop:g}",
            }
        )
    if report.model:
        tiles.append(
            {
                "name": "Model file",
                "value": human_bytes(report.model.file_bytes),
                "note": f"of which {human_bytes(report.model.weight_bytes)} weights",
            }
        )
    return tiles


def _number(epoch: JsonObject, key: str, factor: float = 1.0) -> float | None:
    value = epoch.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return factor * value if math.isfinite(value) else None


def _epoch_number(epoch: JsonObject, at: int) -> float:
    number = _number(epoch, "epoch")
    return at + 1.0 if number is None else number


def _charts(report: Report) -> list[charts.Chart]:
    history = report.history
    if len(history) < 2:
        return []
    x = [_epoch_number(epoch, at) for at, epoch in enumerate(history)]

    def series(name: str, key: str, factor: float = 1.0) -> charts.Series:
        return charts.Series(name, [_number(epoch, key, factor) for epoch in history])

    drawn = [
        charts.line_chart(
            "Accuracy",
            "epoch",
            x,
            [series("training", "accuracy", 100.0), series("validation", "val_accuracy", 100.0)],
            unit=" %",
        ),
        charts.line_chart(
            "Loss",
            "epoch",
            x,
            [series("training", "loss"), series("validation", "val_loss")],
            digits=3,
        ),
    ]
    return [chart for chart in drawn if chart]


def _epochs(report: Report) -> list[list[str]]:
    formats = (
        ("loss", 1.0, ".4f"),
        ("accuracy", 100.0, ".2f"),
        ("val_accuracy", 100.0, ".2f"),
        ("learning_rate", 1.0, ".4g"),
        ("seconds", 1.0, ",.1f"),
        ("samples_per_second", 1.0, ",.0f"),
    )
    rows = []
    for at, epoch in enumerate(report.history):
        values = [(_number(epoch, key, factor), form) for key, factor, form in formats]
        rows.append(
            [
                f"{_epoch_number(epoch, at):g}",
                *(hop_text.NOTHING if v is None else format(v, f) for v, f in values),
            ]
        )
    return rows


def _confusion(report: Report) -> list[dict[str, Any]]:
    """One dict per row: label, support, cells with count, kind of cell and heat, 0 to 1."""
    counts = report.confusion
    if counts is None:
        return []
    rows = []
    for at, label in enumerate(report.labels):
        support = report.per_class[at].support
        cells = []
        for to, count in enumerate(counts[at].tolist()):
            share = count / support if support else 0.0
            # Confusions are a few percent: the root makes them visible next to the diagonal.
            heat = share if at == to else min(1.0, math.sqrt(share) * 1.6)
            kind = "hit" if at == to else "miss"
            cells.append({"count": count, "kind": kind if count else "none", "heat": f"{heat:.3f}"})
        rows.append({"label": label, "support": support, "cells": cells})
    return rows


def _per_class(report: Report) -> list[dict[str, Any]]:
    def percent(value: float | None) -> str:
        return hop_text.NOTHING if value is None else f"{100 * value:.1f}"

    return [
        {
            "label": label,
            "support": f"{figures.support:,}",
            "precision": percent(figures.precision),
            "recall": percent(figures.recall),
            "f1": percent(figures.f1),
        }
        for label, figures in zip(report.labels, report.per_class, strict=False)
    ]


def _model_rows(model: ModelFacts) -> list[tuple[str, str]]:
    rows = [
        ("File", model.file),
        ("File size", f"{model.file_bytes:,} bytes"),
        ("Weights and constants", f"{model.weight_bytes:,} bytes"),
        ("Tensors", f"{model.tensors:,}"),
        ("Operators", f"{sum(model.ops.values()):,}, {len(model.ops)} different"),
    ]
    if model.parameters is not None:
        rows.insert(1, ("Trainable parameters", f"{model.parameters:,}"))
    return rows


def _load_rows(load: JsonObject | None) -> list[list[str]]:
    """Part, core and clock, instructions, verdict, flash and RAM."""
    rows = []
    for part in load["parts"] if load else ():
        often = part["instructions_per_second"] or part["instructions_per_inference"]
        rows.append(
            [
                part["part"],
                f"{part['core']}, {part['mhz']} MHz",
                hop_text.NOTHING if often is None else f"{often / 1e6:,.2f} M",
                part["verdict"],
                human_bytes(part["flash_bytes"]),
                human_bytes(part["ram_bytes"]),
            ]
        )
    return rows


def _settings(settings: JsonObject) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings as groups of rows: one per stage of config.json, and one for the rest."""
    groups: dict[str, list[tuple[str, str]]] = {}

    def add(group: str, key: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for name, item in value.items():
                add(group, f"{key}.{name}" if key else str(name), item)
            return
        text = value if isinstance(value, str) else json.dumps(json_safe(value), ensure_ascii=False)
        if len(text) > _LONGEST_SETTING:
            text = f"{text[:_LONGEST_SETTING]} ... (complete in report.json)"
        groups.setdefault(group, []).append((key, text))

    stages = settings.get("stages")
    for key, value in settings.items():
        if key != "stages" or not isinstance(value, Mapping):
            add("run", str(key), value)
    if isinstance(stages, Mapping):
        for stage, value in stages.items():
            add(str(stage), "", value)
    return list(groups.items())
