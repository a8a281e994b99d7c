"""The detector's rules on its Python form, and C against it, exactly."""

import dataclasses
import tempfile
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from firmware_export.boards import building, emulation
from firmware_export.errors import ExportError
from firmware_export.runtime import detector
from firmware_export.runtime.detector import ONE, Detector, DetectorConfig, frames_for
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.runtime import compiled

LABELS = ("_silence_", "_unknown_", "yes", "no")
SURE = {label: [100 * (label == other) for other in LABELS] for label in LABELS}


def make(**changes: object) -> Detector:
    return Detector(DetectorConfig(**{"smoothing": 1, **changes}), LABELS, 0.15)


def heard(subject: Detector, *words: str) -> list[int]:
    return [subject.push(SURE[word])[0] for word in words]


def test_exponentials() -> None:
    table = detector.exponentials(0.15)
    d = np.arange(len(table))
    assert table.dtype == np.uint16 and table[0] == ONE and table[-1] >= 1
    np.testing.assert_allclose(table, np.exp(-0.15 * d) * ONE, rtol=0, atol=0.5)
    assert np.exp(-0.15 * len(table)) * ONE <= 0.5
    assert len(detector.exponentials(1e-6)) == 256
    assert len(detector.exponentials(50.0)) == 1


@pytest.mark.parametrize("scale", [0.02, 0.15, 0.4])
def test_probabilities_are_softmax(scale: float) -> None:
    draw = np.random.default_rng(0)
    logits = draw.integers(-128, 128, (200, 12))
    powers = np.exp(scale * (logits - logits.max(axis=1, keepdims=True)))
    expected = powers / powers.sum(axis=1, keepdims=True)
    table = detector.exponentials(scale)
    ours = np.array([detector.probabilities(row, table) for row in logits]) / ONE
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-4)


def test_probabilities_know_no_zero_point() -> None:
    table = detector.exponentials(0.1)
    logits = np.array([-50, -3, 20])
    assert detector.probabilities(logits, table) == detector.probabilities(logits + 100, table)


def test_one_class_is_certain() -> None:
    assert detector.probabilities([-128], detector.exponentials(0.1)) == [ONE]


def test_detects_the_best_class() -> None:
    assert heard(make(refractory_hops=0), "yes", "no") == [2, 3]


def test_background_is_never_detected() -> None:
    assert heard(make(), "_silence_", "_unknown_", "yes") == [-1, -1, 2]
    assert heard(make(background=("yes",)), "yes", "_silence_") == [-1, 0]
    assert heard(make(background=()), "_silence_") == [0]


@pytest.mark.parametrize(("logit", "detected"), [(0, -1), (9, -1), (10, 2), (40, 2)])
def test_threshold(logit: int, detected: int) -> None:
    """exp(1.35) / (exp(1.35) + 3) = 0.563, exp(1.5) / (exp(1.5) + 3) = 0.599."""
    subject = make(threshold=0.59)
    index, score = subject.push([0, 0, logit, 0])
    assert index == detected
    assert score == pytest.approx(ONE / (1 + 3 * np.exp(-0.15 * logit)), abs=2)


def test_equal_scores_go_to_the_first() -> None:
    assert make(threshold=0.4).push([0, 0, 90, 90])[0] == 2


