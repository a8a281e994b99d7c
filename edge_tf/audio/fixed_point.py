"""The front-end as a microcontroller computes it: integers only, bit-exact with frontend.c.

The C is generated from firmware_export/templates/runtime; both use firmware_export.frontend.tables,
which also defines the number formats. Here each step processes a block of frames at once; the C
processes one frame at a time.
"""

import itertools

import numpy as np

from edge_tf.audio import fixed_normalization
from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.frontend import tables
from firmware_export.frontend.normalization import MAX_LEVEL

_BLOCK = 1 << 17  # FFT samples processed together: they fit in the cache


def log_mel(clips: np.ndarray, config: FrontendConfig, scale: float, zero_point: int) -> np.ndarray:
    """int8 log-mel features of whole clips, normalized and quantized as a model's input.

    Args:
      clips: (n, clip_samples) int16.
      config: the front-end; padding must not be reflect and fft_size a power of two.
      scale: input scale of the model.
      zero_point: input zero point of the model.

    Returns:
      (n, mel_bands, num_frames, 1) int8.

    Raises:
      ValueError: the clips have the wrong length or type.
      ExportError: a device cannot compute such features.
    """
    made = tables.make(config.to_dict(), scale, zero_point)
    if clips.dtype != np.int16 or clips.ndim != 2 or clips.shape[1] != config.clip_samples:
        raise ValueError(
            f"clips are {clips.dtype} {clips.shape}, not int16 (n, {config.clip_samples})"
        )
    kind = np.int8 if made.normalization is None else np.uint16
    features = np.empty((len(clips), config.num_frames, config.mel_bands), kind)
    frames = features.reshape(-1, config.mel_bands)
    step = max(1, _BLOCK // config.fft_size)
    for start in range(0, len(frames), step):
        index = np.arange(start, min(start + step, len(frames)))
        frames[index] = _features(_windows(clips, index, made), made)
    if made.normalization is not None:
        windows = [fixed_normalization.normalized(clip, made.normalization) for clip in features]
        features = np.array(windows, np.int8).reshape(features.shape)
    return features.transpose(0, 2, 1)[..., np.newaxis]


def _windows(clips: np.ndarray, index: np.ndarray, made: tables.Tables) -> np.ndarray:
    """Samples in the windows of frames, (window, frames) int64; zeros precede a clip.

    Args:
      clips: (n, clip_samples) int16.
      index: (frames,) clip * frames of a clip + frame.
      made: the tables.
    """
    clip, frame = np.divmod(index, made.config.frames)
    end = (frame + made.config.warm_up) * made.config.hop
    n = np.arange(-made.config.window, 0)[:, np.newaxis] + end
    return np.where(n < 0, 0, clips[clip, np.maximum(n, 0)]).astype(np.int64)


def _features(pcm: np.ndarray, made: tables.Tables) -> np.ndarray:
    """(window, frames) int64 samples to (frames, mel_bands) int8, or uint16 levels."""
    used = np.bitwise_or.reduce(pcm ^ (pcm >> 15), axis=0)
    gain_bits = np.minimum(15 - _bit_length(used), made.max_gain_bits)
    power = _power_spectrum(*_fft(*_load(pcm << gain_bits, made), made), made)
    energies = _mel(power, made) + (made.offset >> (2 * (made.max_gain_bits - gain_bits)))
    log2 = _log2(np.maximum(energies, 1), made) - ((2 * gain_bits) << tables.LOG2_BITS)
    norm = made.normalization
    if norm is not None:
        levels = (log2 + norm.level_bias) >> (tables.LOG2_BITS - norm.level_bits)
        return np.clip(levels, 0, MAX_LEVEL).astype(np.uint16).T
    steps = (log2 * made.step + made.bias) >> (tables.LOG2_BITS + tables.STEP_BITS)
    return np.clip(steps, -128, 127).astype(np.int8).T


def _load(pcm: np.ndarray, made: tables.Tables) -> tuple[np.ndarray, np.ndarray]:
    """Windowed samples, pairs of them as complex numbers in bit-reversed order.

    Returns real and imaginary parts, each (fft_size // 2, frames).
    """
    window, points = made.config.window, made.config.fft_size // 2
    n = np.arange(window)
    hann = made.hann[np.minimum(n, window - n)].astype(np.int64)
    samples = np.zeros((2 * points, pcm.shape[1]), np.int64)
    samples[:window] = (pcm * hann[:, np.newaxis]) >> 16
    bits = points.bit_length() - 1
    order = [int(f"{k:0{bits}b}"[::-1], 2) for k in range(points)]
    return samples[0::2][order], samples[1::2][order]


def _fft(re: np.ndarray, im: np.ndarray, made: tables.Tables) -> tuple[np.ndarray, np.ndarray]:
    """FFT of (points, frames) complex numbers in bit-reversed order, divided by points."""
    points, frames = re.shape
    re, im = _fft_of_four(re >> 2, im >> 2)
    half = 4
    while half < points:
        cosine, sine = _factors(half, made)
        re, im = re.reshape(-1, 2, half, frames), im.reshape(-1, 2, half, frames)
        turned_re, turned_im = _half_turned(re[:, 1], im[:, 1], cosine, sine)
        half_re, half_im = re[:, 0] >> 1, im[:, 0] >> 1
        re = np.stack([half_re + turned_re, half_re - turned_re], axis=1).reshape(points, frames)
        im = np.stack([half_im + turned_im, half_im - turned_im], axis=1).reshape(points, frames)
        half *= 2
    return re, im


def _factors(half: int, made: tables.Tables) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of 0 to (half - 1) / half of half a turn, each (half, 1) int64."""
    quarter = made.config.fft_size // 4
    k = np.arange(half // 2) * (2 * quarter // half)
    cosine, sine = made.sine[quarter - k].astype(np.int64), made.sine[k].astype(np.int64)
    turn = np.concatenate([cosine, -sine]), np.concatenate([sine, cosine])
    return turn[0][:, np.newaxis], turn[1][:, np.newaxis]


def _fft_of_four(re: np.ndarray, im: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two stages, on every four consecutive points: their factors are 1 and -i."""
    re, im = re.reshape(-1, 4, re.shape[1]), im.reshape(-1, 4, im.shape[1])
    sum_re, sum_im = re[:, 0::2] + re[:, 1::2], im[:, 0::2] + im[:, 1::2]
    dif_re, dif_im = re[:, 0::2] - re[:, 1::2], im[:, 0::2] - im[:, 1::2]
    out_re = [
        sum_re[:, 0] + sum_re[:, 1],
        dif_re[:, 0] + dif_im[:, 1],
        sum_re[:, 0] - sum_re[:, 1],
        dif_re[:, 0] - dif_im[:, 1],
    ]
    out_im = [
        sum_im[:, 0] + sum_im[:, 1],
        dif_im[:, 0] - dif_re[:, 1],
        sum_im[:, 0] - sum_im[:, 1],
        dif_im[:, 0] + dif_re[:, 1],
    ]
    shape = (-1, re.shape[2])
    return np.stack(out_re, axis=1).reshape(shape), np.stack(out_im, axis=1).reshape(shape)


def _half_turned(
    re: np.ndarray, im: np.ndarray, cosine: np.ndarray, sine: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Half of (re + i im) * (cosine - i sine)."""
    turned_re = ((re * cosine) >> 32) + ((im * sine) >> 32)
    return turned_re, ((im * cosine) >> 32) - ((re * sine) >> 32)


def _power_spectrum(re: np.ndarray, im: np.ndarray, made: tables.Tables) -> np.ndarray:
    """From the FFT of sample pairs to the power of the samples, (fft_size // 2 + 1, frames)."""
    points, frames = re.shape
    power = np.empty((points + 1, frames), np.int64)
    power[0] = (re[0] + im[0]) ** 2
    power[points] = (re[0] - im[0]) ** 2
    k = np.arange(1, points // 2 + 1)
    a_re, a_im, b_re, b_im = re[k], im[k], re[points - k], im[points - k]
    even_re, even_im = (a_re + b_re) >> 1, (a_im - b_im) >> 1
    cosine, sine = (made.sine[at, np.newaxis].astype(np.int64) for at in (points // 2 - k, k))
    odd_re, odd_im = _half_turned(a_im + b_im, b_re - a_re, cosine, sine)
    power[points - k] = (even_re - odd_re) ** 2 + (even_im - odd_im) ** 2
    power[k] = (even_re + odd_re) ** 2 + (even_im + odd_im) ** 2
    return power


def _mel(power: np.ndarray, made: tables.Tables) -> np.ndarray:
    """(bins, frames) to (mel_bands, frames)."""
    power = power[: len(made.rising)]
    weight = made.rising.astype(np.int64)[:, np.newaxis]
    # The product has 76 bits, so the upper and the lower 32 bits are multiplied separately.
    rising = (((power >> 32) * weight) << 16) + (((power & 0xFFFFFFFF) * weight) >> 16)
    all_of = _sums(power, made.first_bin)
    risen = _sums(rising, made.first_bin)
    return risen[:-1] + all_of[1:] - risen[1:]


def _sums(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Sums of values[first[i] : first[i + 1]], (len(first) - 1, frames)."""
    return np.stack([values[a:b].sum(axis=0) for a, b in itertools.pairwise(first.tolist())])


def _log2(values: np.ndarray, made: tables.Tables) -> np.ndarray:
    """log2 of int64 numbers above 0, with LOG2_BITS fraction bits, piecewise linear."""
    length = _bit_length(values)
    digits = (values << (63 - length)) & (2**62 - 1)
    fraction = digits >> (62 - tables.LOG2_BITS)
    segment = fraction >> tables.SEGMENT_BITS
    rest = fraction & ((1 << tables.SEGMENT_BITS) - 1)
    bulge = made.log2_bulge.astype(np.int64)
    slope = bulge[segment + 1] - bulge[segment]
    straight = ((length - 1) << tables.LOG2_BITS) + fraction
    return straight + bulge[segment] + ((slope * rest) >> tables.SEGMENT_BITS)


def _bit_length(values: np.ndarray) -> np.ndarray:
    """Bits of non-negative int64 numbers; in halves, since float64 is exact to 53 bits only."""
    low, high = np.frexp(values & 0xFFFFFFFF)[1], np.frexp(values >> 32)[1]
    return np.where(high > 0, high + 32, low).astype(np.int64)


class FrameStream:
    """Features of sound that arrives in blocks of any size, as frontend.c computes them.

    Args:
      config, scale, zero_point: as for `log_mel`.

    Raises:
      ExportError: a device cannot compute such features, or they are normalized.
    """

    def __init__(self, config: FrontendConfig, scale: float, zero_point: int) -> None:
        self._made = tables.make(config.to_dict(), scale, zero_point)
        self._made.config.check_streaming()
        self.reset()

    def reset(self) -> None:
        """Resets the state to that after silence."""
        self._samples = np.zeros(self._made.config.window, np.int16)

    def push(self, pcm: np.ndarray) -> np.ndarray:
        """Accepts (n,) int16 samples, n at least 0; returns the frames that they complete.

        Frame t ends with sample t * hop, so frame 0, which is silence, comes with the first call.

        Returns:
          (frames, mel_bands) int8.
        """
        window, hop = self._made.config.window, self._made.config.hop
        samples = np.concatenate([self._samples, pcm])
        count = max(0, (len(samples) - window) // hop + 1)
        self._samples = samples[count * hop :]
        frames = np.empty((count, self._made.config.mel_bands), np.int8)
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
            step = max(1, _BLOCK // self._made.config.fft_size)
            for at in range(0, count, step):
                block = windows[at : min(at + step, count)]
                frames[at : at + len(block)] = _features(block.T.astype(np.int64), self._made)
        return frames
