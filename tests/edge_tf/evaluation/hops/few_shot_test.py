"""The hop table of an embedding: accuracy and AUROC of episodes in place of classes."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from edge_tf.evaluation.hops import hop_table
from edge_tf.evaluation.hops.few_shot import MAIN_SHOTS, FewShot, Threshold
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.report import hop_text, report_html
from edge_tf.evaluation.report.report import Report
from edge_tf.fewshot import judging, threshold
from edge_tf.fewshot.episodes import Words
from edge_tf.fewshot.integer import IntegerRecogniser
from edge_tf.fewshot.recogniser import Recogniser
from edge_tf.settings import EpisodeShape

GRID: dict[str, Any] = {"scale": 0.05, "zero_point": -20}
WORDS = ("a", "b", "c", "d")
LABELS = np.repeat(np.arange(4), 30)
SHOTS = (1, MAIN_SHOTS, 10)
EPISODES = Words(LABELS, [f"{at:03}" for at in range(120)], WORDS, EpisodeShape(3, 10, 6, 8)).draw(
    0, 0, 60
)
TASK = FewShot(EPISODES, Recogniser(), SHOTS)


def embeddings(spread: float, seed: int = 0) -> np.ndarray:
    """(clips, 5): more values than there are words, which is no fault here."""
    noise = np.random.default_rng(seed).normal(scale=spread, size=(120, 5))
    return (np.eye(4, 5)[LABELS] + noise).astype(np.float32)


def quantized(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values / 0.05) - 20, -128, 127).astype(np.int8)


def hops(outputs: np.ndarray, int8: np.ndarray | None = None) -> list[HopResult]:
    int8 = quantized(outputs) if int8 is None else int8
    given: dict[str, Any] = {"engine": "litert_reference", "outputs": int8, "bit_exact": True}
    micro = {**given, "engine": "tflite_micro", "clip_indices": np.arange(0, 120, 3)}
    return [
        HopResult(name="Keras float", engine="keras", outputs=outputs),
        HopResult(name="LiteRT reference", **given, **GRID),
        HopResult(name="TFLite Micro", **{**micro, "outputs": int8[::3]}, **GRID),
    ]


def table_of(found: list[HopResult], max_drop: float = 1.0) -> hop_table.HopTable:
    return hop_table.build(found, LABELS, max_drop=max_drop, task=TASK)


def test_words_far_apart_are_all_recognised_at_every_hop():
    table = table_of(hops(embeddings(0.05)))
    for row in table.rows[:2]:
        assert (row.accuracy, row.change_points, row.agreement) == (1.0, 0.0, 1.0)
        assert [one.auroc for one in row.by_shots or ()] == [1.0, 1.0, 1.0]
    assert table.is_of_episodes and not table.failed
    assert {gate.passed for gate in table.gates} == {True}


def test_more_takes_help_and_the_rows_figure_is_that_of_five():
    (row, _, _) = table_of(hops(embeddings(0.6))).rows
    assert row.by_shots is not None
    one, five, ten = row.by_shots
    assert one.accuracy < five.accuracy < ten.accuracy
    assert one.auroc < five.auroc
    assert (row.accuracy, row.standard_error) == (five.accuracy, five.accuracy_error)
    judged = TASK._judged(hops(embeddings(0.6))[0])[1].accuracy
    assert row.standard_error == pytest.approx(judged.std(ddof=1) / np.sqrt(60))


def test_int8_is_judged_by_the_integers_that_a_device_computes():
    found = hops(embeddings(0.6))
    row = table_of(found).rows[1]
    whole = judging.judge(
        found[1].outputs, EPISODES.of_shots(1), IntegerRecogniser.of(Recogniser(), 0.05, -20)
    )
    assert row.by_shots is not None
    assert row.by_shots[0].accuracy == pytest.approx(whole.accuracy.mean())
    assert row.by_shots[0].auroc == pytest.approx(whole.auroc.mean())


def test_a_hop_that_ran_some_clips_is_judged_by_its_bytes_alone():
    found = hops(embeddings(0.3))
    table = table_of(found)
    partial = table.rows[2]
    assert (partial.accuracy, partial.by_shots, partial.differing_bytes) == (None, None, 0)
    assert [gate.name for gate in table.gates if "TFLite Micro" in gate.name] == [
        "TFLite Micro equals LiteRT reference in every byte"
    ]
    changed = quantized(embeddings(0.3))[::3].copy()
    changed[5, 1] += 1
    worse = HopResult(**{**vars(found[2]), "outputs": changed})
    assert [gate.detail for gate in table_of([*found[:2], worse]).failed] == [
        "1 of 200 bytes differ, by up to 1 LSB"
    ]


def test_int8_that_loses_unknown_words_fails_though_known_words_are_told_apart():
    """Every unknown query lies on a word of its episode: only the AUROC can tell."""
    good = embeddings(0.05)
    int8 = quantized(good)
    episodes = Words(
        LABELS, [f"{at:03}" for at in range(120)], WORDS, EpisodeShape(3, 10, 6, 8)
    ).draw(0, 0, 1)
    int8[episodes.unknown[0]] = int8[episodes.support[0, 0, 0]]
    task = FewShot(episodes, Recogniser(), SHOTS)
    table = hop_table.build(hops(good, int8)[:2], LABELS, task=task)
    assert table.rows[1].accuracy == 1.0
    assert [gate.name for gate in table.failed] == [
        "LiteRT reference loses at most 1 point of AUROC against Keras float"
    ]
    assert table.failed[0].detail.endswith(" points with 1 take")


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_float_and_int8_are_rejected_at_the_same_threshold(share):
    """On the test's own episodes, so that the share of the integers is what was asked for."""
    values = embeddings(0.45)
    recogniser = IntegerRecogniser.of(Recogniser(), 0.05, -20)
    episodes = EPISODES.of_shots(MAIN_SHOTS)
    chosen = threshold.choose(quantized(values), episodes, recogniser, share)
    task = dataclasses.replace(TASK, threshold=Threshold(chosen.score, 0.05, -20))
    table = hop_table.build(hops(values)[:2], LABELS, task=task)
    real, int8 = (row.by_shots[1] for row in table.rows if row.by_shots)
    assert int8.accepted == pytest.approx(chosen.accepted) and chosen.accepted <= share
    assert int8.missed == pytest.approx(1.0 - chosen.true_accepts)
    assert real.accepted == pytest.approx(int8.accepted, abs=0.02)
    assert real.missed == pytest.approx(int8.missed, abs=0.02)
    other = {"scale": 0.025, "zero_point": 0}
    finer = np.clip(np.round(values / 0.025), -128, 127).astype(np.int8)
    hop = HopResult(name="finer", engine="finer", outputs=finer, **other)
    row = hop_table.build([hop], LABELS, task=task).rows[0].by_shots
    assert row is not None and row[1].missed == pytest.approx(real.missed, abs=0.02)


