"""Learns a word from a few takes of it, for a firmware of the same run.

Says for each take whether it was taken, as the firmware does. Takes are sound files with the word
once and a little silence before and after it, at least as long as the network's window. The words
are kept in one file, which words_load() of the exported C reads.

    python -m pipelines.enroll --run_dir=RUN --word=lamp --wav=1.wav,2.wav,3.wav
    python -m pipelines.enroll --run_dir=RUN --word=door --wav=4.wav,5.wav,6.wav
    python -m pipelines.enroll --run_dir=RUN --remove=door --header=my_words.h
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from pipelines import app, common, help_text

if TYPE_CHECKING:
    import numpy as np

    from edge_tf.run_dir import RunDirectory
    from firmware_export.runtime.words import Words

FLAGS = flags.FLAGS
_FILE = "learnt.words"
_LEAST = 3
_LONGEST_S = 30
_BLOCK = 16_000


def define_flags() -> None:
    common.define_run_dir()
    with help_text.group(help_text.Group.DATA):
        flags.DEFINE_string("word", None, "<NAME>: The word to learn, up to 15 bytes.")
        flags.DEFINE_list("wav", [], "<FILE,...>: Its takes.")
        flags.DEFINE_string("remove", None, "<NAME>: A word to remove first.")
        flags.DEFINE_integer(
            "least_takes", _LEAST, "How many takes must be good enough.", lower_bound=1
        )
    with help_text.group(help_text.Group.OUTPUT):
        flags.DEFINE_string(
            "into",
            None,
            f"<FILE>: Of the words; what is in it stays. Default: RUN_DIR/{_FILE}.",
        )
        flags.DEFINE_string("header", None, "<FILE>: Also writes them as an array in a C header.")


def main() -> None:
    from edge_tf.errors import UserError

    _check_flags()
    run = common.run_directory()
    if not run.embeds():
        raise UserError(f"{run.path} is no run of --task=fewshot", "train one")
    path = Path(FLAGS.into) if FLAGS.into else run / _FILE
    from edge_tf.fewshot import words_file
    from firmware_export.runtime.words import MOST_WORDS, WordsError

    words = words_file.load(path, _empty(run))
    try:
        if FLAGS.remove:
            words = words.without(FLAGS.remove)
        if FLAGS.word is not None:
            # Refused before the takes are heard, if the name is.
            words.with_word(FLAGS.word, _nothing(words))
            words = words.with_word(FLAGS.word, _learn(run))
    except WordsError as error:
        raise UserError(f"{path}: {error}") from None
    if FLAGS.header:
        words_file.save_header(Path(FLAGS.header), words)
    words_file.save(path, words)
    print(f"{path}: {len(words.to_bytes())} bytes, words: {', '.join(words.names) or 'none'}")
    if len(words.words) > MOST_WORDS:
        print(f"note: define WORDS_MOST in the firmware: it has room for {MOST_WORDS} words")


def _check_flags() -> None:
    from edge_tf.errors import UserError

    if FLAGS.word is None and FLAGS.wav:
        raise UserError("--word is missing", "give the word that --wav has takes of")
    if FLAGS.word is None and not FLAGS.remove:
        raise UserError("--word is missing", "give the word to learn, or one to --remove")
    if FLAGS.word is not None and not FLAGS.wav:
        raise UserError("--wav is missing", "give the files of the takes")


def _empty(run: "RunDirectory") -> "Words":
    """No words of the run's network."""
    import tflite_model
    from firmware_export.runtime.words import Words, identity_of

    path = run.require_int8()
    model = path.read_bytes()
    return Words(tflite_model.parse(model, str(path)).outputs[0].byte_size, identity_of(model))


def _nothing(words: "Words") -> "np.ndarray":
    import numpy as np

    return np.zeros(words.size, np.int16)


def _learn(run: "RunDirectory") -> "np.ndarray":
    """The prototype of the word, (size,) int16; says what became of each take."""
    from edge_tf.engines import embedder, enrolment
    from edge_tf.errors import UserError
    from edge_tf.fewshot import device
    from firmware_export.runtime.takes import Verdict

    learning = device.learning(run, run.lookahead() is not None)
    takes = _takes(FLAGS.wav, run.frontend().sample_rate)
    frames = learning.stream.frames
    enroller, verdicts = enrolment.enrol(embedder.of_run(run, frames), learning, takes)
    for name, verdict in zip(FLAGS.wav, verdicts, strict=True):
        taken = verdict == Verdict.TAKEN
        print(f"{name}: {'taken' if taken else f'refused: {_WHY[verdict.name]}'}")
    if len(enroller) < FLAGS.least_takes:
        raise UserError(
            f"{len(enroller)} of {len(takes)} takes are good, --least_takes={FLAGS.least_takes}",
            "record others; nothing was written",
        )
    return enroller.prototype()


_WHY = {
    "SHORT": "less sound than the network's window; record some silence around the word",
    "SILENT": "nothing stands out of the background",
    "CLIPPED": "too loud for the microphone",
    "CUT_OFF": "the word touches the beginning or end of the sound, or is longer than the window",
    "UNLIKE": "the takes before it sound otherwise",
    "FULL": "there are as many takes as a word may have",
}


def _takes(names: Sequence[str], sample_rate: int) -> "list[np.ndarray]":
    """The sound of files, (n,) int16 each.

    Raises:
      UserError: one cannot be read, or is far too long to be a word.
    """
    import numpy as np

    from edge_tf.audio import sound_blocks
    from edge_tf.errors import UserError

    takes = []
    for name in names:
        parts, samples = [np.zeros(0, np.int16)], 0
        with sound_blocks.of_file(name, sample_rate, _BLOCK) as blocks:
            for block in blocks:
                parts.append(block)
                samples += len(block)
                if samples > _LONGEST_S * sample_rate:
                    raise UserError(
                        f"{name} is longer than {_LONGEST_S} s", "cut out the word, said once"
                    )
        for note in blocks.notes:
            print(f"note: {name}: {note}", file=sys.stderr)
        takes.append(np.concatenate(parts))
    return takes


if __name__ == "__main__":
    define_flags()
    app.run(main)
