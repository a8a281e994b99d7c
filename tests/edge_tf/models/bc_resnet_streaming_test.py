"""BC-ResNet on streams: causality, and one definition that serves windows and streams alike."""

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.layers.frame_history import Delay, FrameHistory, SlidingMean
from edge_tf.models import bc_resnet, time_axis
from tests.edge_tf.models.bc_resnet_test import features, randomize, trainable

FRAMES = 101
# Frames that a logit depends on, beside the mean over a window: kernels of 5, 3 and 5 frames,
# dilated 1, 2, 4, 8 in 2, 2, 4, 4 blocks.
FIELD = 4 + 2 * (2 * 1 + 2 * 2 + 4 * 4 + 4 * 8) + 4


def window_model(lookahead: int | None, frames: int = FRAMES, tau: float = 0.5) -> keras.Model:
    model = bc_resnet.build(tau, 5, (40, frames, 1), lookahead=lookahead)
    return randomize(model)


def stream_model(of: keras.Model, lookahead: int, tau: float = 0.5) -> keras.Model:
    model = bc_resnet.build_stream(tau, 5, FRAMES, lookahead)
    time_axis.copy_weights(of, model)
    return model


def pushed(model: keras.Model, frames: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Logits of all frames, which come in blocks of these sizes, over and over."""
    at, count, out = 0, 0, []
    while at < frames.shape[2]:
        size = sizes[count % len(sizes)]
        out.append(model(frames[:, :, at : at + size]).numpy()[0])
        at, count = at + size, count + 1
    return np.concatenate(out)


# The shares of a look-ahead


def test_the_most_is_what_the_centred_network_sees():
    assert bc_resnet.MOST_LOOKAHEAD == FIELD // 2
    assert sum(bc_resnet.lookaheads(FIELD // 2).values()) == FIELD // 2


@pytest.mark.parametrize("frames", [0, 1, 3, 4, 7, 40, 58])
def test_shares_sum_to_the_look_ahead_and_stem_and_tail_are_first(frames):
    shares = bc_resnet.lookaheads(frames)
    assert sum(shares.values()) == frames and min(shares.values()) >= 0
    assert shares["stem"] + shares["tail"] == min(frames, 4)


@pytest.mark.parametrize("frames", [-1, 59])
def test_other_look_aheads_are_refused(frames):
    with pytest.raises(ValueError, match="must be in 0 to 58 frames"):
        bc_resnet.build(lookahead=frames)


# On whole windows


def test_with_all_the_look_ahead_it_is_the_published_network():
    published = window_model(None)
    most = window_model(bc_resnet.MOST_LOOKAHEAD)
    most.set_weights(published.get_weights())
    x = features()
    np.testing.assert_allclose(
        most(x, training=False), published(x, training=False), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("lookahead", [0, 5])
def test_parameters_and_layers_with_weights_are_the_published_ones(lookahead):
    def named(model):
        return [(layer.name, [w.shape for w in layer.weights]) for layer in model.layers]

    causal, published = (bc_resnet.build(1, lookahead=ahead) for ahead in (lookahead, None))
    assert trainable(causal) == 9_232
    with_weights = [[one for one in named(model) if one[1]] for model in (causal, published)]
    assert with_weights[0] == with_weights[1]


@pytest.mark.parametrize("lookahead", [0, 3, 9])
def test_a_frame_depends_on_no_frame_behind_its_look_ahead(lookahead):
    """Changing frame t + L + 1 and what follows changes nothing at t; frame t + L does."""
    model = window_model(lookahead)
    inner = keras.Model(model.input, model.get_layer("tail_relu").output)
    x, t = features(1), 50
    before = inner(x, training=False).numpy()[0, 0]
    for first, same in ((t + lookahead + 1, True), (t + lookahead, False)):
        y = x.copy()
        y[:, :, first:] += 1.0
        after = inner(y, training=False).numpy()[0, 0]
        np.testing.assert_array_equal(after[:t], before[:t])
        assert np.array_equal(after[t], before[t]) == same


# On streams


@pytest.mark.parametrize("sizes", [[1], [101], [1, 2, 3, 50], [7]])
def test_a_causal_stream_gives_the_logits_of_the_whole_window(sizes):
    model = window_model(0)
    x = features(1)
    got = pushed(stream_model(model, 0), x, sizes)
    assert got.shape == (FRAMES, 5)
    np.testing.assert_allclose(got[-1], model(x, training=False)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("lookahead", [0, 3, 9, 58])
def test_a_long_stream_gives_those_of_every_full_window(lookahead):
    """A window that holds all that a logit depends on: its padding reaches no frame of the mean."""
    model = window_model(lookahead)
    full = FIELD + FRAMES
    x = features(1, full + 40)
    got = pushed(stream_model(model, lookahead), x, [11, 1])
    whole = bc_resnet.build(0.5, 5, (40, full, 1), lookahead=lookahead)
    whole.set_weights(model.get_weights())
    tail = keras.Model(whole.input, whole.get_layer("tail_relu").output)
    for end in (full, full + 13, full + 40):
        lines = tail(x[:, :, end - full : end], training=False)
        # The last lookahead frames of a window see its padding: the mean ends before them.
        mean = lines[:, 0, full - lookahead - FRAMES : full - lookahead].numpy().mean(axis=1)
        expected = whole.get_layer("classifier")(mean)
        np.testing.assert_allclose(got[end - 1], expected[0], rtol=0, atol=1e-5)


def test_reset_gives_the_first_state_again():
    stream = stream_model(window_model(0), 0)
    x = features(1)
    first = pushed(stream, x, [5])
    assert not np.allclose(pushed(stream, x, [5])[0], first[0])
    time_axis.reset(stream)
    np.testing.assert_array_equal(pushed(stream, x, [5]), first)


def test_the_state_of_bc_resnet_1_is_a_few_thousand_values():
    """Stem 4 x 40, blocks 2 d C, tail 4 x 5 x 20, mean 100 x 32."""
    stream = bc_resnet.build_stream(1)
    past = [w for layer in stream.layers for w in layer.weights if w.name.endswith("past:0")]
    blocks = 2 * (2 * 1 * 8 + 2 * 2 * 12 + 4 * 4 * 16 + 4 * 8 * 20)
    assert sum(int(np.prod(w.shape)) for w in past) == 160 + blocks + 400 + 3200


# The layers


def test_history_delay_and_mean_on_numbers():
    x = np.arange(1, 7, dtype=np.float32).reshape(1, 1, 6, 1)
    history, delay, mean = FrameHistory(2), Delay(2), SlidingMean(2)
    assert history(x[:, :, :3]).numpy().ravel().tolist() == [0, 0, 1, 2, 3]
    assert history(x[:, :, 3:4]).numpy().ravel().tolist() == [2, 3, 4]
    assert delay(x[:, :, :3]).numpy().ravel().tolist() == [0, 0, 1]
    assert delay(x[:, :, 3:]).numpy().ravel().tolist() == [2, 3, 4]
    assert mean(x[:, :, :1]).numpy().ravel() == pytest.approx([1 / 3])
    assert mean(x[:, :, 1:4]).numpy().ravel() == pytest.approx([1, 2, 3])


@pytest.mark.parametrize("kind", [FrameHistory, Delay, SlidingMean])
def test_a_layer_of_no_frames_is_refused_and_one_of_some_is_serialized(kind):
    with pytest.raises(ValueError, match="must be at least 1"):
        kind(0)
    assert kind.from_config(kind(3, name="x").get_config()).frames == 3
    with pytest.raises(ValueError, match="must have a static size"):
        kind(3)(keras.Input((4, None, 2)))


# On all windows of a recording, for training


def windows_model(of: keras.Model, lookahead: int, every: int = 1, frames: int = FRAMES):
    model = bc_resnet.build_windows(0.5, 5, frames, every, lookahead=lookahead)
    time_axis.copy_weights(of, model)
    return model


@pytest.mark.parametrize("lookahead", [0, 3])
def test_all_windows_give_the_logits_of_the_stream_once_they_are_settled(lookahead):
    """Window i ends at frame i + FRAMES - 1; the stream says so `lookahead` frames later."""
    model = window_model(lookahead)
    x = features(1, FIELD + FRAMES + 30)
    stream = pushed(stream_model(model, lookahead), x, [17])
    every = windows_model(model, lookahead)(x, training=False).numpy()[0]
    assert every.shape == (FIELD + 31, 5)
    # The recording's end is padded as well: the last windows lack `lookahead` frames.
    for begin in range(FIELD, len(every) - lookahead):
        end = begin + FRAMES - 1 + lookahead
        np.testing.assert_allclose(every[begin], stream[end], rtol=0, atol=1e-5)


def test_a_causal_stream_that_begins_in_silence_is_equal_from_its_first_window():
    """Zeros before the first frame are the state of a stream before it."""
    model = window_model(0)
    x = features(1, FRAMES + 40)
    stream = pushed(stream_model(model, 0), x, [13])
    every = windows_model(model, 0)(x, training=False).numpy()[0]
    np.testing.assert_allclose(every, stream[FRAMES - 1 :], rtol=0, atol=1e-5)


@pytest.mark.parametrize("lookahead", [0, 5])
def test_a_recording_of_one_window_gives_the_logits_of_the_whole_window(lookahead):
    model = window_model(lookahead)
    x = features(3)
    every = windows_model(model, lookahead, every=4)(x, training=False)
    assert every.shape == (3, 1, 5)
    np.testing.assert_allclose(every[:, 0], model(x, training=False), rtol=0, atol=1e-5)


@pytest.mark.parametrize("every", [2, 4, 7, 60])
def test_windows_begin_every_so_many_frames(every):
    model = window_model(0)
    x = features(2, FRAMES + 50)
    all_of_them = windows_model(model, 0)(x, training=False).numpy()
    some = windows_model(model, 0, every)(x, training=False).numpy()
    assert some.shape[1] == 1 + 50 // every
    np.testing.assert_allclose(some, all_of_them[:, ::every], rtol=0, atol=1e-5)


def test_layers_with_weights_are_those_of_whole_windows():
    whole, every = window_model(0), bc_resnet.build_windows(0.5, 5, FRAMES, 4)
    named = [
        [(layer.name, [w.shape for w in layer.weights]) for layer in model.layers if layer.weights]
        for model in (whole, every)
    ]
    assert named[0] == named[1]


@pytest.mark.parametrize("every", [0, -1])
def test_windows_that_do_not_move_on_are_refused(every):
    with pytest.raises(ValueError, match=f"every={every} must be at least 1"):
        bc_resnet.build_windows(every=every)
