"""Reading saved models: what is not ours is refused in one line."""

import pytest

from edge_tf.errors import UserError
from edge_tf.models.loading import load


def test_what_is_not_a_keras_2_model_is_refused_in_one_line(tmp_path):
    rubbish = tmp_path / "float.keras"
    rubbish.write_bytes(b"not a zip")
    with pytest.raises(UserError, match="is not a model of tf-keras") as caught:
        load(rubbish)
    assert "\n" not in str(caught.value)


def test_a_keras_3_model_is_refused(tmp_path):
    keras3 = pytest.importorskip("keras")
    assert keras3.__version__.startswith("3")
    path = tmp_path / "float.keras"
    inputs = keras3.Input((4, 4, 1))
    keras3.Model(inputs, keras3.layers.Dense(2)(keras3.layers.Flatten()(inputs))).save(path)
    with pytest.raises(UserError, match="Keras 3"):
        load(path)
