"""The log-mel graph against a reference of float64 sums, and what each padding promises."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.audio import frontend
from edge_tf.audio.frontend_config import FrontendConfig

CAUSAL = FrontendConfig()
REFLECT = FrontendConfig(padding="reflect")
# Nothing divides anything here: a window of odd length, a hop that leaves samples over.
ODD = FrontendConfig(
    sample_rate=11_025,
    clip_samples=3_001,
    window=275,
    hop=111,
    fft_size=300,
    mel_bands=12,
    low_hz=50.0,
    high_hz=5_000.0,
    log_offset=1e-4,
)
CONFIGS = {
    "causal": CAUSAL,
    "reflect": REFLECT,
    "odd causal": ODD,
    "odd reflect": dataclasses.replace(ODD, padding="reflect"),
}


def noise(count: int, config: FrontendConfig = CAUSAL, seed: int = 0) -> np.ndarray:
    """Noise between loud and hardly there, (count, clip_samples) float32 in [-1, 1]."""
    draw = np.random.default_rng(seed)
    loudness = np.geomspace(0.3, 1e-3, count)[:, None]
    return (draw.uniform(-1, 1, (count, config.clip_samples)) * loudness).astype(np.float32)


def features(clips: np.ndarray, config: FrontendConfig) -> np.ndarray:
    """(clips, mel bands, frames)."""
    return frontend.log_mel(tf.constant(clips), config).numpy()[..., 0]


# The reference: float64, one sum a bin, one triangle a band, from the definitions.


def reference_frames(clip: np.ndarray, config: FrontendConfig) -> np.ndarray:
    """The samples under the window of every frame, (frames, window)."""
    if config.padding == "causal":
        start_of_first = -config.window
    else:  # an FFT frame around t * hop, and the window in its middle
        start_of_first = -(config.fft_size // 2) + (config.fft_size - config.window) // 2
    steps = np.arange(config.clip_samples // config.hop + 1) * config.hop
    n = start_of_first + steps[:, None] + np.arange(config.window)
    if config.padding == "causal":
        return np.where(n < 0, 0.0, clip.astype(np.float64)[np.maximum(n, 0)])
    last = len(clip) - 1
    return clip.astype(np.float64)[last - np.abs(last - np.abs(n))]  # mirrored at both ends


def reference_triangles(config: FrontendConfig) -> np.ndarray:
    """(bins, bands): straight lines in Hz over corners that are equally far apart in mel."""

    def mel(hertz):
        return 2595.0 * np.log10(1.0 + hertz / 700.0)

    hertz = np.linspace(0.0, 10_000.0, 200_001)
    at = np.linspace(mel(config.low_hz), mel(config.high_hz), config.mel_bands + 2)
    corners = np.interp(at, mel(hertz), hertz)
    bins = np.arange(config.fft_size // 2 + 1) * config.sample_rate / config.fft_size
    return np.stack(
        [
            np.interp(bins, corners[band : band + 3], [0.0, 1.0, 0.0], left=0.0, right=0.0)
            for band in range(config.mel_bands)
        ],
        axis=1,
    )


def reference_log_mel(clip: np.ndarray, config: FrontendConfig) -> np.ndarray:
    """(mel bands, frames)."""
    n = np.arange(config.window)
    hann = np.sin(np.pi * n / config.window) ** 2
    k = np.arange(config.fft_size // 2 + 1)
    dft = np.exp(-2j * np.pi * np.outer(n, k) / config.fft_size)
    power = np.abs((reference_frames(clip, config) * hann) @ dft) ** 2
    return np.log(power @ reference_triangles(config) + config.log_offset).T


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_equals_the_reference(config):
    """Within 5e-5, a thousandth of an int8 step of such features (0.06 to 0.1)."""
    clips = noise(2, config)
    expected = np.stack([reference_log_mel(clip, config) for clip in clips])
    np.testing.assert_allclose(features(clips, config), expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("config", [CAUSAL, REFLECT], ids=["causal", "reflect"])
def test_equals_the_reference_where_bands_differ_by_orders_of_magnitude(config):
    """A loud tone: beside it float32 sums keep 1e-7 of its amplitude."""
    t = np.arange(config.clip_samples) / config.sample_rate
    clip = (0.9 * np.sin(2 * np.pi * 440.0 * t)).astype(np.float32)
    ours = features(clip[None], config)[0]
    np.testing.assert_allclose(ours, reference_log_mel(clip, config), rtol=0, atol=5e-3)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_shape_and_type(config):
    out = frontend.log_mel(tf.constant(noise(3, config)), config)
    assert out.shape == (3, *config.feature_shape)
    assert out.dtype == tf.float32


@pytest.mark.parametrize("padding", ["causal", "reflect"])
@pytest.mark.parametrize("clip_samples", [512, 513, 639, 640, 641, 1_000, 16_000, 16_159])
def test_as_many_frames_as_the_config_says(padding, clip_samples):
    config = FrontendConfig(clip_samples=clip_samples, padding=padding)
    assert features(noise(1, config), config).shape[-1] == config.num_frames


def test_clips_of_a_batch_do_not_meet():
    clips = noise(4)
    together = features(clips, CAUSAL)
    alone = np.concatenate([features(clip[None], CAUSAL) for clip in clips])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("config", [CAUSAL, REFLECT], ids=["causal", "reflect"])
def test_silence_is_the_logarithm_of_the_offset(config):
    """Finite, whatever comes in."""
    out = features(np.zeros((1, config.clip_samples), np.float32), config)
    np.testing.assert_allclose(out, np.log(1e-6), rtol=1e-6)


def test_twice_the_amplitude_is_log_4_more():
    clips = noise(1)
    louder = features(2 * clips, CAUSAL)[..., 3:]
    np.testing.assert_allclose(louder - features(clips, CAUSAL)[..., 3:], np.log(4), atol=2e-3)


def test_a_tone_is_loudest_in_the_band_around_it():
    t = np.arange(16_000) / 16_000
    centres = frontend.mel_to_hz(np.linspace(0.0, frontend.hz_to_mel(8_000.0), 42))[1:-1]
    chosen = [5, 12, 20, 30, 38]  # from where bands are wider than the window's main lobe
    tones = np.sin(2 * np.pi * centres[chosen, None] * t).astype(np.float32)
    assert features(tones, CAUSAL)[:, :, 50].argmax(axis=1).tolist() == chosen


@pytest.mark.parametrize("samples", [0, 15_999, 16_001, 32_000])
def test_refuses_clips_of_another_length(samples):
    with pytest.raises(ValueError, match=f"clips have {samples} samples, not 16000"):
        frontend.log_mel(tf.zeros([2, samples]), CAUSAL)


def test_works_in_a_graph_with_any_batch():
    signature = [tf.TensorSpec([None, CAUSAL.clip_samples], tf.float32)]
    graph = tf.function(lambda clips: frontend.log_mel(clips, CAUSAL), input_signature=signature)
    assert graph.get_concrete_function().structured_outputs.shape == (None, 40, 101, 1)
    for count in (1, 3):
        out = graph(noise(count)).numpy()[..., 0]
        np.testing.assert_allclose(out, features(noise(count), CAUSAL), rtol=0, atol=1e-5)


# Normalization


@pytest.mark.parametrize("padding", ["causal", "reflect"])
@pytest.mark.parametrize(("kind", "lam"), [("residual", 0.1), ("relaxed", 0.5), ("relaxed", 0.0)])
def test_normalized_equals_the_reference(padding, kind, lam):
    """Over all frames of the clip; band and window with the same epsilon."""
    clips = noise(2, CAUSAL)
    config = FrontendConfig(padding=padding, normalization=kind, norm_lambda=lam)
    x = np.stack([reference_log_mel(clip, config) for clip in clips])
    band = (x - x.mean(axis=2, keepdims=True)) / np.sqrt(x.var(axis=2, keepdims=True) + 1e-3)
    axes = (1, 2)
    whole = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-3)
    expected = lam * x + band if kind == "residual" else lam * whole + (1 - lam) * band
    np.testing.assert_allclose(features(clips, config), expected, rtol=0, atol=1e-4)


def test_a_louder_clip_is_the_same_to_rfn():
    """Where log_offset is far below the sound; frame 0, which is silence, falls behind."""
    config = FrontendConfig(normalization="relaxed", padding="reflect", log_offset=1e-12)
    clip = noise(1, config)
    np.testing.assert_allclose(
        features(10 * clip, config), features(clip, config), rtol=0, atol=2e-3
    )


def test_a_filter_is_the_same_to_instance_norm():
    """Two taps change the spectrum slowly, so each band has its gain and FreqIN takes it away."""
    config = FrontendConfig(
        normalization="residual", norm_lambda=0.0, padding="reflect", log_offset=1e-12
    )
    clip = noise(1, config)
    filtered = clip.copy()
    filtered[:, 1:] -= 0.9 * clip[:, :-1]  # 20 dB less at the lower end
    plain = dataclasses.replace(config, normalization="none", norm_lambda=None)
    apart = np.abs(features(filtered, plain) - features(clip, plain)).mean(axis=(0, 2))
    assert apart.max() > 3.0
    change = np.abs(features(filtered, config) - features(clip, config))
    assert change[:, 3:].mean() < 0.1


@pytest.mark.parametrize(("kind", "value"), [("residual", 0.1 * np.log(1e-6)), ("relaxed", 0.0)])
def test_normalized_silence_is_finite(kind, value):
    config = FrontendConfig(normalization=kind)
    out = features(np.zeros((1, 16_000), np.float32), config)
    np.testing.assert_allclose(out, value, atol=1e-3)


def test_bands_without_a_bin_are_silent():
    """256 mel bands of 512 points: the lowest are narrower than a bin, and stay finite."""
    config = FrontendConfig(mel_bands=256)
    empty = frontend.mel_matrix(config).max(axis=0) == 0
    assert empty.sum() > 10
    clips = noise(2, config)
    np.testing.assert_allclose(features(clips, config)[:, empty], np.log(1e-6), rtol=1e-6)
    normalized = features(clips, dataclasses.replace(config, normalization="relaxed"))
    assert np.isfinite(normalized).all() and np.abs(normalized).max() < 20


# What the two paddings promise


def changed_frames(config: FrontendConfig, n: int) -> set[int]:
    """Frames that differ in any bit when sample n of a clip is another one."""
    clip = noise(1, config)
    other = clip.copy()
    other[0, n] += 0.5
    return set(np.flatnonzero((features(clip, config) != features(other, config)).any(axis=(0, 1))))


@pytest.mark.parametrize("n", [0, 80, 1_599, 1_600, 1_601, 7_999, 8_000, 15_900])
def test_causal_frames_know_nothing_of_the_future(n):
    """Sample n is heard in the frames with n < t * hop < n + window, and in no earlier one."""
    frames = {t for t in range(101) if n < t * 160 < n + 480}
    assert changed_frames(CAUSAL, n) == frames


def test_the_first_causal_frame_is_before_the_sound():
    """Frame 0 ends where the clip begins: it holds zeros only."""
    np.testing.assert_allclose(features(noise(3), CAUSAL)[:, :, 0], np.log(1e-6), rtol=1e-6)


@pytest.mark.parametrize("config", [CAUSAL, ODD], ids=["even", "odd"])
@pytest.mark.parametrize("kind", ["none", "residual"])
def test_without_padding_the_frames_are_causal_ones_that_lie_within_the_clip(config, kind):
    within = dataclasses.replace(config, padding="none")
    first = within.warm_up
    assert (first - 1) * config.hop < config.window <= first * config.hop
    waves = noise(3, config)
    expected = frontend.log_mel(waves, config)[:, :, first:]
    if kind == "residual":
        within = dataclasses.replace(within, normalization="residual")
        expected = frontend.normalized(expected, within)
    got = frontend.log_mel(waves, within)
    assert got.shape[1:] == within.feature_shape
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_without_padding_a_clip_is_what_is_heard_all_the_time():
    """Normalized features of a clip do not depend on whether there was sound before it."""
    within = dataclasses.replace(CAUSAL, padding="none", normalization="residual")
    long = noise(1, dataclasses.replace(CAUSAL, clip_samples=32_000))
    later = dataclasses.replace(CAUSAL, clip_samples=32_000)
    heard = frontend.log_mel(long, later)[:, :, -within.num_frames :]
    expected = frontend.normalized(heard, within)
    np.testing.assert_allclose(frontend.log_mel(long[:, 16_000:], within), expected, atol=1e-5)


@pytest.mark.parametrize("n", [1_599, 1_600, 1_601, 7_999, 8_000])
def test_reflect_frames_hear_half_a_window_of_the_future(n):
    """Away from the borders: frame t covers t * hop - 240 to t * hop + 239."""
    frames = {t for t in range(101) if n - 240 < t * 160 < n + 240}
    assert changed_frames(REFLECT, n) == frames
    assert any(t * 160 <= n for t in frames)


def test_reflect_mirrors_both_ends():
    """The first frame of a clip is that of its mirror image around sample 0, and so the last."""
    clip = noise(1)[0]
    first, last = np.zeros_like(clip), np.zeros_like(clip)
    first[8_000 - 256 : 8_000 + 257] = np.concatenate([clip[256:0:-1], clip[:257]])
    end = np.concatenate([clip[-257:], clip[-2:-258:-1]])  # mirrored around sample 15,999
    last[7_999 - 256 : 7_999 + 257] = end
    ours = features(np.stack([clip, first, last]), REFLECT)
    np.testing.assert_allclose(ours[0, :, 0], ours[1, :, 50], rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours[0, :, 100], ours[2, :, 50], rtol=0, atol=1e-5)


def test_causal_is_reflect_half_a_window_late():
    """Causal frame t of a clip = reflect frame t of that clip delayed by 240 samples, bit for bit.

    For 240 <= t * hop <= clip - 240, where the reflect frame touches neither mirror image.
    """
    clip = noise(1)
    delayed = np.concatenate([np.zeros((1, 240), np.float32), clip[:, :-240]], axis=1)
    inner = [t for t in range(101) if 240 <= t * 160 <= 16_000 - 240]
    assert inner == list(range(2, 99))
    causal, reflect = features(clip, CAUSAL)[0], features(delayed, REFLECT)[0]
    np.testing.assert_array_equal(causal[:, inner], reflect[:, inner])


# Filters and window


def test_htk_scale():
    """1,000 Hz is 1,000 mel; both ways are each other's inverse."""
    assert frontend.hz_to_mel(0.0) == 0.0
    assert frontend.hz_to_mel(700.0) == pytest.approx(2595.0 * np.log10(2.0))
    assert frontend.hz_to_mel(1_000.0) == pytest.approx(1_000.0, abs=0.02)
    hertz = np.linspace(0.0, 8_000.0, 100)
    np.testing.assert_allclose(frontend.mel_to_hz(frontend.hz_to_mel(hertz)), hertz, atol=1e-9)


