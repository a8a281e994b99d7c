"""Listens to a WAV file of any length, or to raw PCM on standard input, and prints what it hears.

python -m pipelines.stream --run_dir=RUN --wav=FILE [--engine=c|tflm|keras]
arecord -t raw -f S16_LE -r 16000 -c 1 | python -m pipelines.stream --run_dir=RUN --wav=-

A line for each detection as it comes: seconds from the start, label, score. The run must have been
trained with --streaming and converted. Engine c is the exported C, compiled for this machine; tflm
is TFLite Micro's interpreter; both give the same bytes. keras is the float network behind the
same front-end and detector.
"""

import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags

from firmware_export.runtime.detector import ONE
from pipelines import app, common

if TYPE_CHECKING:
    import numpy as np

    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.engines.sound_streams import SoundStream
    from edge_tf.run_dir import RunDirectory
    from firmware_export.runtime.detector import DetectorConfig

FLAGS = flags.FLAGS
_ENGINES = ("c", "tflm", "keras")
# Samples that an engine takes at a time: of a file a second, of a pipe what it has.
_FILE_BLOCK, _PIPE_BLOCK = 16_000, 1_600


def define_flags() -> None:
    common.define_run_dir()
    flags.DEFINE_string("wav", None, "The file to listen to; -: raw 16-bit mono PCM on stdin.")
    flags.mark_flag_as_required("wav")
    flags.DEFINE_enum("engine", "c", _ENGINES, "What listens; see above.")
    flags.DEFINE_float("threshold", None, "Score from which on a word is detected, 0 to 1.")
    flags.DEFINE_integer("smoothing", None, "Frames whose probabilities are averaged.")
    flags.DEFINE_integer("refractory_hops", None, "Frames without another detection after one.")


def main() -> None:
    run = common.run_directory()
    labels, config = run.labels(), _frontend(run)
    blocks = _blocks(config.sample_rate)
    block = next(blocks, None)  # a file that cannot be read is said before an engine starts
    stream = _open(run, labels, config)
    frames = samples = detections = 0
    seconds = 0.0
    try:
        while block is not None:
            began = time.perf_counter()
            heard = stream.push(block)
            seconds += time.perf_counter() - began
            for at in (heard.detected >= 0).nonzero()[0]:
                when = (frames + int(at)) * config.hop / config.sample_rate
                score = int(heard.scores[at]) / ONE
                print(f"{when:10.2f} s  {labels[heard.detected[at]]:<12} {score:.2f}", flush=True)
                detections += 1
            frames += len(heard.detected)
            samples += len(block)
            block = next(blocks, None)
    except KeyboardInterrupt:
        pass  # how one stops listening to a microphone
    except BrokenPipeError:  # nobody reads the lines any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        stream.close()
    length = samples / config.sample_rate
    print(
        f"{length:.1f} s of sound, {detections} detections; engine {FLAGS.engine} took "
        f"{seconds:.2f} s: {length / max(seconds, 1e-9):.0f} times real time",
        file=sys.stderr,
    )


def _frontend(run: "RunDirectory") -> "FrontendConfig":
    from edge_tf import run_dir
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.errors import UserError

    config = FrontendConfig.load(run.require(run_dir.FRONTEND))
    if run.lookahead() is None:
        raise UserError(f"{run.path} was trained for whole windows", "train with --streaming")
    if config.padding != "causal":
        raise UserError(
            f"{run.path} has a front-end that looks ahead", "train with --padding=causal"
        )
    return config


def _blocks(sample_rate: int) -> "Iterator[np.ndarray]":
    from edge_tf.audio import sound_blocks

    if FLAGS.wav == "-":
        return sound_blocks.of_pipe(sys.stdin.buffer, _PIPE_BLOCK)
    return sound_blocks.of_file(FLAGS.wav, sample_rate, _FILE_BLOCK)


def _open(run: "RunDirectory", labels: list[str], config: "FrontendConfig") -> "SoundStream":
    from edge_tf import run_dir
    from edge_tf.engines import sound_streams, streaming
    from edge_tf.engines.base import UnavailableError
    from edge_tf.errors import UserError
    from edge_tf.models import loading
    from edge_tf.models.config import ModelConfig
    from firmware_export.standalone.package import Spotting

    run.require_int8()  # refuses one that is older than the network
    model = run.require(run_dir.STREAMING_MODEL).read_bytes()
    detector = _detector(run)
    if FLAGS.engine == "c":
        return sound_streams.CStream(model, Spotting(labels, config.to_dict(), detector))
    frames: streaming.FrameByFrame
    if FLAGS.engine == "keras":
        network = loading.load(run.model_to_convert())
        frames = streaming.KerasFrames(streaming.keras_stream(network, ModelConfig.of_run(run)))
    else:
        try:
            frames = streaming.tflite_micro_frames(model)
        except UnavailableError as error:
            raise UserError(str(error), "use --engine=c") from None
    return sound_streams.PythonStream(
        frames, model, config, detector, labels, is_float=FLAGS.engine == "keras"
    )


def _detector(run: "RunDirectory") -> "DetectorConfig":
    """That of the run, with what the flags change."""
    from edge_tf.evaluation.streams import operating_point

    given = {
        name: value
        for name in ("threshold", "smoothing", "refractory_hops")
        if (value := getattr(FLAGS, name)) is not None
    }
    return dataclasses.replace(operating_point.of_run(run), **given)


if __name__ == "__main__":
    define_flags()
    app.run(main)
