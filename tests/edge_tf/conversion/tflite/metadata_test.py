"""Metadata leaves the model unchanged, and other readers find what was written."""

import dataclasses
import io
import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tflite_model
from edge_tf.conversion.tflite import metadata
from edge_tf.engines import mediapipe_audio
from edge_tf.engines.litert import LiteRTReference
from edge_tf.errors import UserError

READER = Path(__file__).with_name("metadata_reader.py")
LABELS = ("yes", "naïve", "_unknown_", "two words")


def described(**changes) -> metadata.ModelMetadata:
    labels = metadata.label_file(LABELS)
    frontend = metadata.AssociatedFile("frontend.json", "The front-end.", b'{"hop": 160}\n')
    given = metadata.TensorMetadata("features", "log-mel, ü", (-3.5, 2.25), files=[frontend])
    result = metadata.TensorMetadata("scores", "of each class", (0.0, 1.0), files=[labels])
    values = metadata.ModelMetadata("a name", "what it does", "1.2", given, result)
    return dataclasses.replace(values, **changes)


def archive(model: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(model)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_model_computes_what_it_did(converted_model):
    clips = np.random.default_rng(0).normal(size=(5, 40, 101, 1)).astype(np.float32)
    with_it = metadata.attach(converted_model, described())
    np.testing.assert_array_equal(
        LiteRTReference(with_it).run(clips).logits,
        LiteRTReference(converted_model).run(clips).logits,
    )
    before, after = tflite_model.parse(converted_model), tflite_model.parse(with_it)
    assert before.op_versions() == after.op_versions()
    assert [t.data for t in before.tensors] == [t.data for t in after.tensors]


def test_files_are_in_an_archive_after_the_model(converted_model):
    files = archive(metadata.attach(converted_model, described()))
    assert files == {
        "labels.txt": "yes\nnaïve\n_unknown_\ntwo words\n".encode(),
        "frontend.json": b'{"hop": 160}\n',
    }


def test_the_same_gives_the_same_bytes_and_a_second_time_replaces_the_first(converted_model):
    once = metadata.attach(converted_model, described())
    assert metadata.attach(converted_model, described()) == once
    other = described(name="another name", given=dataclasses.replace(described().given, files=()))
    again = metadata.attach(once, other)
    assert again.count(metadata.MODEL_ENTRY) == 1
    assert list(archive(again)) == ["labels.txt"]


def test_constants_begin_at_multiples_of_16_bytes(converted_model):
    with_it = metadata.attach(converted_model, described())
    long = [t.data for t in tflite_model.parse(with_it).tensors if len(t.data) > 64]
    assert len(long) == 2
    for data in long:
        assert with_it.count(data) == 1 and with_it.index(data) % 16 == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((), "needs labels"),
        (("yes", "no", "yes"), "two classes have the label 'yes'"),
        (("yes", ""), "'' is not one line"),
        (("yes", "a\nb"), "is not one line"),
        (("yes", "a\u2028b"), "is not one line"),
    ],
)
def test_labels_that_an_app_could_not_tell_apart_are_refused(labels, message):
    with pytest.raises(UserError, match=message) as caught:
        metadata.label_file(labels)
    assert "\n" not in str(caught.value)


def test_two_files_of_one_name_are_refused(converted_model):
    other = metadata.AssociatedFile("labels.txt", "", b"something else")
    given = dataclasses.replace(described().given, files=[other])
    with pytest.raises(UserError, match=r"two files of the model are named labels\.txt"):
        metadata.attach(converted_model, described(given=given))


@pytest.mark.android
@pytest.mark.parametrize("audio", [None, metadata.Audio(16_000), metadata.Audio(48_000, 2)])
def test_the_schema_s_own_reader_finds_what_was_written(converted_model, tmp_path, audio):
    """The reader is generated from metadata_schema.fbs and ships with MediaPipe."""
    python = mediapipe_audio.python()
    if python is None:
        pytest.skip("MediaPipe is not installed: make android-tools")
    path = tmp_path / "model.tflite"
    written = described(given=dataclasses.replace(described().given, audio=audio))
    path.write_bytes(metadata.attach(converted_model, written))
    done = subprocess.run([python, str(READER), str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    content = {"kind": "FeatureProperties"}
    if audio is not None:
        content = {"kind": "AudioProperties", **dataclasses.asdict(audio)}
    assert found == {
        "name": "a name",
        "description": "what it does",
        "version": "1.2",
        "min_parser_version": "1.3.0",
        "inputs": [
            {
                "name": "features",
                "description": "log-mel, ü",
                "content": content,
                "range": [-3.5, 2.25],
                "files": [["frontend.json", "The front-end.", "UNKNOWN"]],
            }
        ],
        "outputs": [
            {
                "name": "scores",
                "description": "of each class",
                "content": {"kind": "FeatureProperties"},
                "range": [0.0, 1.0],
                "files": [
                    [
                        "labels.txt",
                        "One label a line, in the order of the scores.",
                        "TENSOR_AXIS_LABELS",
                    ]
                ],
            }
        ],
    }