@pytest.mark.parametrize("config", [CAUSAL, ODD], ids=["default", "odd"])
def test_mel_matrix_equals_an_independent_formula(config):
    ours = frontend.mel_matrix(config)
    assert ours.shape == (config.fft_size // 2 + 1, config.mel_bands)
    np.testing.assert_allclose(ours, reference_triangles(config), rtol=0, atol=1e-6)


def test_every_filter_is_one_triangle():
    """It rises, then falls, is 0 outside its corners, and no filter is empty."""
    matrix = frontend.mel_matrix(CAUSAL)
    assert matrix.min() == 0.0 and matrix.max() <= 1.0
    assert (matrix.max(axis=0) > 0.5).all()
    for column in matrix.T:
        (inside,) = np.nonzero(column)
        assert (np.diff(inside) == 1).all()
        top = column.argmax()
        assert (np.diff(column[: top + 1]) >= 0).all()
        assert (np.diff(column[top:]) <= 0).all()


def test_neighbours_sum_to_one():
    """Between the first and the last centre no energy is lost: slopes share their corners."""
    centres = frontend.mel_to_hz(np.linspace(0.0, frontend.hz_to_mel(8_000.0), 42))[1:-1]
    bins = np.arange(257) * 31.25
    between = (bins >= centres[0]) & (bins <= centres[-1])
    np.testing.assert_allclose(frontend.mel_matrix(CAUSAL)[between].sum(axis=1), 1.0, atol=1e-12)


def test_peaks_are_1_at_the_htk_centres_and_edges_are_0():
    """Seen with bins of half a hertz."""
    fine = FrontendConfig(clip_samples=32_000, fft_size=32_000)
    matrix = frontend.mel_matrix(fine)
    corners = 700.0 * (10.0 ** (np.linspace(0.0, 2840.0230467, 42) / 2595.0) - 1.0)
    np.testing.assert_allclose(matrix.argmax(axis=0) / 2, corners[1:-1], atol=0.26)
    np.testing.assert_allclose(matrix.max(axis=0), 1.0, atol=0.01)
    heard = [np.flatnonzero(column)[[0, -1]] / 2 for column in matrix.T]
    np.testing.assert_allclose([low for low, _ in heard], corners[:-2], atol=0.51)
    np.testing.assert_allclose([high for _, high in heard], corners[2:], atol=0.51)


def test_the_window_is_a_periodic_hann():
    """Two of them half a window apart sum to 1; a symmetric one would not."""
    window = frontend.hann_window(CAUSAL)
    assert window.shape == (480,)
    assert window[0] == 0.0 and window[240] == 1.0
    np.testing.assert_allclose(window[:240] + window[240:], 1.0, atol=1e-15)
    np.testing.assert_allclose(window[1:], window[:0:-1], atol=1e-15)


@pytest.mark.optional
def test_reflect_equals_torch_stft():
    """The published features are torchaudio's, which are torch.stft and a matrix."""
    torch = pytest.importorskip("torch")
    clips = noise(2)
    window = torch.hann_window(480, periodic=True)
    arguments = {"hop_length": 160, "win_length": 480, "window": window, "center": True}
    spectrum = torch.stft(
        torch.from_numpy(clips), 512, pad_mode="reflect", return_complex=True, **arguments
    )
    mel = torch.from_numpy(reference_triangles(REFLECT).T).float() @ spectrum.abs() ** 2
    expected = torch.log(mel + 1e-6).numpy()
    np.testing.assert_allclose(features(clips, REFLECT), expected, rtol=0, atol=5e-5)