def test_smoothing_takes_the_mean_of_the_last() -> None:
    """Those before the first count as 0, so that no single inference is enough."""
    subject = make(smoothing=4, threshold=0.7, refractory_hops=0, rearm=1.0)
    assert heard(subject, "yes", "yes", "yes", "no", "no", "no") == [-1, -1, 2, 2, -1, 3]
    assert subject.scores()[2:] == [ONE // 4, 3 * (ONE // 4)]


def test_no_detection_within_the_refractory_time() -> None:
    subject = make(refractory_hops=3, rearm=1.0)
    assert heard(subject, *["yes"] * 9) == [2, -1, -1, -1, 2, -1, -1, -1, 2]
    assert heard(make(refractory_hops=0, rearm=1.0), *["yes"] * 3) == [2, 2, 2]
    assert heard(make(refractory_hops=0), *["yes", "no"] * 2) == [2, 3, 2, 3]


def test_a_long_sound_is_one_detection_and_another_class_is_another() -> None:
    subject = make(refractory_hops=3)
    assert heard(subject, *["yes"] * 9) == [2, *[-1] * 8]
    assert heard(subject, *["no"] * 6) == [3, *[-1] * 5]
    # "yes" has fallen since, "no" has not.
    assert heard(subject, "yes", *["no"] * 3) == [2, -1, -1, -1]
    assert heard(subject, *["no"] * 3) == [3, -1, -1]


def test_a_word_said_twice_is_two_detections() -> None:
    subject = make(refractory_hops=3)
    said = [*["yes"] * 2, *["_silence_"] * 4, *["yes"] * 2, *["_silence_"] * 9, "yes"]
    assert [at for at, found in enumerate(heard(subject, *said)) if found == 2] == [0, 6, 17]


def test_a_gap_in_the_refractory_time_does_not_arm_again() -> None:
    """A word that is detected in its first half may be doubted before it is sure again."""
    word = [*["yes"] * 2, *["_unknown_"] * 2, *["yes"] * 6]
    assert heard(make(refractory_hops=5), *word) == [2, *[-1] * 9]
    assert heard(make(refractory_hops=5, rearm=1.0), *word).count(2) == 2
    assert heard(make(refractory_hops=5), *word, "_unknown_", "yes").count(2) == 2


@pytest.mark.parametrize(("logit", "detected"), [(9, 2), (11, -1)])
def test_rearm_is_a_threshold_of_its_own(logit: int, detected: int) -> None:
    """Scores between both keep a class from being detected: 0.563 and 0.635, see above."""
    subject = make(threshold=0.9, rearm=0.6, refractory_hops=0)
    assert subject.push([0, 0, 90, 0])[0] == 2
    assert subject.push([0, 0, logit, 0])[0] == -1
    assert subject.push([0, 0, 90, 0])[0] == detected


def test_the_second_threshold_is_half_of_the_first_unless_told() -> None:
    assert DetectorConfig(threshold=0.5).rearm == 0.25
    assert DetectorConfig(threshold=0.5) == DetectorConfig(threshold=0.5, rearm=0.25)
    assert DetectorConfig(threshold=0.5, rearm=0.1).rearm_score == round(0.1 * ONE)
    assert DetectorConfig(threshold=1e-9).rearm_score == 1
    assert DetectorConfig(threshold=0.5).to_dict()["rearm"] == 0.25


def test_another_threshold_keeps_the_share_of_the_second() -> None:
    changed = DetectorConfig(threshold=0.5, rearm=0.1, smoothing=7).with_threshold(0.8)
    assert (changed.threshold, changed.smoothing) == (0.8, 7)
    assert changed.rearm == pytest.approx(0.16)
    assert DetectorConfig(threshold=0.5, rearm=1.0).with_threshold(0.9).rearm == 1.0
    with pytest.raises(ExportError, match="threshold=2"):
        DetectorConfig().with_threshold(2)


def test_scores_go_on_in_the_refractory_time() -> None:
    subject = make(smoothing=2, threshold=0.9, refractory_hops=2)
    assert heard(subject, "yes", "yes", "no", "no", "no") == [-1, 2, -1, -1, 3]


@pytest.mark.parametrize(
    ("wanted", "frames"), [(100, 1), (50, 2), (33.3, 3), (10, 10), (1, 100), (0.25, 400)]
)
def test_a_rate_is_a_whole_number_of_frames(wanted: float, frames: int) -> None:
    assert frames_for(wanted, 16_000, 160) == frames


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (70, r"_second=70 is not possible: a decision .* 100 frames per second; give 50 or 100"),
        (101.5, "there are 100 frames per second; give more than 0 and at most that"),
        (0, "give more than 0"),
        (-1, "give more than 0"),
        (float("nan"), "give more than 0"),
        (float("inf"), "give more than 0"),
    ],
)
def test_other_rates_are_refused_and_those_named_are_possible(wanted: float, message: str) -> None:
    with pytest.raises(ExportError, match=message) as refused:
        frames_for(wanted, 16_000, 160)
    _, _, named = str(refused.value).partition("per second; give ")
    for rate in named.split(" or ") if " or " in named else ["100"]:
        assert frames_for(float(rate), 16_000, 160) >= 1


def test_times_stay_the_same_at_another_rate() -> None:
    config = DetectorConfig(smoothing=20, refractory_hops=121)
    slow = config.at_rate(10, 1)
    assert (slow.smoothing, slow.refractory_hops) == (2, 13)  # a pause is never shorter
    assert slow.at_rate(1, 10) == dataclasses.replace(config, refractory_hops=130)
    assert config.at_rate(100, 1).smoothing == 1 and config.at_rate(1, 1) == config


