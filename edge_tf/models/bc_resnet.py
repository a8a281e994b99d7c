"""BC-ResNet: broadcasted residual learning for keyword spotting (arXiv:2106.04140)."""

from typing import TYPE_CHECKING

from edge_tf.models.spec import ModelSpec

if TYPE_CHECKING:
    import tf_keras as keras

    from edge_tf.models.time_axis import TimeAxis

TAUS = (1, 1.5, 2, 3, 6, 8)
SUB_BANDS = 5
# Table 1 of the paper: number of blocks, frequency stride of the first one; dilation is 2 ** stage.
STAGES = ((2, 1), (2, 2), (4, 2), (4, 1))
# Future frames that each convolution over time reads if it is centred: tail, stem, and the
# blocks from last to first. In this order look-ahead costs a stream less memory.
_CENTRED = {
    "tail": 2,
    "stem": 2,
    **{
        f"stage{i}_block{j}": 2**i
        for i in reversed(range(len(STAGES)))
        for j in reversed(range(STAGES[i][0]))
    },
}
MOST_LOOKAHEAD = sum(_CENTRED.values())
# Frames, besides its own, that a frame before the final mean depends on.
FIELD = 2 * MOST_LOOKAHEAD


def channels(tau: float) -> list[int]:
    """Channels of the stem, the four stages and the tail for a width multiplier tau."""
    base = int(8 * tau)
    return [2 * base, base, int(1.5 * base), 2 * base, int(2.5 * base), 4 * base]


def lookaheads(frames: int) -> dict[str, int]:
    """Distributes a look-ahead: maps the name of the stem, each block and the tail to its frames.

    Raises:
      ValueError: frames is not in 0 to MOST_LOOKAHEAD.
    """
    if not 0 <= frames <= MOST_LOOKAHEAD:
        raise ValueError(f"lookahead={frames} must be in 0 to {MOST_LOOKAHEAD} frames")
    shares = {}
    for name, limit in _CENTRED.items():
        shares[name] = min(limit, frames)
        frames -= shares[name]
    return shares


def build(
    tau: float = 1,
    num_classes: int | None = 12,
    input_shape: tuple[int, int, int] = (40, 101, 1),
    dropout: float = 0.1,
    lookahead: int | None = None,
) -> "keras.Model":
    """BC-ResNet-tau of Table 1: (batch, 40, T, 1) log-mel features to (batch, num_classes) logits.

    Trainable parameters for 12 classes at tau 1, 1.5, 2, 3, 6, 8: 9,232, 17,154, 27,284, 54,168,
    187,812, 321,068.

    Args:
      tau: width multiplier; the paper's six are in TAUS, others work.
      num_classes: size of the logits; None: no classifier, the output is the embedding that
        it would read, (batch, channels(tau)[-1]).
      input_shape: (mel bands, frames, 1); mel bands must be 40, which the 5-row tail fixes.
      dropout: rate of the channel dropout in f1.
      lookahead: None: the paper's network, whose convolutions over time are centred. A number: a
        network for streams, whose value at frame t depends on no frame after t + lookahead; 0
        is causal. It has the same layers with weights, and at MOST_LOOKAHEAD the same function.

    Raises:
      ValueError: an argument does not fit the architecture.
    """
    from edge_tf.models.time_axis import TimeAxis

    frames = input_shape[1] if len(input_shape) == 3 else 0
    shares = {} if lookahead is None else lookaheads(lookahead)
    return _build(tau, num_classes, input_shape, dropout, TimeAxis(shares, window=frames))


def build_stream(
    tau: float = 1, num_classes: int | None = 12, window_frames: int = 101, lookahead: int = 0
) -> "keras.Model":
    """The network of `build(lookahead=...)` as it runs on a stream, frame by frame or in blocks.

    (1, 40, T, 1) features to (1, T, num_classes) logits, for any T of at least 1. Logits t are
    those of the window of window_frames frames that ends `lookahead` frames before frame t. Its
    layers keep past frames as weights named `past`; the others are those of `build`.

    Args:
      tau, num_classes, lookahead: as for `build`.
      window_frames: number of frames in the final mean, the T of `build`.

    Raises:
      ValueError: an argument does not fit the architecture.
    """
    from edge_tf.models.time_axis import TimeAxis

    time = TimeAxis(lookaheads(lookahead), window_frames, streams=True)
    return _build(tau, num_classes, (40, None, 1), 0.0, time)


