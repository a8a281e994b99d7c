"""DS-CNN, the keyword-spotting reference of MLPerf Tiny (arXiv:2106.07597), as the baseline."""

from typing import TYPE_CHECKING

from edge_tf.models.spec import ModelSpec

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras as keras


def build(
    num_classes: int = 12,
    input_shape: tuple[int, int, int] = (40, 101, 1),
    filters: int = 64,
    blocks: int = 4,
    dropout: float = 0.2,
) -> "keras.Model":
    """DS-CNN: a strided convolution, `blocks` depthwise-separable ones, average, dense.

    MLPerf Tiny's input is 49 frames of 10 MFCC, here (batch, mel bands, frames, 1) log-mel; its
    10 x 4 (time x frequency) first kernel keeps that orientation. input_shape=(10, 49, 1) is the
    benchmark's own shape: 24,908 parameters. Logits out, no softmax.

    Raises:
      ValueError: num_classes below 2 or an input that is not (mel bands, frames, 1).
    """
    import tf_keras as keras

    layers = keras.layers
    if num_classes < 2 or len(input_shape) != 3 or input_shape[2] != 1:
        raise ValueError(
            f"num_classes={num_classes}, input_shape={input_shape} do not define a network"
        )

    def norm_relu(x: "tf.Tensor", name: str) -> "tf.Tensor":
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    inputs = keras.Input(input_shape, name="features")
    x = layers.Conv2D(filters, (4, 10), strides=2, padding="same", name="stem")(inputs)
    x = layers.Dropout(dropout, name="stem_dropout")(norm_relu(x, "stem"))
    for i in range(blocks):
        name = f"block{i}"
        x = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(x)
        x = norm_relu(x, f"{name}_depthwise")
        x = layers.Conv2D(filters, 1, name=f"{name}_pointwise")(x)
        x = norm_relu(x, f"{name}_pointwise")
    x = layers.Dropout(2 * dropout, name="dropout")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(num_classes, name="classifier")(x), name="ds_cnn")


SPEC = ModelSpec("ds_cnn", build)
