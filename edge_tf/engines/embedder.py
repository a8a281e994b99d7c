"""Sound to embeddings in Python, as embedder.c computes them."""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

import tflite_model
from edge_tf import run_dir, tflite_runtime
from edge_tf.audio.fixed_point import FrameStream
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines import streaming
from edge_tf.engines.streaming import FrameByFrame
from firmware_export.runtime.detector import frames_between

Heard = tuple[np.ndarray, np.ndarray | None]
"""A frame, (bands,) int8, and the embedding of the window that ends with it, if it was computed."""


class Embedder(Protocol):
    """Sound in blocks to embeddings.

    Attributes:
      frames: from one embedding to the next.
    """

    @property
    def frames(self) -> int: ...

    def reset(self) -> None:
        """Starts over, as after silence."""
        ...

    def push(self, pcm: np.ndarray) -> Iterator[Heard]:
        """Takes (n,) int16 samples; gives the frames that they complete."""
        ...


class StreamEmbedder:
    """The streaming form: an embedding per frame, once a whole window has passed.

    Args:
      frontend: causal, without normalization.
      scale, zero_point: of the network's input.
      network: in the streaming form, on int8.
    """

    frames = 1

    def __init__(
        self, frontend: FrontendConfig, scale: float, zero_point: int, network: FrameByFrame
    ) -> None:
        self._frontend, self._network = frontend, network
        self._features = FrameStream(frontend, scale, zero_point)
        self.reset()

    def reset(self) -> None:
        """Starts over, as after silence."""
        self._features.reset()
        self._network.reset()
        self._missing = self._frontend.warm_up + self._frontend.num_frames

    def push(self, pcm: np.ndarray) -> Iterator[Heard]:
        """Takes (n,) int16 samples; gives the frames that they complete."""
        for frame in self._features.push(pcm):
            embedding = self._network.push(frame[np.newaxis])[0]
            self._missing = max(0, self._missing - 1)
            yield frame, None if self._missing else embedding


class WindowEmbedder:
    """The form for whole windows, run some ten times a second.

    Args:
      frontend: causal, without normalization.
      scale, zero_point: of the network's input.
      network: maps (1, bands, frames, 1) int8 to (size,) int8.
      frames: from one inference to the next.
    """

    def __init__(
        self,
        frontend: FrontendConfig,
        scale: float,
        zero_point: int,
        network: Callable[[np.ndarray], np.ndarray],
        frames: int,
    ) -> None:
        self._frontend, self._network, self.frames = frontend, network, frames
        self._features = FrameStream(frontend, scale, zero_point)
        self.reset()

    def reset(self) -> None:
        """Starts over, as after silence."""
        self._features.reset()
        self._window: list[np.ndarray] = []
        self._missing = self._frontend.warm_up + self._frontend.num_frames
        self._waited = 0

    def push(self, pcm: np.ndarray) -> Iterator[Heard]:
        """Takes (n,) int16 samples; gives the frames that they complete."""
        for frame in self._features.push(pcm):
            self._window = [*self._window[-self._frontend.num_frames + 1 :], frame]
            self._missing = max(0, self._missing - 1)
            self._waited += 1
            if self._waited < self.frames or self._missing:
                yield frame, None
                continue
            self._waited = 0
            yield frame, self._network(np.stack(self._window, axis=1)[np.newaxis, ..., np.newaxis])


def of_run(run: run_dir.RunDirectory, frames: int | None = None) -> Embedder:
    """That of a run's int8 network, in the form it was trained for; LiteRT's reference kernels.

    Args:
      run: converted.
      frames: from one inference of a whole window to the next; None: ten a second.

    Raises:
      UserError: a file of the run is missing or damaged.
    """
    frontend = run.frontend()
    path = run.require_int8() if run.lookahead() is None else run.require_streaming()
    model = path.read_bytes()
    given = tflite_model.parse(model, str(path)).inputs[0]
    scale, zero_point = given.scales[0], given.zero_points[0]
    if run.lookahead() is not None:
        return StreamEmbedder(frontend, scale, zero_point, streaming.litert_frames(model))
    made = tflite_runtime.interpreter(model, "reference")

    def network(window: np.ndarray) -> np.ndarray:
        made.set_tensor(made.get_input_details()[0]["index"], window)
        made.invoke()
        embedding: np.ndarray = made.get_tensor(made.get_output_details()[0]["index"])[0]
        return embedding

    frames = frames or frames_between(frontend.sample_rate, frontend.hop)
    return WindowEmbedder(frontend, scale, zero_point, network, frames)
