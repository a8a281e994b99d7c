"""The front-end as a TensorFlow graph: waveforms to log-mel features, optionally normalized."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_tf import instance_statistics
from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.frontend.normalization import EPSILON


def hz_to_mel(hz: npt.ArrayLike) -> np.ndarray:
    """HTK mel scale."""
    return 2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0)


def mel_to_hz(mel: npt.ArrayLike) -> np.ndarray:
    """Inverse of hz_to_mel."""
    return 700.0 * (10.0 ** (np.asarray(mel, np.float64) / 2595.0) - 1.0)


def mel_matrix(config: FrontendConfig) -> np.ndarray:
    """Triangular filters, (fft_size // 2 + 1, mel_bands) float64, peak 1, no area normalization.

    Corners are equally spaced in HTK mel; slopes are linear in Hz.
    """
    bins = np.linspace(0.0, config.sample_rate / 2, config.fft_size // 2 + 1)
    corners = mel_to_hz(
        np.linspace(hz_to_mel(config.low_hz), hz_to_mel(config.high_hz), config.mel_bands + 2)
    )
    widths = np.diff(corners)
    slopes = corners[None, :] - bins[:, None]
    rising = -slopes[:, :-2] / widths[:-1]
    falling = slopes[:, 2:] / widths[1:]
    return np.maximum(0.0, np.minimum(rising, falling))


def hann_window(config: FrontendConfig) -> np.ndarray:
    """Periodic Hann window, (window,) float64."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(config.window) / config.window)


def log_mel(waveforms: tf.Tensor, config: FrontendConfig) -> tf.Tensor:
    """Log-mel features of whole clips.

    Args:
      waveforms: (batch, clip_samples) float32 in [-1, 1].
      config: the front-end.

    Returns:
      (batch, mel_bands, num_frames, 1) float32.

    Raises:
      ValueError: the clips have the wrong length.
    """
    if waveforms.shape[-1] != config.clip_samples:
        raise ValueError(f"clips have {waveforms.shape[-1]} samples, not {config.clip_samples}")
    if config.padding == "reflect":
        side = config.fft_size // 2
        padded = tf.pad(waveforms, [[0, 0], [side, side]], mode="REFLECT")
        margin = (config.fft_size - config.window) // 2
        padded = padded[:, margin : padded.shape[1] - margin]
    elif config.padding == "causal":
        padded = tf.pad(waveforms, [[0, 0], [config.window, 0]])
    else:
        padded = waveforms[:, config.warm_up * config.hop - config.window :]
    frames = tf.signal.frame(padded, config.window, config.hop)[:, : config.num_frames]
    frames *= tf.constant(hann_window(config), tf.float32)
    # The window's position in the FFT frame changes only phases, which the power ignores.
    spectrum = tf.signal.rfft(frames, [config.fft_size])
    power = tf.math.square(tf.math.real(spectrum)) + tf.math.square(tf.math.imag(spectrum))
    mel = tf.matmul(power, tf.constant(mel_matrix(config), tf.float32))
    features = tf.math.log(mel + config.log_offset)
    return normalized(tf.transpose(features, [0, 2, 1])[..., tf.newaxis], config)


def normalized(features: tf.Tensor, config: FrontendConfig) -> tf.Tensor:
    """Last step of log_mel: features normalized by statistics of their clip, if configured.

    Args:
      features: (batch, mel_bands, num_frames, 1) float32, plain log-mel.
      config: the front-end.

    Returns:
      The same shape.
    """
    if config.norm_lambda is None:
        return features
    if config.normalization == "residual":
        return instance_statistics.residual_norm(features, config.norm_lambda, EPSILON)
    return instance_statistics.relaxed_norm(features, config.norm_lambda, EPSILON)
