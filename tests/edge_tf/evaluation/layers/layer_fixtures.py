"""Converted models with their graphs, for the tests of tables by layer."""

import numpy as np
import tf_keras as keras

from edge_tf.conversion import int8

layers = keras.layers
ROWS, FRAMES = 6, 5


def clips(count: int, seed: int = 0, loudest: float = 1.0) -> np.ndarray:
    """Values in 0 to `loudest`."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, loudest, (count, ROWS, FRAMES, 1)).astype(np.float32)


def bad_model() -> keras.Model:
    """Four layers; a channel of "bad" has 1000 times the range of the others.

    It is silent below 0.9 of the input and nothing reads it, so float is as good as without.
    """
    keras.utils.set_random_seed(0)
    inputs = keras.Input((ROWS, FRAMES, 1), name="features")
    x = layers.Conv2D(4, 1, activation="relu", name="first")(inputs)
    x = layers.Conv2D(4, 1, activation="relu", name="bad")(x)
    x = layers.Conv2D(4, 1, activation="relu", name="behind")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(x))
    rng = np.random.default_rng(1)
    for name in ("first", "bad", "behind"):
        layer = model.get_layer(name)
        layer.kernel.assign(rng.uniform(0.1, 1.0, layer.kernel.shape))
    first, bad, behind = (model.get_layer(name) for name in ("first", "bad", "behind"))
    kernel, bias = bad.kernel.numpy(), np.zeros(4, np.float32)
    # relu(k * (x - 0.9)) of an input x that reaches 1.
    kernel[0, 0, :, 0] = [20000.0 / first.kernel.numpy()[0, 0, 0, 0], 0, 0, 0]
    bias[0] = -0.9 * 20000.0
    bad.set_weights([kernel, bias])
    unread = behind.kernel.numpy()
    unread[:, :, 0] = 0
    behind.set_weights([unread, np.zeros(4, np.float32)])
    return model


def converted(model: keras.Model, representative: np.ndarray) -> int8.Converted:
    made = int8.convert_with_graph(model, representative)
    assert made.graph is not None
    return made
