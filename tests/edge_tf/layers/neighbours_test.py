"""What stands around a layer: lines that are added to all rows, channels that can be scaled."""

import pytest
import tf_keras as keras

from edge_tf.layers.neighbours import is_broadcast, readers, scaled_reader

layers = keras.layers


def relu_of(between, reader) -> keras.layers.Layer:
    """The ReLU after a norm, read by `reader` through copies of the layers between."""
    relu = layers.ReLU()
    x = layers.BatchNormalization()(layers.Conv2D(4, 1)(keras.Input((8, 6, 2))))
    x = relu(x)
    for layer in between:
        x = type(layer).from_config(layer.get_config())(x)
    reader(x)
    return relu


@pytest.mark.parametrize(
    "between",
    [
        [],
        [layers.ZeroPadding2D(1)],
        [layers.Dropout(0.1), layers.MaxPooling2D(2), layers.AveragePooling2D(2)],
    ],
    ids=["directly", "padding", "dropout and pooling"],
)
@pytest.mark.parametrize("make", [lambda: layers.Conv2D(3, 1), lambda: layers.DepthwiseConv2D(1)])
def test_the_only_kernel_after_a_relu_takes_its_factors(between, make):
    reader = make()
    assert scaled_reader(relu_of(between, reader)) is reader


@pytest.mark.parametrize(
    ("between", "reader"),
    [
        ([layers.ReLU()], layers.Conv2D(3, 1)),  # has a rule, but does not pass factors on
        ([layers.LayerNormalization()], layers.Conv2D(3, 1)),
        ([], layers.Conv2D(4, 1, groups=2)),
        ([], layers.Conv2DTranspose(3, 1)),
        ([], layers.Activation("swish")),
    ],
    ids=["relu", "no rule", "groups", "transposed", "no kernel"],
)
def test_what_cannot_take_factors_is_left_alone(between, reader):
    assert scaled_reader(relu_of(between, reader)) is None


def test_a_norm_without_weights_is_left_alone():
    x = layers.BatchNormalization(scale=False)(layers.Conv2D(4, 1)(keras.Input((8, 6, 2))))
    relu = layers.ReLU()
    layers.Conv2D(3, 1)(relu(x))
    assert scaled_reader(relu) is None


@pytest.mark.parametrize("rows", [1, 8])
def test_a_line_that_is_added_to_all_rows_is_broadcast(rows):
    """Through dropout; on one row there is nothing to map."""
    x = keras.Input((rows, 6, 2))
    line = layers.Conv2D(2, 1)
    y = layers.SpatialDropout2D(0.1)(line(layers.AveragePooling2D((rows, 1))(x)))
    layers.Add()([x, y])
    assert is_broadcast(line) is (rows > 1)
    assert [type(reader) for reader in readers(line)] == [layers.SpatialDropout2D]