def test_a_reset_forgets() -> None:
    subject = make(smoothing=2, threshold=0.4, refractory_hops=5)
    assert heard(subject, "yes", "no") == [2, -1]
    subject.reset()
    assert subject.scores() == [0, 0, 0, 0]
    assert heard(subject, "no") == [3]
    subject.reset()
    assert heard(subject, "no") == [3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"smoothing": 0}, "smoothing=0 is not a whole number from 1 to 1000"),
        ({"smoothing": 1_001}, "smoothing=1001"),
        ({"smoothing": 2.0}, "smoothing=2.0"),
        ({"smoothing": True}, "smoothing=True"),
        ({"threshold": 0.0}, "threshold=0.0 is not a probability above 0"),
        ({"threshold": 1.1}, "threshold=1.1"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"threshold": "0.5"}, "threshold='0.5'"),
        ({"rearm": 0.0}, "rearm=0.0 is not a probability above 0"),
        ({"rearm": 1.5}, "rearm=1.5"),
        ({"rearm": True}, "rearm=True"),
        ({"refractory_hops": -1}, "refractory_hops=-1 is not a whole number from 0"),
        ({"background": "_silence_"}, "background='_silence_' is a string, not a list of labels"),
    ],
)
def test_refuses(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ExportError, match=message) as error:
        DetectorConfig(**changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("labels", [(), ("_silence_",), ("_unknown_", "_silence_")])
def test_something_must_be_left_to_detect(labels: tuple[str, ...]) -> None:
    with pytest.raises(ExportError, match="no class to detect"):
        Detector(DetectorConfig(), labels, 0.1)


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf")])
def test_refuses_a_scale(scale: float) -> None:
    with pytest.raises(ExportError, match="the model's output scale"):
        Detector(DetectorConfig(), LABELS, scale)


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    classes=st.integers(1, 40),
    config=st.builds(
        DetectorConfig,
        smoothing=st.integers(1, 20),
        threshold=st.floats(0.01, 1.0),
        refractory_hops=st.integers(0, 20),
        background=st.lists(st.sampled_from(["w1", "w2", "w7"])).map(tuple),
        rearm=st.none() | st.floats(0.01, 1.0),
    ),
    scale=st.floats(1e-4, 1.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_c_does_exactly_the_same(
    classes: int, config: DetectorConfig, scale: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    labels = tuple(f"w{index}" for index in range(classes))
    python = Detector(config, labels, scale)
    with tempfile.TemporaryDirectory() as folder:
        c = compiled.CompiledDetector(Path(folder), config, labels, scale)
        for row in streams(draw, classes):
            assert c.push(row) == python.push(row)
            assert c.scores() == python.scores()
        c.reset()
        python.reset()
        assert c.push(row) == python.push(row)


BOARD_MAIN = """
#include "board.h"
#include "detector.h"
#include "logits.h"

int main(void) {
  static detector_t detector;
  board_init();
  detector_reset(&detector);
  for (int i = 0; i < STEPS; ++i) {
    uint16_t score;
    const int found = detector_push(&detector, logits[i], &score);
    board_print_unsigned((uint64_t)(found + 1));
    board_print(" ");
    board_print_unsigned(score);
    board_print("\\n");
  }
  return 0;
}
"""


@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "rv32"])
def test_a_board_does_exactly_the_same(name: str, tmp_path: Path) -> None:
    """Sounds that last and come again, with scores between the thresholds."""
    config = DetectorConfig(5, 0.45, 12, ("w0",), rearm=0.3)
    labels = ("w0", "w1", "w2", "w3")
    logits = streams(np.random.default_rng(4), len(labels))
    rows = ",\n".join("{" + ", ".join(map(str, row)) + "}" for row in logits)
    sources = compiled.detector_sources(config, labels, 0.08)
    header = f"#define STEPS {len(logits)}\n"
    header += f"static const int8_t logits[STEPS][{len(labels)}] = {{{rows}}};\n"
    folder = compiled.write(tmp_path, {**sources, "logits.h": header, "main.c": BOARD_MAIN})
    built = building.build(
        usable(name), [folder / "main.c", folder / "detector.c"], [folder], tmp_path / "build"
    )
    python = Detector(config, labels, 0.08)
    wanted = [python.push(row) for row in logits]
    lines = emulation.run(built, count=False).console.splitlines()
    assert [line.split() for line in lines] == [[f"{n + 1}", f"{score}"] for n, score in wanted]
    always = Detector(dataclasses.replace(config, rearm=1.0), labels, 0.08)
    often = sum(always.push(row)[0] >= 0 for row in logits)
    assert 5 < sum(found >= 0 for found, _ in wanted) < often


def streams(draw: np.random.Generator, classes: int) -> np.ndarray:
    """Logits of 300 hops: words that come and go, noise, extremes, (300, classes) int8."""
    word = np.repeat(draw.integers(0, classes, 30), 10)
    logits = draw.integers(-128, 128, (300, classes)) // 4
    logits[np.arange(300), word] += draw.integers(0, 90, 300)
    logits[:10], logits[10:20] = -128, 127
    logits[20:30] = draw.choice([-128, 127], (10, classes))
    return logits.clip(-128, 127).astype(np.int8)
