"""evaluate --stream on networks that always or never hear a word: what it says of the aim."""

import contextlib
import json
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_tf import files, records
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion.tflite import streaming
from edge_tf.evaluation.report import stream_html, stream_text
from edge_tf.evaluation.streams import cascade, float_stream, operating_point, stream_stage
from edge_tf.evaluation.streams.stream_report import StreamReport, StreamSettings
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import ModelConfig
from tests.edge_tf import recorded
from tests.firmware_export.standalone.states_test import WindowModel

LABELS = ["_silence_", "_unknown_", "no", "yes"]


@pytest.fixture(scope="module")
def form() -> bytes:
    """Of another front-end: its scales are all that is read here."""
    model = WindowModel((1, 6, 9, 1))
    x = model.over_time(model.pointwise(model.input, 3), 3, rows=6)
    window = model.end(model.mean(model.pointwise(x, 6), 1), len(LABELS))
    return streaming.rewrite(window).data


@pytest.fixture
def run(tmp_path: Path, form: bytes) -> RunDirectory:
    run = RunDirectory(tmp_path / "run").create()
    files.write_json(run / "frontend.json", {"frontend": FrontendConfig().to_dict()})
    files.write_text(run / "labels.txt", "".join(f"{label}\n" for label in LABELS))
    files.write_bytes(run / "model_int8.tflite", form)
    files.write_bytes(run / "model_streaming.tflite", form)
    run.record(recorded.trained(model=ModelConfig(lookahead=0), labels=tuple(LABELS)))
    return run


def evaluate(
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
    always: bool,
    most: float,
    second: str | None = None,
) -> StreamReport:
    rng = np.random.default_rng(0)
    clips = SimpleNamespace(
        samples=rng.integers(-3_000, 3_000, (8, 16_000)).astype(np.int16),
        labels=np.arange(8) % len(LABELS),
    )
    data: Any = SimpleNamespace(
        frontend=FrontendConfig(), labels=LABELS, clips=lambda split: clips, noise=lambda split: []
    )

    def logits(model: bytes, data: Any, sounds: Any, split: str) -> list[np.ndarray]:
        made = [np.full((len(sound) // 160 + 1, len(LABELS)), -128, np.int8) for sound in sounds]
        for one in made:
            one[:, LABELS.index("yes" if always else "_unknown_")] = 127
        return made

    monkeypatch.setattr(stream_stage, "_logits", logits)
    # The run has no float network; float_stream_test has one.
    monkeypatch.setattr(float_stream, "logits", lambda *_: None)
    return stream_stage.evaluate(run, data, StreamSettings(2.0, most, second=second))


def test_an_aim_that_no_setting_meets_is_told_everywhere(run, monkeypatch, caplog):
    with caplog.at_level(logging.WARNING):
        report = evaluate(run, monkeypatch, always=True, most=1.0)
    # One sound without end: one detection in 2 minutes, in which no word ends.
    assert report.aim.is_met is False
    assert report.chosen_on.total.per_hour == pytest.approx(30, abs=0.1)
    about = json.loads((run / "detector.json").read_text())["about"]
    assert about["met"] is False and about["most_false_accepts_per_hour"] == 1.0
    assert about["validation"]["false_accepts_per_hour"] == report.chosen_on.total.per_hour
    assert "does not hold what was asked for (NOT MET: at most 1 false accepts" in caplog.text
    assert operating_point.unmet(run) in caplog.text
    assert stream_text.render(report).splitlines()[0].startswith("NOT MET: at most 1 false acc")
    assert json.loads((run / "stream.json").read_text()) == json.loads(
        json.dumps(records.to_json(report.to_dict()))
    )


@pytest.mark.parametrize(("most", "is_met"), [(111.0, True), (110.0, None), (0.0, None)])
def test_a_network_that_hears_nothing_is_quiet_if_that_was_long_enough(
    run, monkeypatch, caplog, most, is_met
):
    """Nothing in 2 minutes may be up to 110.7 per hour."""
    report = evaluate(run, monkeypatch, always=False, most=most)
    assert report.aim.is_met is is_met and report.chosen.missed == report.chosen.words > 0
    assert report.chosen.total.seconds == 0 and report.deaf_seconds == 1.0
    about = json.loads((run / "detector.json").read_text())["about"]
    assert about["met"] is is_met and about["verdict"] == report.aim.verdict
    assert about["test"]["median_latency_s"] is None
    assert operating_point.unmet(run) == "" and not caplog.records


@pytest.mark.parametrize("hears", [True, False])
def test_a_second_stage_says_yes_or_no_to_all_that_the_first_hears(
    run, form, monkeypatch, tmp_path, hears
):
    """The first hears one word without end; of two that hear it the pair tells it, too."""
    (tmp_path / "larger").mkdir()
    larger = RunDirectory(tmp_path / "larger" / "run")
    shutil.copytree(run.path, larger.path)

    @contextlib.contextmanager
    def network(model: bytes) -> Any:
        assert model == form
        sure = np.where(np.arange(len(LABELS)) == (3 if hears else 1), 127, -128)
        yield lambda features: np.broadcast_to(sure, (*features.shape[:2], len(LABELS)))

    monkeypatch.setattr(cascade, "network", network)
    report = evaluate(run, monkeypatch, always=True, most=100.0, second=str(larger.path))
    assert report.alone is not None and report.alone.total.false_accepts == 1
    assert report.chosen.asked == 1 and report.chosen.second is not None
    assert report.chosen.total.false_accepts == report.alone.total.false_accepts * hears
    found = operating_point.second_of(run)
    assert found is not None and found.config == report.chosen.second
    assert found.config.past == 217 and found.model == form
    assert operating_point.of_run(run) == report.chosen.config
    assert report.chosen.config.refractory_hops >= found.config.longest
    written = json.loads((run / "stream.json").read_text())
    assert written["second"]["run_dir"] == str(larger.path)
    assert written["chosen"]["second"]["pace"] == 4 and "first_alone" in written
    assert "second stage run: " in stream_text.render(report)
    told = dict(stream_html.context(report)["stream"]["facts"])
    assert told["Second stage"] == "run" and told["Its threshold"]


def test_what_an_engine_hears_of_several_sounds_it_hears_of_each_from_anew(monkeypatch):
    """The engine below numbers its frames from its last restart on."""

    class Counting:
        def __init__(self) -> None:
            self.samples = self.closed = 0

        def restart(self) -> None:
            self.samples = 0

        def push(self, pcm: np.ndarray) -> Any:
            begin, self.samples = self.samples, self.samples + len(pcm)
            numbers = np.arange(begin, self.samples, 160) // 160 % 100
            return SimpleNamespace(logits=numbers.astype(np.int8)[:, np.newaxis])

        def close(self) -> None:
            self.closed += 1

    engine = Counting()
    monkeypatch.setattr(stream_stage, "_engine", lambda *_: engine)
    data: Any = SimpleNamespace(frontend=FrontendConfig())
    sounds = [np.zeros(40_000, np.int16), np.zeros(24_000, np.int16)]
    heard = stream_stage._logits(b"", data, sounds, "testing")
    assert [len(logits) for logits in heard] == [250, 150] and engine.closed == 1
    for logits in heard:
        np.testing.assert_array_equal(logits[:, 0], np.arange(len(logits)) % 100)