def build_windows(
    tau: float = 1,
    num_classes: int = 12,
    window_frames: int = 101,
    every: int = 1,
    dropout: float = 0.1,
    lookahead: int = 0,
) -> "keras.Model":
    """The network of `build(lookahead=...)` on recordings, for training on all of their windows.

    (batch, 40, T, 1) features to (batch, 1 + (T - window_frames) // every, num_classes) logits:
    those of the windows that begin at frames 0, every, 2 * every... They are a stream's logits
    (`build_stream`) where all of a window is FIELD frames or more after the first frame.

    Args:
      tau, num_classes, dropout, lookahead: as for `build`.
      window_frames: number of frames in the final mean, the T of `build`.
      every: frames from one window to the next, at least 1.

    Raises:
      ValueError: an argument does not fit the architecture.
    """
    from edge_tf.models.time_axis import TimeAxis

    if every < 1:
        raise ValueError(f"every={every} must be at least 1")
    time = TimeAxis(lookaheads(lookahead), window_frames, every=every)
    return _build(tau, num_classes, (40, None, 1), dropout, time)


def _build(
    tau: float,
    num_classes: int | None,
    input_shape: tuple[int, int | None, int],
    dropout: float,
    time: "TimeAxis",
) -> "keras.Model":
    import tf_keras as keras

    from edge_tf.models.broadcasted_residual import (
        batch_norm,
        block,
        depthwise,
        kernel_init,
        pointwise,
    )

    layers = keras.layers
    if int(8 * tau) < 2 or (num_classes is not None and num_classes < 2):
        raise ValueError(f"tau={tau} and num_classes={num_classes} do not define a network")
    if len(input_shape) != 3 or input_shape[0] != 40 or input_shape[2] != 1:
        raise ValueError(f"input_shape={input_shape} must be (40, frames, 1)")
    stem, *stages, tail = channels(tau)

    inputs = time.inputs(input_shape)
    ahead = time.ahead("stem", 2)
    x = time.context(inputs, 4 - ahead, ahead, "stem_pad", rows=2)
    x = layers.Conv2D(
        stem, 5, strides=(2, 1), use_bias=False, kernel_initializer=kernel_init(25), name="stem"
    )(x)
    x = layers.ReLU(name="stem_relu")(batch_norm(x, "stem_bn"))
    for i, ((blocks, stride), filters) in enumerate(zip(STAGES, stages, strict=True)):
        for j in range(blocks):
            name = f"stage{i}_block{j}"
            x = block(x, filters, name, time, SUB_BANDS, stride if j == 0 else 1, 2**i, dropout)
    ahead = time.ahead("tail", 2)
    x = time.context(x, 4 - ahead, ahead, "tail_pad")
    x = depthwise((5, 5), x, "tail_depthwise")
    x = pointwise(tail, x, "tail_pointwise")
    x = layers.ReLU(name="tail_relu")(batch_norm(x, "tail_bn"))
    x = time.mean(x, "pool")
    name = f"bc_resnet_{tau:g}".replace(".", "_")
    if num_classes is None:
        return keras.Model(inputs, x, name=f"{name}_embedding")
    logits = layers.Dense(
        num_classes,
        kernel_initializer=kernel_init(tail),
        bias_initializer=kernel_init(tail),
        name="classifier",
    )(x)
    return keras.Model(inputs, logits, name=name)


SPEC = ModelSpec(
    "bc_resnet",
    build,
    settings=("tau", "lookahead"),
    embeds=True,
    build_stream=build_stream,
    build_windows=build_windows,
    most_lookahead=MOST_LOOKAHEAD,
    field=FIELD,
    mel_bands=40,
    uses_spec_augment=True,
)