def test_without_a_threshold_nothing_is_said_of_it():
    (row, *_) = table_of(hops(embeddings(0.3))).rows
    assert row.by_shots is not None
    assert {(one.missed, one.accepted) for one in row.by_shots} == {(None, None)}


def test_an_output_that_is_not_finite_fails():
    outputs = embeddings(0.05)
    outputs[7, 2] = np.nan
    table = table_of([HopResult(name="Keras float", engine="keras", outputs=outputs)])
    assert [gate.name for gate in table.failed] == ["Keras float gives finite outputs"]


def test_embeddings_of_different_sizes_are_refused():
    found = hops(embeddings(0.05))
    other = HopResult(name="other", engine="other", outputs=embeddings(0.05)[:, :4])
    with pytest.raises(ValueError, match="embeddings of \\[4, 5\\] values"):
        table_of([*found, other])


def test_terminal_and_page_show_both_figures_and_no_confusion_of_classes():
    table = table_of(hops(embeddings(0.3)))
    text = hop_text.render(table)
    assert "AUROC %" in text.splitlines()[0]
    first = table.rows[0].by_shots
    assert first is not None
    by_takes = [line.split()[2:4] for line in text.splitlines() if line.startswith("Keras float  ")]
    assert ["1", f"{100 * first[0].accuracy:.2f}"] in by_takes
    report = Report(table=table, labels=WORDS)
    assert report.confusion is None and report.to_dict()["hops"][0]["by_shots"][2]["shots"] == 10
    page = report_html.render(report)
    assert "Words learnt from a few takes" in page and "Confusion matrix" not in page
