"""What an evaluation keeps of its predictions, read back or refused."""

import dataclasses
import io
import json

import numpy as np
import pytest

from edge_tf.errors import UserError
from edge_tf.evaluation.hops import predictions
from edge_tf.run_dir import INT8_MODEL, RunDirectory
from tests.edge_tf.evaluation.hops import recording_fixtures as scenes

MODEL = b"an int8 file"


def saved(path, **changes) -> RunDirectory:
    run = RunDirectory(path).create()
    (run / INT8_MODEL).write_bytes(MODEL)
    given = {
        "table": scenes.table(),
        "labels": ["a", "b", "c", "d"],
        "clip_names": scenes.NAMES,
        "devices": scenes.DEVICES,
        "data_fingerprint": "f" * 64,
        "model": MODEL,
    }
    predictions.save(run, **given | changes)
    return run


def test_all_comes_back_as_it_was(tmp_path):
    found = predictions.load(saved(tmp_path / "run"))
    table = scenes.table()
    assert found.labels == ("a", "b", "c", "d")
    assert found.labels_true.tolist() == scenes.LABELS.tolist()
    assert found.clip_names == tuple(scenes.NAMES)
    assert found.devices == scenes.DEVICES
    assert found.data_fingerprint == "f" * 64
    ran = [hop for hop in table.hops if hop.outputs is not None]
    assert len(found.hops) == len(ran) == 4
    for hop, before in zip(found.hops, ran, strict=True):
        assert (hop.name, hop.engine, hop.start) == (before.name, before.engine, before.start)
        assert hop.outputs is not None and before.outputs is not None
        assert hop.outputs.dtype == before.outputs.dtype
        assert np.array_equal(hop.outputs, before.outputs)
        assert (hop.scale, hop.zero_point) == (before.scale, before.zero_point)
        assert hop.which_clips().tolist() == before.which_clips().tolist()


def test_names_that_are_not_unicode_survive(tmp_path):
    names = ["caf\udce9.wav", *scenes.NAMES[1:]]
    assert predictions.load(saved(tmp_path / "run", clip_names=names)).clip_names[0] == names[0]


def test_a_missing_file_and_another_model_name_the_command(tmp_path):
    run = saved(tmp_path / "run")
    (run / INT8_MODEL).write_bytes(b"converted again")
    with pytest.raises(
        UserError, match=r"belongs to another model than .*; run: .*pipelines\.evaluate"
    ):
        predictions.load(run)
    (run / "predictions.npz").unlink()
    with pytest.raises(UserError, match=r"predictions\.npz is missing; make it with: .*evaluate"):
        predictions.load(run)


def test_a_damaged_file_is_refused_wherever_it_is_damaged(tmp_path):
    run = saved(tmp_path / "run")
    path = run / "predictions.npz"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="is not a record of predictions"):
            predictions.load(run)
    for _ in range(100):  # what is hit may be of no consequence, but nothing else is raised
        content = bytearray(whole)
        content[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(bytes(content))
        try:
            predictions.load(run)
        except UserError as error:
            assert "is not a record of predictions" in str(error)


def test_another_file_of_arrays_is_refused(tmp_path):
    run = saved(tmp_path / "run")
    stream = io.BytesIO()
    np.savez(stream, features=np.zeros(3))
    (run / "predictions.npz").write_bytes(stream.getvalue())
    with pytest.raises(UserError, match="is not a record of predictions"):
        predictions.load(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about, arrays: about.update(format_version=2), "not format version 1"),
        (lambda about, arrays: about.update(labels=["a"]), "outside the classes"),
        (lambda about, arrays: about.update(labels=list("abcde")), "does not have 5 classes"),
        (lambda about, arrays: about.update(devices=["a"]), "differ in length"),
        (lambda about, arrays: about.update(clip_names=[1] * 60), r"clip_names\[0\]=1"),
        (lambda about, arrays: about["hops"][1].update(scale=None), "need scale"),
        (lambda about, arrays: about["hops"][1].update(scale="0.1"), "scale='0.1'"),
        (lambda about, arrays: about["hops"].append(about["hops"][0]), "logits_4"),
        (lambda about, arrays: about.update(hops={"a": 1}), "about: hops"),
        (lambda about, arrays: about.pop("seen_devices"), "seen_devices"),
        (lambda about, arrays: arrays.update(labels_true=np.zeros(60)), "list of class indices"),
        (lambda about, arrays: arrays.update(labels_true=np.full(60, -1)), "outside the classes"),
        (lambda about, arrays: arrays.update(logits_0=np.zeros((59, 4))), "59 outputs for 60"),
        (lambda about, arrays: arrays.update(clips_3=np.arange(50, 65)), "15 outputs for 60"),
        (lambda about, arrays: arrays.update(logits_0=np.zeros((60, 4), "U3")), "not int8"),
    ],
)
def test_contradictions_are_refused(tmp_path, change, message):
    run = saved(tmp_path / "run")
    path = run / "predictions.npz"
    with np.load(path) as content:
        arrays = dict(content)
    about = json.loads(arrays["about"].tobytes())
    change(about, arrays)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=rf"is not a record of predictions .*{message}"):
        predictions.load(run)


def test_words_are_kept_too(tmp_path):
    devices = dataclasses.replace(scenes.DEVICES, of_clips=("",) * 60, seen=frozenset())
    found = predictions.load(saved(tmp_path / "run", devices=devices))
    assert found.devices.names == [""] and not found.devices.are_several
