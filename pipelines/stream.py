"""Detects words in a sound file of any length, or in sound on standard input, and prints them.

    python -m pipelines.stream --run_dir=RUN --wav=FILE
    arecord -t raw -f S16_LE -r 16000 -c 1 |
        python -m pipelines.stream --run_dir=RUN --wav=-

Prints one line per detection as it happens: seconds from the start, label, score. Standard error
says when it begins to listen, and to what. There is no decision before a whole window has passed,
usually a second, and a score is a mean of decisions: a clip of one word needs nothing before it,
but silence after it until both have passed. There is a decision per frame, whatever the rate of an
export (--decisions_per_second). The run must have been trained for streams, the default for words,
and converted. Writes no files but those that --keep asks for.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from firmware_export.runtime.detector import ONE
from pipelines import app, common, help_text, stream_settings
from pipelines.help_text import Group

if TYPE_CHECKING:
    import numpy as np

    from edge_tf.audio.encodings import RawFormat
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.audio.sound_blocks import SoundBlocks
    from edge_tf.engines.sound_streams import SoundStream, StreamResult
    from edge_tf.evaluation.streams.keeping import Keeper
    from edge_tf.run_dir import RunDirectory
    from firmware_export.runtime.detector import DetectorConfig
    from firmware_export.runtime.second_stage import Second

FLAGS = flags.FLAGS
_ENGINES = ("c", "tflm", "keras")
# Samples per call of an engine: one second of a file; less of a pipe, to keep latency low.
_FILE_BLOCK, _PIPE_BLOCK = 16_000, 1_600
# Bytes that a pipe may keep until the engine has started, the most that Linux allows anyone.
_PIPE_SIZE = 1 << 20


def define_flags() -> None:
    common.define_run_dir()
    flags.DEFINE_string(
        "wav",
        None,
        "<FILE>: Sound file (WAV, FLAC, MP3, Ogg, AIFF and others); -: standard input, raw samples "
        "or a WAV file.",
    )
    help_text.require("wav")
    _define_raw_flags()
    _define_own_flags()
    with help_text.group(Group.OUTPUT):
        flags.DEFINE_boolean(
            "json", False, "Print a JSON object per detection, and one at the end, for programs."
        )
        flags.DEFINE_string(
            "keep",
            None,
            "<DIR>: Save the sound of detections, and of near misses (a score of at least half the "
            "threshold), as WAV files: the window and 2 s before it. index.tsv lists them.",
        )
        flags.DEFINE_integer(
            "keep_most", 1000, "With --keep: maximum number of files.", lower_bound=1
        )


@help_text.group(Group.DATA)
def _define_raw_flags() -> None:
    flags.DEFINE_integer(
        "raw_rate",
        None,
        "With --wav=-: sample rate of raw samples, in Hz. Default: the run's.",
        lower_bound=1_000,
        upper_bound=768_000,
    )
    flags.DEFINE_integer(
        "raw_channels",
        None,
        "With --wav=-: channels of raw samples. Default: 1.",
        lower_bound=1,
        upper_bound=64,
    )
    flags.DEFINE_string(
        "raw_encoding",
        None,
        "<NAME>: With --wav=-: encoding of raw samples, as FFmpeg or arecord name it: s16le or "
        "S16_LE, s24le, s32le, f32le, u8, mulaw and others. Default: s16le.",
    )


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
        "threshold",
        None,
        "Minimum score of a detection, 0 to 1; where the detector has two stages, of a hit of the "
        "first. Default: the run's.",
    )
    flags.DEFINE_float(
        "rearm",
        None,
        "A class that was detected is detected again only once its score has been below this, 0 to "
        "1; at 1 only the refractory period counts. Default: the run's share of the threshold.",
    )
    flags.DEFINE_integer(
        "smoothing", None, "Frames over which probabilities are averaged. Default: the run's."
    )
    flags.DEFINE_integer(
        "refractory_hops",
        None,
        "Refractory period: frames without a detection after one. Default: the run's.",
    )
    common.define_background()


def main() -> None:
    run = common.run_directory()
    run.refuse_embedding("pipelines.stream")
    labels, config = run.labels(), _frontend(run)
    raw = _raw_format(config.sample_rate)
    with contextlib.ExitStack() as opened:
        if FLAGS.wav == "-":
            _enlarge_pipe()
            source, opens = f"standard input ({raw}, or WAV)", lambda: _of_pipe(config, raw)
        else:  # an unreadable file is refused before an engine starts
            blocks = opened.enter_context(_of_file(config))
            source, opens = f"{FLAGS.wav} ({blocks.about})", lambda: blocks
        detector, second = _detector(run), _second(run)
        keeper = _keeper(run, labels, config, detector)
        stream = opened.enter_context(
            contextlib.closing(_open(run, labels, config, detector, second))
        )
        _say(f"listening to {source}; {stream_settings.text(detector, config, second)}")
        _listen(stream, opens, labels, config, detector, keeper)


def _listen(
    stream: "SoundStream",
    opens: "Callable[[], SoundBlocks]",
    labels: list[str],
    config: "FrontendConfig",
    detector: "DetectorConfig",
    keeper: "Keeper | None",
) -> None:
    """Prints what is detected until the sound ends, then how much there was."""
    from edge_tf import progress

    frames = samples = detections = 0
    seconds = 0.0
    blocks = None
    try:
        blocks = opens()
        is_shown = blocks.seconds is not None and sys.stderr.isatty()
        with progress.bar(total=blocks.seconds, unit="s", disable=not is_shown) as bar:
            for block in blocks:
                began = time.perf_counter()
                result = stream.push(block)
                seconds += time.perf_counter() - began
                for at in (result.detected >= 0).nonzero()[0]:
                    when = (frames + int(at)) * config.hop / config.sample_rate
                    with bar.external_write_mode():
                        _show(when, labels[result.detected[at]], int(result.scores[at]) / ONE)
                    detections += 1
                if keeper is not None:
                    _keep(keeper, block, result)
                frames += len(result.detected)
                samples += len(block)
                bar.update(len(block) / config.sample_rate)
    except KeyboardInterrupt:
        pass  # how one stops listening to a microphone
    except BrokenPipeError:  # nobody reads the lines any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if keeper is not None:
        keeper.close()
    length = samples / config.sample_rate
    notes = list(blocks.notes) if blocks else []
    decisions = frames - config.num_frames + 1
    if decisions <= 0:
        notes.append(
            f"ended before the first decision, after {stream_settings.window_s(config):.2f} s"
        )
    elif decisions < detector.smoothing:
        lacking = (detector.smoothing - decisions) * config.hop / config.sample_rate
        notes.append(
            f"ended {decisions} decisions after the first window, and a score is the mean of "
            f"{detector.smoothing}: let {lacking:.2f} s of silence follow"
        )
    for note in notes:
        _say(f"note: {'standard input' if FLAGS.wav == '-' else FLAGS.wav}: {note}")
    kept = _kept(keeper)
    if FLAGS.json:
        summary = {"seconds": round(length, 2), "detections": detections, "notes": notes, **kept}
        print(json.dumps({"event": "summary", **summary}), flush=True)
    _say(
        f"{length:.1f} s of sound, {detections} detections; engine {FLAGS.engine} took "
        f"{seconds:.2f} s: {length / max(seconds, 1e-9):.0f} times real time"
    )


def _keep(keeper: "Keeper", block: "np.ndarray", result: "StreamResult") -> None:
    was_full = keeper.is_full
    keeper.push(block, result)
    if keeper.is_full and not was_full:
        _say(f"note: {FLAGS.keep} has {FLAGS.keep_most} files, --keep_most: no more are saved")


def _kept(keeper: "Keeper | None") -> dict[str, int]:
    """Says how much was saved; the same for the summary."""
    if keeper is None:
        return {}
    left = f"; {keeper.left_out} more were not" if keeper.left_out else ""
    _say(f"saved {keeper.fired} detections and {keeper.near} near misses in {FLAGS.keep}{left}")
    return {
        "kept_detections": keeper.fired,
        "kept_near_misses": keeper.near,
        "not_kept": keeper.left_out,
    }


def _show(seconds: float, label: str, score: float) -> None:
    from tflite_model.names import escaped

    if FLAGS.json:
        found = {"seconds": round(seconds, 3), "label": label, "score": round(score, 4)}
        print(json.dumps({"event": "detection", **found}), flush=True)
    else:
        print(f"{seconds:10.2f} s  {escaped(label):<12} {score:.2f}", flush=True)


def _say(text: str) -> None:
    from tflite_model.names import escaped

    print(escaped(text), file=sys.stderr, flush=True)


def _second(run: "RunDirectory") -> "Second | None":
    """The second stage of the run's detector, if it has one."""
    from edge_tf.evaluation.streams import operating_point

    if FLAGS.engine == "keras":
        operating_point.refuse_second(run, "--engine=keras")
    return operating_point.second_of(run)


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


