"""Comparing what runs lose on unseen devices, from what their evaluations kept."""

import dataclasses
import json

import numpy as np
import pytest

from edge_tf.errors import UserError
from edge_tf.evaluation.comparing import drop_comparison
from edge_tf.evaluation.comparing.comparison import Side
from edge_tf.evaluation.hops import hop_table, predictions
from edge_tf.run_dir import INT8_MODEL, RunDirectory
from edge_tf.settings import TrainingSettings
from tests.edge_tf import recorded
from tests.edge_tf.evaluation.hops import recording_fixtures as scenes


def evaluated(path, wrong_unseen: int, fold: int = 1, **changes) -> RunDirectory:
    """A run as an evaluation leaves it: so many clips of each unseen device are wrong."""
    run = RunDirectory(path).create()
    run.record(recorded.trained(recipe=TrainingSettings(seed=fold)))
    model = f"{path} of {fold}".encode()
    (run / INT8_MODEL).write_bytes(model)
    outputs = scenes.logits(wrong_unseen, seed=fold)
    given = {
        "table": hop_table.build(scenes.hops(outputs), scenes.LABELS, devices=scenes.DEVICES),
        "labels": ["a", "b", "c", "d"],
        "clip_names": [f"{fold}/{name}" for name in scenes.NAMES],
        "devices": scenes.DEVICES,
        "data_fingerprint": f"clips of fold {fold}",
        "model": model,
    }
    predictions.save(run, **given | changes)
    return run


@pytest.fixture
def sides(tmp_path) -> tuple[list[RunDirectory], list[RunDirectory]]:
    """Two folds: 1 or 3 of 20 clips are lost on unseen devices against 10 or 12."""
    return (
        [evaluated(tmp_path / f"norm{fold}", 2 * fold - 1, fold) for fold in (1, 2)],
        [evaluated(tmp_path / f"plain{fold}", 8 + 2 * fold, fold) for fold in (1, 2)],
    )


@pytest.mark.parametrize("hop", ["keras", "int8"])
def test_folds_are_pooled(sides, hop):
    judged, against = (Side(runs, hop) for runs in sides)
    record = drop_comparison.compare(judged, against)
    found = record.found
    assert found.drop == pytest.approx(10.0)
    assert found.drop_against == pytest.approx(55.0)
    assert found.ratio == pytest.approx(10 / 55)
    low, high = found.ratio_interval
    assert found.ratio_mean is not None and 0 <= low <= found.ratio_mean <= high < 0.5
    assert found.share_halved > 0.99 and found.is_halved
    assert (found.sources, found.clips) == (40, 120)
    by_device = record.runs.accuracy_by_device
    assert by_device == pytest.approx({"recorded": 1.0, "sim1": 0.9, "sim2": 0.9})
    assert [one.seed for one in record.against.each] == [1, 2]
    assert record.runs.each[0].accuracy == pytest.approx(58 / 60)
    written = json.loads(json.dumps(record.to_json(), allow_nan=False))
    assert written["is_halved"] is True and written["ratio_interval"] == [low, high]
    assert written["runs"]["accuracy_by_device"] == by_device
    assert written["against"]["each"][1].keys() == {"run", "seed", "accuracy"}


def test_without_a_drop_to_compare_with_the_record_is_still_json(tmp_path):
    one, other = evaluated(tmp_path / "one", 0), evaluated(tmp_path / "other", 0)
    record = drop_comparison.compare(Side([one], "int8"), Side([other], "keras"))
    written = record.to_json()
    assert written["ratio"] is None and written["ratio_interval"] == [None, None]
    json.dumps(written, allow_nan=False)


def refused(runs, against, match, hop="int8"):
    with pytest.raises(UserError, match=match):
        drop_comparison.compare(Side(runs, hop), Side(against, hop))


def test_sides_that_do_not_fit_are_refused(sides):
    runs, against = sides
    refused(runs, against[:1], "--runs names 2 runs and --against 1")
    refused([], [], "at least one")
    refused(runs, against[::-1], r"plain2 and .*norm1 were evaluated on different test clips")
    refused([runs[0]] * 2, [against[0]] * 2, r"--runs: .*norm1 and .*norm1 contain the same")
    refused(runs, [against[0]] * 2, r"--against: .*plain1 and .*plain1 contain the same")
    with pytest.raises(UserError, match="leave out --bits"):
        drop_comparison.compare(Side(runs, "keras", 4), Side(against, "keras"))


def test_other_labels_or_devices_are_refused(tmp_path):
    run = evaluated(tmp_path / "run", 5)
    other = evaluated(tmp_path / "labels", 5, labels=["a", "b", "c", "e"])
    refused([run], [other], "labels and .*run have different labels or")
    seen = dataclasses.replace(scenes.DEVICES, seen=frozenset({"recorded", "sim1"}))
    trained = evaluated(tmp_path / "trained", 5, devices=seen)
    refused([run], [trained], "trained and .*run have different labels or recording devices")


def test_runs_without_such_predictions_are_told(tmp_path):
    run = evaluated(tmp_path / "run", 5)
    refused([run], [run], r"has no --hop=compressed with all clips; .*evaluate", "compressed")
    (tmp_path / "run" / "predictions.npz").unlink()
    refused([run], [run], r"predictions\.npz is missing; make it with: .*pipelines\.evaluate")


def test_runs_of_words_have_no_drop(tmp_path):
    words = dataclasses.replace(scenes.DEVICES, of_clips=("",) * 60, seen=frozenset())
    one = evaluated(tmp_path / "one", 5, devices=words)
    other = evaluated(tmp_path / "other", 5, devices=words)
    refused([one], [other], "no drop between recording devices")


def test_a_hop_of_some_clips_is_not_enough(tmp_path):
    hops = scenes.hops(scenes.logits(5))
    some = np.arange(30)
    outputs = hops[1].outputs
    assert outputs is not None
    hops[1] = dataclasses.replace(hops[1], outputs=outputs[:30], clip_indices=some)
    table = hop_table.build(hops, scenes.LABELS, devices=scenes.DEVICES)
    run = evaluated(tmp_path / "run", 5, table=table)
    refused([run], [run], "has no --hop=int8 with all clips")


@pytest.mark.parametrize(
    ("name", "device", "source"),
    [
        ("dog/1-100-A-0.wav", "sim3", "dog/1-100-A-0.wav"),
        ("audio/park-lyon-1-2-s1.wav", "s1", "audio/park-lyon-1-2.wav"),
        ("audio/park-lyon-1-2-a.wav", "a", "audio/park-lyon-1-2.wav"),
        ("audio/park-lyon-1-2-a.wav", "s1", "audio/park-lyon-1-2-a.wav"),
        ("no/suffix-a", "", "no/suffix-a"),
    ],
)
def test_the_source_of_a_clip(name, device, source):
    assert drop_comparison.source_of(name, device) == source
