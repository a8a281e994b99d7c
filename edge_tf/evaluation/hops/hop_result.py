"""The outputs of one engine, for the hop table and predictions.npz."""

from dataclasses import dataclass

import numpy as np

from edge_tf.engines.base import STARTS, Start
from edge_tf.evaluation import metrics


@dataclass(frozen=True, eq=False, kw_only=True)
class HopResult:
    """The outputs of one engine.

    Attributes:
      name: display name, unique within a table: "TFLite Micro".
      engine: identifier of the engine: "tflite_micro". It identifies the bit reference.
      start: input of the engine, "features" or "waveform".
      outputs: logits [N, C], float, or int8 with `scale` and `zero_point`; None if unavailable.
      unavailable: why there are no outputs, a message for the user; empty if there are outputs.
      scale: step of int8 outputs: real = scale * (int8 - zero_point). None for float.
      zero_point: int8 value of real zero. None for float.
      seconds_per_inference: median over clips; None if not measured.
      are_shifted: outputs are logarithms of scores: logits up to a constant per clip, and not on
        the grid of any other hop.
      bit_exact: this engine must match the bytes of the bit reference.
      compare_to: name of the hop to compare outputs with, if not the table's bit reference.
      clip_indices: [N] ascending indices of the clips that were run, for an engine too slow for all
        (an emulated board); None if all were run.

    Raises:
      ValueError: the fields contradict each other.
    """

    name: str
    engine: str
    start: Start = "features"
    outputs: metrics.Array | None = None
    unavailable: str = ""
    scale: float | None = None
    zero_point: int | None = None
    seconds_per_inference: float | None = None
    are_shifted: bool = False
    bit_exact: bool = False
    compare_to: str = ""
    clip_indices: metrics.Ints | None = None

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise ValueError(
                f"hop '{self.name}': start must be one of {STARTS}, not '{self.start}'"
            )
        if (self.outputs is None) != bool(self.unavailable):
            raise ValueError(
                f"hop '{self.name}' needs either outputs or the reason why it has none"
            )
        if self.outputs is None:
            return
        if self.outputs.ndim != 2 or not self.outputs.size:
            raise ValueError(f"hop '{self.name}': outputs have shape {self.outputs.shape}")
        if self.outputs.dtype == np.int8:
            if self.scale is None or self.zero_point is None:
                raise ValueError(f"hop '{self.name}': int8 outputs need scale and zero_point")
            metrics.dequantize(self.outputs[:0], self.scale, self.zero_point)
        elif not np.issubdtype(self.outputs.dtype, np.floating):
            raise ValueError(
                f"hop '{self.name}': outputs are {self.outputs.dtype}, not int8 or float"
            )
        elif self.bit_exact:
            raise ValueError(f"hop '{self.name}' must be bit-exact, but its outputs are float")
        picked = self.clip_indices
        if picked is not None and (
            picked.shape != (len(self.outputs),) or picked[0] < 0 or np.any(np.diff(picked) <= 0)
        ):
            raise ValueError(f"hop '{self.name}': clip_indices must be [N], distinct and ascending")

    @property
    def clips(self) -> int:
        """Number of clips that were run; 0 if unavailable."""
        return 0 if self.outputs is None else len(self.outputs)

    @property
    def is_partial(self) -> bool:
        """Whether only some clips were run."""
        return self.clip_indices is not None

    @property
    def is_int8(self) -> bool:
        """Whether there are outputs and they are int8."""
        return self.outputs is not None and self.outputs.dtype == np.int8

    def which_clips(self) -> metrics.Ints:
        """Indices [N] of the clips that were run."""
        if self.clip_indices is not None:
            return self.clip_indices
        return np.arange(self.clips, dtype=np.int64)

    def same_grid(self, other: "HopResult") -> bool:
        """Whether both map int8 to the same real numbers; scales are compared as float32."""
        return self.zero_point == other.zero_point and np.float32(self.scale or 0) == np.float32(
            other.scale or 0
        )

    def real_outputs(self) -> metrics.Floats:
        """Logits [N, C] as real numbers. Raises ValueError if unavailable."""
        if self.outputs is None:
            raise ValueError(f"hop '{self.name}' is not available: {self.unavailable}")
        if self.scale is None or self.zero_point is None or not self.is_int8:
            return self.outputs.astype(np.float64)
        return metrics.dequantize(self.outputs, self.scale, self.zero_point)
