"""Detects words in a WAV file of any length, or in raw PCM on standard input, and prints them.

    python -m pipelines.stream --run_dir=RUN --wav=FILE
    arecord -t raw -f S16_LE -r 16000 -c 1 |
        python -m pipelines.stream --run_dir=RUN --wav=-

Prints one line per detection as it happens: seconds from the start, label, score. The run must have
been trained with --streaming, and converted. Writes no files.
"""

import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags

from firmware_export.runtime.detector import ONE
from pipelines import app, common, help_text
from pipelines.help_text import Group

if TYPE_CHECKING:
    import numpy as np

    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.engines.sound_streams import SoundStream
    from edge_tf.run_dir import RunDirectory
    from firmware_export.runtime.detector import DetectorConfig

FLAGS = flags.FLAGS
_ENGINES = ("c", "tflm", "keras")
# Samples per call of an engine: one second of a file; less of a pipe, to keep latency low.
_FILE_BLOCK, _PIPE_BLOCK = 16_000, 1_600


def define_flags() -> None:
    common.define_run_dir()
    flags.DEFINE_string("wav", None, "<FILE>: WAV file; -: raw 16-bit mono PCM on standard input.")
    help_text.require("wav")
    _define_own_flags()


@help_text.group(Group.DETECTION)
def _define_own_flags() -> None:
    flags.DEFINE_enum(
        "engine",
        "c",
        _ENGINES,
        "c: the exported C, compiled for this machine; tflm: TFLite Micro's interpreter, which "
        "gives the same bytes; keras: the float network with the same front-end and detector.",
    )
    flags.DEFINE_float(
        "threshold", None, "Minimum score of a detection, 0 to 1. Default: the run's."
    )
    flags.DEFINE_integer(
        "smoothing", None, "Frames over which probabilities are averaged. Default: the run's."
    )
    flags.DEFINE_integer(
        "refractory_hops",
        None,
        "Refractory period: frames without a detection after one. Default: the run's.",
    )


def main() -> None:
    run = common.run_directory()
    labels, config = run.labels(), _frontend(run)
    blocks = _blocks(config.sample_rate)
    block = next(blocks, None)  # reports an unreadable file before an engine starts
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
    from edge_tf.errors import UserError

    config = run.frontend()
    if run.lookahead() is None:
        raise UserError(f"{run.path} was trained for whole windows", "train with --streaming")
    if config.padding != "causal":
        raise UserError(
            f"{run.path} has a front-end with look-ahead", "train with --padding=causal"
        )
    return config


def _blocks(sample_rate: int) -> "Iterator[np.ndarray]":
    from edge_tf.audio import sound_blocks

    if FLAGS.wav == "-":
        return sound_blocks.of_pipe(sys.stdin.buffer, _PIPE_BLOCK)
    return sound_blocks.of_file(FLAGS.wav, sample_rate, _FILE_BLOCK)


def _open(run: "RunDirectory", labels: list[str], config: "FrontendConfig") -> "SoundStream":
    from edge_tf.engines import sound_streams, streaming
    from edge_tf.engines.base import UnavailableError
    from edge_tf.errors import UserError
    from edge_tf.models import loading, run_model
    from firmware_export.standalone.package import Spotting

    run.require_int8()  # refuses a file that is older than the network
    model = run.require_streaming().read_bytes()
    detector = _detector(run)
    if FLAGS.engine == "c":
        return sound_streams.CStream(model, Spotting(labels, config.to_dict(), detector))
    frames: streaming.FrameByFrame
    if FLAGS.engine == "keras":
        network = loading.load(run.model_to_convert())
        frames = streaming.KerasFrames(streaming.keras_stream(network, run_model.config_of(run)))
    else:
        try:
            frames = streaming.tflite_micro_frames(model)
        except UnavailableError as error:
            raise UserError(str(error), "use --engine=c") from None
    return sound_streams.PythonStream(
        frames, model, config, detector, labels, is_float=FLAGS.engine == "keras"
    )


def _detector(run: "RunDirectory") -> "DetectorConfig":
    """The detector of the run, with what the flags change."""
    from edge_tf.evaluation.streams import operating_point

    given = {
        name: value
        for name in ("threshold", "smoothing", "refractory_hops")
        if (value := getattr(FLAGS, name)) is not None
    }
    if unmet := operating_point.unmet(run):
        print(f"warning: {unmet}", file=sys.stderr)
    return dataclasses.replace(operating_point.of_run(run), **given)


if __name__ == "__main__":
    define_flags()
    app.run(main)
