"""Runs hours of audio through every streaming engine: do they stay bit-exact to the end?"""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

import tflite_model
from edge_tf import models, progress, run_dir
from edge_tf.audio import fixed_point
from edge_tf.conversion.tflite import streaming
from edge_tf.data.run_data import RunData
from edge_tf.engines.sound_streams import CStream
from edge_tf.engines.streaming import tflite_micro_frames
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point, stream_stage
from edge_tf.models import run_model
from firmware_export import children
from firmware_export.boards import clips, programs
from firmware_export.boards.board import Board
from firmware_export.standalone.spotting import Spotting

_BLOCK = 16_000
_WINDOWS = 200  # for the whole-window form, spread over the stream
_TIMEOUT_S = 6 * 3600.0


@dataclasses.dataclass(frozen=True)
class StreamedEngine:
    """One engine compared with TFLite Micro.

    Attributes:
      frames: number of frames compared.
      differing: bytes of logits that differ.
      seconds: its run time.
    """

    frames: int
    differing: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class StreamBits:
    """Result of `compare`; docs/benchmark.md describes it.

    Attributes:
      hours: length of the stream.
      frames, logit_bytes: of TFLite Micro.
      engines: by name.
    """

    hours: float
    frames: int
    logit_bytes: int
    engines: dict[str, StreamedEngine]


def compare(
    run: run_dir.RunDirectory, data: RunData, hours: float, boards: Sequence[Board]
) -> StreamBits:
    """Counts bytes of logits that differ from TFLite Micro's on a stream of test clips and noise.

    The stream is composed like that of `evaluate --stream`. Compared with TFLite Micro: C on this
    machine and on emulated boards, both starting from samples; and the whole-window form in
    LiteRT's reference kernels, on windows that cover everything a logit depends on.

    Args:
      run: a converted run that was trained for streams.
      data: its data.
      hours: length of the stream.
      boards: emulated boards to run it on as well.

    Raises:
      UserError: the run was not trained for streams.
    """
    if run.lookahead() is None:
        raise UserError(f"{run.path} was trained for whole windows", "train with --streaming")
    model = run.require_streaming().read_bytes()
    info = tflite_model.parse(model, run_dir.STREAMING_MODEL)
    source = info.inputs[0]
    settings = stream_stage.StreamSettings(minutes=60 * hours)
    detector = operating_point.of_run(run)
    sound = stream_stage.scene_of(data, "testing", settings, detector.background).samples
    frontend = fixed_point.FrameStream(data.frontend, source.scales[0], source.zero_points[0])
    seconds = range(0, len(sound), _BLOCK)
    frames = np.concatenate(
        [
            frontend.push(sound[at : at + _BLOCK])
            for at in progress.bar(seconds, desc="front-end in Python", unit="s")
        ]
    )
    micro = tflite_micro_frames(model)
    began = time.perf_counter()
    wanted = np.concatenate(
        [
            micro.push(frames[at : at + 100])
            for at in progress.bar(range(0, len(frames), 100), desc="TFLite Micro", unit="s")
        ]
    )
    engines = {"TFLite Micro": _result(wanted, wanted, began)}
    spotting = Spotting(data.labels, data.frontend.to_dict(), detector)

    began = time.perf_counter()
    host = CStream(model, spotting)
    try:
        parts = [host.push(sound[at : at + _BLOCK]).logits for at in seconds]
    finally:
        host.close()
    engines["C, host, from sound"] = _result(np.concatenate(parts), wanted, began)
    for board in boards:
        engines[f"C, {board.name}, from sound"] = _on_board(board, model, spotting, sound, wanted)
    engines["whole windows, LiteRT reference"] = _windows(run, frames, wanted)
    return StreamBits(
        hours=round(len(sound) / data.frontend.sample_rate / 3600, 4),
        frames=len(wanted),
        logit_bytes=int(wanted.size),
        engines=engines,
    )


def _result(got: np.ndarray, wanted: np.ndarray, began: float) -> StreamedEngine:
    return StreamedEngine(
        frames=len(got),
        differing=int(np.count_nonzero(got != wanted)),
        seconds=round(time.perf_counter() - began, 1),
    )


def _on_board(
    board: Board, model: bytes, spotting: Spotting, sound: np.ndarray, wanted: np.ndarray
) -> StreamedEngine:
    began = time.perf_counter()
    with children.folder() as folder:
        built = programs.build(model, board, folder, spotting, streaming=True)
        ran = clips.run_waveforms(
            built, sound[np.newaxis], folder / "run", every=1, timeout_s=_TIMEOUT_S, count=False
        )
    return _result(ran.logits, wanted, began)


def _windows(run: run_dir.RunDirectory, frames: np.ndarray, wanted: np.ndarray) -> StreamedEngine:
    """The whole-window form, extended to everything a logit depends on, at some positions."""
    from ai_edge_litert import interpreter as litert

    began = time.perf_counter()
    form = run.require_int8().read_bytes()
    window = tflite_model.parse(form, run_dir.INT8_MODEL).inputs[0].shape[2]
    length = window + models.spec(run_model.config_of(run).name).field
    made = streaming.rewrite(form, length, remember=False)
    interpreter = litert.Interpreter(
        model_content=made.data,
        num_threads=1,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    ends = np.unique(np.linspace(length, len(frames), _WINDOWS).astype(int))
    got = []
    for end in progress.bar(ends, desc="whole windows", unit="window"):
        block = frames[end - length : end].T[np.newaxis, :, :, np.newaxis]
        interpreter.set_tensor(source, np.ascontiguousarray(block))
        interpreter.invoke()
        got.append(interpreter.get_tensor(target)[-1].copy())
    return _result(np.stack(got), wanted[ends - 1], began)