def _raw_format(sample_rate: int) -> "RawFormat":
    """What samples without a header are."""
    from edge_tf.audio import encodings
    from edge_tf.errors import UserError

    given = _raw_flags()
    if given and FLAGS.wav != "-":
        raise UserError(
            f"--{given[0]} describes raw samples on standard input, but --wav names a file",
            f"pipe it (cat {FLAGS.wav} | ... --wav=-), or leave --{given[0]} out",
        )
    name = FLAGS.raw_encoding or "s16le"
    return encodings.RawFormat(
        encodings.raw_name(name, "--raw_encoding"),
        FLAGS.raw_rate or sample_rate,
        FLAGS.raw_channels or 1,
    )


def _raw_flags() -> list[str]:
    names = ("raw_rate", "raw_channels", "raw_encoding")
    return [name for name in names if getattr(FLAGS, name) is not None]


def _enlarge_pipe() -> None:
    """Keeps what is said while the engine starts; best effort."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(sys.stdin.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_SIZE)


def _of_file(config: "FrontendConfig") -> "contextlib.AbstractContextManager[SoundBlocks]":
    from edge_tf.audio import sound_blocks
    from edge_tf.errors import UserError

    if Path(FLAGS.wav).is_fifo() or Path(FLAGS.wav).is_char_device():
        raise UserError(f"{FLAGS.wav} is a pipe or a device", f"give --wav=- < {FLAGS.wav}")
    return sound_blocks.of_file(FLAGS.wav, config.sample_rate, _FILE_BLOCK)


def _of_pipe(config: "FrontendConfig", raw: "RawFormat") -> "SoundBlocks":
    """Waits for the first samples; a WAV file on standard input says what they are."""
    from edge_tf.audio import sound_blocks
    from edge_tf.errors import UserError

    blocks = sound_blocks.of_pipe(sys.stdin.buffer, config.sample_rate, _PIPE_BLOCK, raw)
    if blocks.about != str(raw):
        if given := _raw_flags():
            raise UserError(
                f"standard input is {blocks.about}, so --{given[0]} says nothing new",
                f"leave --{given[0]} out",
            )
        _say(f"standard input is {blocks.about}")
    return blocks


def _open(
    run: "RunDirectory",
    labels: list[str],
    config: "FrontendConfig",
    detector: "DetectorConfig",
    second: "Second | None",
) -> "SoundStream":
    from edge_tf.engines import sound_streams, streaming
    from edge_tf.engines.base import UnavailableError
    from edge_tf.errors import UserError
    from edge_tf.models import loading, run_model
    from firmware_export.standalone.spotting import Spotting

    run.require_int8()  # refuses a file that is older than the network
    model = run.require_streaming().read_bytes()
    if FLAGS.engine == "c":
        return sound_streams.CStream(
            model, Spotting(labels, config.to_dict(), detector, second=second)
        )
    frames: streaming.FrameByFrame
    stage = None
    if FLAGS.engine == "keras":
        network = loading.load(run.model_to_convert())
        frames = streaming.KerasFrames(streaming.keras_stream(network, run_model.config_of(run)))
    else:
        try:
            frames = streaming.tflite_micro_frames(model)
            if second is not None:
                larger = streaming.tflite_micro_frames(second.model)
                stage = sound_streams.second_stage(second, larger, model, config)
        except UnavailableError as error:
            raise UserError(str(error), "use --engine=c") from None
    return sound_streams.PythonStream(
        frames, model, config, detector, labels, is_float=FLAGS.engine == "keras", second=stage
    )


def _keeper(
    run: "RunDirectory",
    labels: list[str],
    config: "FrontendConfig",
    detector: "DetectorConfig",
) -> "Keeper | None":
    """What --keep asks for. Raises UserError if its folder is not empty."""
    if FLAGS.keep is None:
        return None
    import tflite_model
    from edge_tf.evaluation.streams.keeping import Keeper

    run.require_int8()
    path = run.require_streaming()
    scale = tflite_model.read(path).outputs[0].scales[0]
    return Keeper(Path(FLAGS.keep), labels, scale, detector, config, FLAGS.keep_most)


def _detector(run: "RunDirectory") -> "DetectorConfig":
    """The detector of the run, with what the flags change."""
    from edge_tf.evaluation.streams import operating_point

    given = {
        name: value
        for name in ("rearm", "smoothing", "refractory_hops")
        if (value := getattr(FLAGS, name)) is not None
    }
    if unmet := operating_point.unmet(run):
        print(f"warning: {unmet}", file=sys.stderr)
    found = operating_point.of_run(run, FLAGS.background_labels)
    if FLAGS.threshold is not None:
        found = found.with_threshold(FLAGS.threshold)
    return dataclasses.replace(found, **given)


if __name__ == "__main__":
    define_flags()
    app.run(main)
