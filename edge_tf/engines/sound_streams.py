"""Samples in, decisions out, frame by frame: front-end, streaming network and detector."""

import contextlib
import dataclasses
import subprocess
from collections.abc import Sequence
from typing import Protocol

import numpy as np

import tflite_model
from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.tflite_runtime import quantize
from firmware_export import children
from firmware_export.boards import programs
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import Detector, DetectorConfig
from firmware_export.runtime.second_stage import (
    REJECTED,
    FrameByFrame,
    Second,
    SecondStage,
    feature_table,
)
from firmware_export.standalone.spotting import Spotting


@dataclasses.dataclass(frozen=True)
class StreamResult:
    """Results for the frames of a block.

    Attributes:
      logits: int8 [frames, classes].
      detected: int [frames], a class or -1; -1 until a whole window has passed.
      scores: int [frames], score of the best class, 0 to detector.ONE.
    """

    logits: np.ndarray
    detected: np.ndarray
    scores: np.ndarray


class SoundStream(Protocol):
    """Processes audio block by block."""

    def push(self, pcm: np.ndarray) -> StreamResult:
        """Accepts (n,) int16 samples; returns the results of the frames that they complete."""
        ...

    def restart(self) -> None:
        """Forgets all sound."""
        ...

    def close(self) -> None: ...


class PythonStream:
    """Integer front-end and detector in Python, around any network.

    Args:
      frames: the network.
      model: the .tflite of the streaming form, which has the scales of features and logits.
      frontend, detector, labels: of the run.
      is_float: inputs and outputs of the network are real numbers; its logits are rounded to int8
        for the detector.
      second: stage of the detector; None: each hit is a detection.
    """

    def __init__(
        self,
        frames: FrameByFrame,
        model: bytes,
        frontend: FrontendConfig,
        detector: DetectorConfig,
        labels: Sequence[str],
        is_float: bool,
        second: SecondStage | None = None,
    ) -> None:
        info = tflite_model.parse(model, "the streaming model")
        self._in, self._out = info.inputs[0], info.outputs[0]
        self._frames, self._is_float = frames, is_float
        self._config = frontend
        self._detector = Detector(detector, labels, self._out.scales[0])
        self._classes = len(labels)
        self._second = second
        self.restart()

    def restart(self) -> None:
        scale, zero_point = self._in.scales[0], self._in.zero_points[0]
        self._frontend = fixed_point.FrameStream(self._config, scale, zero_point)
        self._frames.reset()
        self._detector.reset()
        if self._second is not None:
            self._second.reset()
        self._missing = self._config.num_frames - 1

    def push(self, pcm: np.ndarray) -> StreamResult:
        features = self._frontend.push(pcm)
        if not len(features):
            empty = np.zeros(0, np.int64)
            return StreamResult(np.zeros((0, self._classes), np.int8), empty, empty)
        logits = self._logits(features)
        decisions = np.array(
            [self._decide(frame, row) for frame, row in zip(features, logits, strict=True)]
        )
        return StreamResult(logits, decisions[:, 0], decisions[:, 1])

    def _decide(self, frame: np.ndarray, logits: np.ndarray) -> tuple[int, int]:
        """Decision of one frame; the detector starts after the first whole window."""
        hit, score = -1, 0
        if self._missing:
            self._missing -= 1
        else:
            hit, score = self._detector.push(logits)
        if self._second is None:
            return hit, score
        found, confirmed = self._second.push(frame, hit)
        if found == REJECTED:
            self._detector.resume()
        return (found, confirmed) if found >= 0 else (-1, score)

    def _logits(self, features: np.ndarray) -> np.ndarray:
        if not self._is_float:
            return self._frames.push(features)
        zero_point = np.float32(self._in.zero_points[0])
        real = (features.astype(np.float32) - zero_point) * np.float32(self._in.scales[0])
        return quantize(self._frames.push(real), self._out.scales[0], self._out.zero_points[0])

    def close(self) -> None:
        pass


def second_stage(
    second: Second, network: FrameByFrame, model: bytes, frontend: FrontendConfig
) -> SecondStage:
    """A second stage in Python.

    Args:
      second: its model and settings.
      network: runs that model, frame by frame, on int8.
      model: .tflite file of the first stage's streaming form.
      frontend: of both.
    """
    given = tflite_model.parse(model, "the streaming model").inputs[0]
    info = tflite_model.parse(second.model, second.name)
    own, scale = info.inputs[0], info.outputs[0].scales[0]
    table = feature_table(given.scales[0], given.zero_points[0], own.scales[0], own.zero_points[0])
    return SecondStage(second.config, network, table, scale, frontend.num_frames)


class CStream:
    """The exported C as one program on this machine, fed through a pipe.

    Args:
      model: the .tflite of the streaming form.
      spotting: labels, front-end and detector.

    Raises:
      ExportError: it cannot be compiled here; the message names what is missing.
    """

    def __init__(self, model: bytes, spotting: Spotting) -> None:
        with contextlib.ExitStack() as ends:
            folder = ends.enter_context(children.folder())
            self._program = programs.build_stream(model, folder, spotting).elf
            self._start()
            ends.callback(self._end)
            self._ends = ends.pop_all()
        self._frame_period = int(spotting.frontend["hop"])
        self._record = np.dtype(
            [("logits", "i1", (len(spotting.labels),)), ("detected", "<i2"), ("score", "<u2")]
        )

    def restart(self) -> None:
        self._end()
        self._start()

    def _start(self) -> None:
        self._running = contextlib.ExitStack()
        command = [str(self._program)]
        self._process = self._running.enter_context(
            children.process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        self._samples = self._read = 0

    def _end(self) -> None:
        with self._running:
            self._process.communicate()

    def push(self, pcm: np.ndarray) -> StreamResult:
        assert self._process.stdin is not None and self._process.stdout is not None
        parts = []
        # The program's answers to a piece fit into the pipe's buffer, so there is no deadlock.
        for at in range(0, len(pcm), _PIECE):
            piece = pcm[at : at + _PIECE]
            try:
                self._process.stdin.write(piece.astype("<i2").tobytes())
                self._process.stdin.flush()
            except BrokenPipeError:
                raise self._ended() from None
            parts.append(self._answers(len(piece)))
        records = np.concatenate([*parts, np.zeros(0, self._record)])
        return StreamResult(
            records["logits"], records["detected"].astype(int), records["score"].astype(int)
        )

    def _answers(self, samples: int) -> np.ndarray:
        self._samples += samples
        frames = 1 + self._samples // self._frame_period - self._read
        self._read += frames
        data = self._process.stdout.read(frames * self._record.itemsize)  # type: ignore[union-attr]
        if len(data) != frames * self._record.itemsize:
            raise self._ended()
        return np.frombuffer(data, self._record)

    def _ended(self) -> ExportError:
        status = self._process.wait()
        return ExportError(f"the program ended early, with status {status}; start it again")

    def close(self) -> None:
        self._ends.close()


_PIECE = 16_000
