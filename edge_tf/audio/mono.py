"""Decoded sound to what a model hears: one channel of 16-bit samples at its rate."""

from collections.abc import Iterator

import numpy as np

from edge_tf.audio.decoding import Decoder
from edge_tf.audio.resampling import Resampler

# Each reads well after "12 of 800 clips" and after the name of one.
RESAMPLED = "resampled"
DOWNMIXED = "down-mixed to mono"
CANCELLING = "had channels that cancel out: one of them was used"
CLIPPED = "went beyond full scale: clipped"
NO_NUMBERS = "had values that are no numbers: made 0"

_AUDIBLE = 2.0**-26  # mean square: 4 steps of 16 bits
_CANCELLED = 0.01  # of the power of the loudest channel: 10 % apart, inverted
_LOUDEST = 1e6  # of full scale: more overflows on the way
_MOST_CLIPPED = 1e-3  # of all samples; a coder's overshoot is less


def samples(decoder: Decoder, sample_rate: int) -> Iterator[np.ndarray]:
    """Sound at `sample_rate` Hz, piece by piece.

    Channels are averaged, unless that leaves silence; other rates are resampled; what is beyond
    full scale is clipped. Adds to the decoder's notes.

    Yields:
      (n,) int16; n may be 0.

    Raises:
      UserError: the sound is damaged further on.
    """
    notes, resampler = decoder.notes, None
    if decoder.sample_rate != sample_rate:
        resampler = Resampler(decoder.sample_rate, sample_rate)
        notes.append(RESAMPLED)
    if decoder.channels > 1:
        notes.append(DOWNMIXED)
    downmix = _Downmix(notes)
    heard = clipped = 0
    for piece in decoder.pieces:
        if piece.dtype == np.int16 and decoder.channels == 1 and resampler is None:
            yield piece[:, 0]
            continue
        real = piece / 32768.0 if piece.dtype == np.int16 else _finite(piece, notes)
        one = downmix.push(real)
        heard += len(one)
        clipped += np.count_nonzero(np.abs(one) > 1.0)
        yield _to_int16(resampler.push(one) if resampler else one)
    if resampler:
        yield _to_int16(resampler.finish())
    if clipped > _MOST_CLIPPED * heard:
        notes.append(CLIPPED)


class _Downmix:
    """Averages channels; if that cancels the first audible piece, uses the loudest channel."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._is_decided = False
        self._channel: int | None = None

    def push(self, piece: np.ndarray) -> np.ndarray:
        """(n, channels) to (n,)."""
        if piece.shape[1] == 1:
            return piece[:, 0]
        mean = piece.mean(axis=1)
        if not self._is_decided:
            power = np.square(piece).mean(axis=0)
            self._is_decided = bool(power.max() > _AUDIBLE)
            if self._is_decided and np.square(mean).mean() < _CANCELLED * power.max():
                self._channel = int(power.argmax())
                self._notes.append(CANCELLING)
        return mean if self._channel is None else piece[:, self._channel]


def _finite(piece: np.ndarray, notes: list[str]) -> np.ndarray:
    """NaN becomes 0, infinity full scale."""
    if np.abs(piece).max() <= _LOUDEST:  # false for NaN
        return piece
    if np.isnan(piece).any() and NO_NUMBERS not in notes:
        notes.append(NO_NUMBERS)
    return np.clip(np.nan_to_num(piece, nan=0.0, posinf=1.0, neginf=-1.0), -_LOUDEST, _LOUDEST)


def _to_int16(real: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(real * 32768.0), -32768, 32767).astype(np.int16)
