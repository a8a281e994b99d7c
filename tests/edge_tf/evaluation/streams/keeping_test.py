"""What is saved of a stream: the sound before each detection and near miss, once, and no more."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines.sound_streams import StreamResult
from edge_tf.errors import UserError
from edge_tf.evaluation.streams.keeping import INDEX, Keeper
from firmware_export.runtime.detector import ONE, Detector, DetectorConfig

LABELS = ("_unknown_", "hey lamp", "no")
RATE, HOP, SCALE = 16_000, 160, 0.1
FRONTEND = FrontendConfig()
CONFIG = DetectorConfig(10, 0.8, 111, ("_unknown_",))
# Logits of a keyword against the others, and the probabilities that they stand for.
SURE, HALF = 100, 7
HALF_SCORE = 1 / (1 + 2 * np.exp(-0.7))  # 0.50


def stream(*words: tuple[float, int, int], seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Sound whose samples count upwards, and logits with words: (second, class, logit), 0.5 s."""
    pcm = (np.arange(round(seconds * RATE)) // 7 % 30_000).astype(np.int16)
    logits = np.zeros((1 + len(pcm) // HOP, len(LABELS)), np.int8)
    logits[:, 0] = SURE
    for second, label, logit in words:
        frames = slice(round(second * 100), round(second * 100) + 50)
        logits[frames] = 0
        logits[frames, label] = logit
    return pcm, logits


def keep(
    folder: Path, pcm: np.ndarray, logits: np.ndarray, block: int = 16_000, most: int = 100
) -> Keeper:
    """As pipelines.stream does it, with the detector of the device."""
    keeper = Keeper(folder, LABELS, SCALE, CONFIG, FRONTEND, most)
    detector = Detector(CONFIG, LABELS, SCALE)
    frame = 0
    for at in range(0, len(pcm), block):
        part = pcm[at : at + block]
        end = 1 + (at + len(part)) // HOP
        found = [
            (-1, 0) if frame + n < FRONTEND.num_frames - 1 else detector.push(row)
            for n, row in enumerate(logits[frame:end])
        ]
        decisions = np.array(found, np.int64).reshape(-1, 2)
        keeper.push(part, StreamResult(logits[frame:end], decisions[:, 0], decisions[:, 1]))
        frame = end
    keeper.close()
    return keeper


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / INDEX).open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_a_detection_and_a_near_miss_are_saved_and_others_are_not(tmp_path):
    """Words at 3, 6 and 9 s: one is sure, one half sure, one hardly."""
    pcm, logits = stream((3, 1, SURE), (6, 2, HALF), seconds=12)
    logits[900:950] = (25, 0, 10)  # 0.17
    keeper = keep(tmp_path / "kept", pcm, logits)
    assert (keeper.fired, keeper.near, keeper.left_out) == (1, 1, 0)
    fired, near = rows(tmp_path / "kept")
    assert (fired["class"], fired["kind"], near["class"], near["kind"]) == (
        *("hey lamp", "fired"),
        *("no", "near"),
    )
    assert 3 < float(fired["seconds"]) < 3.2 and 0.8 <= float(fired["score"]) <= 0.9
    # Its highest score is there when the mean is full.
    assert float(near["seconds"]) == pytest.approx(6.09)
    assert float(near["score"]) == pytest.approx(HALF_SCORE, abs=1e-3)
    assert fired["file"] == f"00001_fired_hey-lamp_{float(fired['seconds']):.2f}s_0.90.wav"
    assert near["file"] == "00002_near_no_6.09s_0.50.wav"
    names = {path.name for path in (tmp_path / "kept").iterdir()}
    assert names == {INDEX, fired["file"], near["file"]}


@pytest.mark.parametrize("block", [37, 1_600, 16_000, 200_000])
def test_the_sound_is_what_was_heard_up_to_the_decision(tmp_path, block):
    """In blocks of any size, also where much has been forgotten since."""
    words = [(1.2, 1, SURE), (4, 2, HALF), (7, 1, SURE), (9, 1, HALF), (11.4, 2, SURE)]
    pcm, logits = stream(*words, seconds=12)
    keep(tmp_path / "kept", pcm, logits, block)
    found = rows(tmp_path / "kept")
    assert [row["kind"] for row in found] == ["fired", "near", "fired", "near", "fired"]
    for row in found:
        samples, rate = soundfile.read(tmp_path / "kept" / row["file"], dtype="int16")
        end = round(float(row["seconds"]) * RATE)
        assert rate == RATE
        np.testing.assert_array_equal(samples, pcm[max(0, end - 2 * RATE - 101 * HOP) : end])


def test_what_ends_with_the_sound_is_saved(tmp_path):
    pcm, logits = stream((3, 1, HALF), seconds=3.3)
    assert keep(tmp_path / "kept", pcm, logits).near == 1


def test_a_word_is_saved_once_whatever_its_score_does(tmp_path):
    """Half sure before it fires, and after; long half sure; sure for very long."""
    pcm, logits = stream((3, 1, HALF), (3.5, 1, SURE), (4, 1, HALF), seconds=30)
    logits[1_000:1_500] = (0, 0, HALF)
    logits[2_000:2_900] = (0, SURE, 0)
    keep(tmp_path / "kept", pcm, logits)
    found = rows(tmp_path / "kept")
    assert [(row["kind"], row["class"]) for row in found] == [
        *(("fired", "hey lamp"), ("near", "no"), ("fired", "hey lamp")),
    ]


def test_no_more_than_asked_for(tmp_path):
    words = [(2 + 2 * n, 1 + n % 2, SURE) for n in range(10)]
    pcm, logits = stream(*words, seconds=24)
    keeper = keep(tmp_path / "kept", pcm, logits, most=3)
    assert (keeper.fired, keeper.left_out, keeper.is_full) == (3, 7, True)
    assert len(rows(tmp_path / "kept")) == 3 == len(list((tmp_path / "kept").glob("*.wav")))
    enough = keep(tmp_path / "all", pcm, logits, most=11)
    assert (enough.fired, enough.left_out, enough.is_full) == (10, 0, False)


def test_nothing_is_saved_before_the_first_window(tmp_path):
    pcm, logits = stream((0.2, 1, HALF), seconds=3)
    assert keep(tmp_path / "kept", pcm, logits).near == 0
    assert rows(tmp_path / "kept") == []


@pytest.mark.parametrize("label", ["a/b", "../x", "größe\tund", "x" * 300])
def test_no_label_leaves_the_folder(tmp_path, label):
    labels = ("_unknown_", label, "no")
    keeper = Keeper(tmp_path / "kept", labels, SCALE, CONFIG, FRONTEND, 5)
    logits = np.tile(np.array([-100, 100, -100], np.int8), (201, 1))
    detected = np.full(201, -1)
    detected[150] = 1
    keeper.push(np.zeros(32_000, np.int16), StreamResult(logits, detected, detected * 0 + ONE))
    (row,) = rows(tmp_path / "kept")
    assert (tmp_path / "kept" / row["file"]).is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_folder_with_files_is_refused(tmp_path):
    (tmp_path / "kept").mkdir()
    Keeper(tmp_path / "kept", LABELS, SCALE, CONFIG, FRONTEND, 5)  # an empty one is not
    with pytest.raises(UserError, match=r"--keep=.*kept exists and is not empty; name a new"):
        Keeper(tmp_path / "kept", LABELS, SCALE, CONFIG, FRONTEND, 5)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file exists"):
        Keeper(tmp_path / "file", LABELS, SCALE, CONFIG, FRONTEND, 5)
