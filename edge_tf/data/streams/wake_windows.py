"""Windows cut from mixed streams, as clips: for calibration, and for the table of all hops.

FOLDER/training.wav, validation.wav, testing.wav   the windows of a split behind each other
FOLDER/training.tsv, ...                           split lists (edge_tf.data.words.split_lists)
"""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import soundfile

from edge_tf import files
from edge_tf.data.dataset import SPLITS, UNKNOWN, Split
from edge_tf.data.streams import wake_sounds
from edge_tf.data.streams.mixing import RATE, Mix, Mixer
from edge_tf.data.streams.wake_sounds import Folders
from edge_tf.errors import UserError

COUNTS: dict[Split, int] = {"training": 600, "validation": 200, "testing": 300}
"""Windows of each class."""

_STREAM_S = 3.0
_MOST_TRIES = 50  # streams that are mixed for one window of a word
# A window ends so long after the word.
_AFTER_S = (0.05, 0.2)
_DONE = "windows.json"
# Clips that clip or are silent would be faults of data.
_PLAIN = Mix(again=0.0, clipped=0.0, silent=0.0)


def make(folder: Path, folders: Folders, clip_samples: int, seed: int, digest: str) -> None:
    """Makes the windows, unless those of this digest are there.

    Args:
      folder: receives the files.
      folders: the sound to mix.
      clip_samples: of a window.
      seed: for the mixing.
      digest: of all that determines them.

    Raises:
      UserError: sound is missing or cannot be read, or a word does not fit into a stream.
    """
    done = folder / _DONE
    if done.exists() and files.read_json(done) == {"digest": digest}:
        return
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    for split in SPLITS:
        sounds = wake_sounds.load(folders, split).sounds()
        rng = np.random.default_rng([seed, 0x0C75, SPLITS.index(split)])
        length = round(_STREAM_S * RATE) + clip_samples
        spoken = Mixer(sounds, dataclasses.replace(_PLAIN, word=1.0), length, seed)
        silent = Mixer(sounds, dataclasses.replace(_PLAIN, word=0.0), length, seed)
        rows: list[tuple[str, str, int, str]] = []
        cuts: list[np.ndarray] = []
        left = dict.fromkeys(range(1, len(folders.words) + 1), COUNTS[split])
        for _ in range(_MOST_TRIES * COUNTS[split] * len(left)):
            if not any(left.values()):
                break
            wave, words = spoken(rng)
            for word in words:
                end = word.end + round(rng.uniform(*_AFTER_S) * RATE)
                if left[word.label] and clip_samples <= end <= length:
                    left[word.label] -= 1
                    name = folders.words[word.label - 1]
                    rows.append((name, f"{split}.wav", len(cuts) * clip_samples, ""))
                    cuts.append(wave[end - clip_samples : end])
        if unheard := [folders.words[label - 1] for label, count in left.items() if count]:
            raise UserError(
                f"{folders.takes}: the takes of '{unheard[0]}' for {split} are too long for a "
                f"stream of {length / RATE:g} s",
                "choose a shorter word",
            )
        for _ in range(COUNTS[split]):
            wave, _words = silent(rng)
            rows.append((UNKNOWN, f"{split}.wav", len(cuts) * clip_samples, ""))
            cuts.append(wave[-clip_samples:])
        pcm = np.rint(np.concatenate(cuts) * 32768.0).clip(-32768, 32767).astype(np.int16)
        with files.atomic_path(folder / f"{split}.wav") as temporary:
            soundfile.write(temporary, pcm, RATE, subtype="PCM_16", format="WAV")
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerows([("label", "clip", "start", "gain"), *rows])
        files.write_text(folder / f"{split}.tsv", text.getvalue())
    files.write_json(done, {"digest": digest})
