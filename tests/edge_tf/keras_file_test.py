"""Models as files: the same model is the same bytes and has the same digest, whatever the date."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from edge_tf import keras_file
from edge_tf.errors import UserError
from edge_tf.models import loading

layers = keras.layers


def model(seed: int = 0, units: int = 3) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6, 5, 1), name="features")
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(2, 3, name="conv")(inputs))
    return keras.Model(inputs, layers.Dense(units, name="classifier")(x), name="tiny")


def rewritten(path: Path, date: tuple[int, int, int, int, int, int], metadata: str) -> bytes:
    """The same archive as if it had been saved at another time."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            content = metadata if entry.filename == "metadata.json" else old.read(entry)
            new.writestr(zipfile.ZipInfo(entry.filename, date), content)
    return out.getvalue()


def test_the_same_model_is_the_same_bytes_and_can_be_loaded(tmp_path):
    keras_file.save(model(), tmp_path / "a.keras")
    keras_file.save(model(), tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert "date_saved" not in json.loads(archive.read("metadata.json"))
    for mine, other in zip(
        loading.load(tmp_path / "a.keras").get_weights(), model().get_weights(), strict=True
    ):
        np.testing.assert_array_equal(mine, other)


def test_a_digest_is_of_weights_and_architecture_not_of_the_date(tmp_path):
    path, later = tmp_path / "a.keras", tmp_path / "later.keras"
    model().save(path)
    later.write_bytes(rewritten(path, (2031, 5, 4, 3, 2, 2), '{"date_saved": "2031"}'))
    assert path.read_bytes() != later.read_bytes()
    assert keras_file.digest(path) == keras_file.digest(later)
    for number, other in enumerate((model(seed=1), model(units=4))):
        other.save(tmp_path / f"{number}.keras")
        assert keras_file.digest(tmp_path / f"{number}.keras") != keras_file.digest(path)


def test_what_older_runs_recorded_is_known_again(tmp_path):
    """They have the hash of the whole file; other files have no other digest."""
    path = tmp_path / "a.keras"
    model().save(path)
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    assert keras_file.is_model(path, whole) and keras_file.is_model(path, keras_file.digest(path))
    assert whole != keras_file.digest(path)
    path.write_bytes(b"not a zip archive")
    assert not keras_file.is_model(path, whole)
    assert keras_file.is_model(path, hashlib.sha256(b"not a zip archive").hexdigest())


@pytest.mark.parametrize("length", [10, 200, 5_000])
def test_a_cut_file_has_a_digest_of_its_own(tmp_path, length):
    path = tmp_path / "a.keras"
    model().save(path)
    before = keras_file.digest(path)
    path.write_bytes(path.read_bytes()[:length])
    assert keras_file.digest(path) != before


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match=r"float\.keras cannot be read"):
        keras_file.digest(tmp_path / "float.keras")
