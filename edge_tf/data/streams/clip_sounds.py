"""What streams of recorded words are mixed of: clips of a data set, its noise, other sound.

Clips are divided as the data set says, so that no speaker is in two splits; its recordings of
background noise by time; --negatives as for a wake word.
"""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edge_tf.audio import simulation, wav
from edge_tf.data import file_contents
from edge_tf.data.dataset import Dataset, Split
from edge_tf.data.streams import given_sound, rooms, sound_bank, wake_sounds
from edge_tf.data.streams.mixing import RATE
from edge_tf.data.streams.sound_bank import SoundBank
from edge_tf.data.streams.targets import Classes
from edge_tf.data.streams.wake_sounds import OTHER_WORDS, Facts, Folders, WakeSounds
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.errors import UserError

_log = logging.getLogger(__name__)

_TRIMMED_DB = -25.0  # clips have noise of their own around the word
_FADE = RATE // 200
_EMPTY = sound_bank.of(())


def load(
    dataset: Dataset,
    clips: Waveforms,
    classes: Classes,
    folders: Folders,
    split: Split,
) -> WakeSounds:
    """The sound of a split.

    Args:
      dataset: for its noise.
      clips: of the split.
      classes: of the network.
      folders: of other sound.
      split: which.

    Raises:
      UserError: a folder has no sound, a file cannot be read, or all clips of a word are silent.
    """
    words = [_words(clips, at) for at in classes.words]
    for at, bank in zip(classes.words, words, strict=True):
        if not len(bank):
            raise UserError(
                f"{dataset.root}: all {split} clips of '{dataset.labels[at]}' are silent",
                "record them again",
            )
    others = {OTHER_WORDS: _words(clips, classes.other)}
    for folder in folders.negatives:
        others[folder.name] = given_sound.negatives(folder, split)
    noise = noise_of(dataset, split)
    # A quarter of it: noise of the data is the rule.
    noise += [sound[: len(sound) // 4] for sound in wake_sounds.synthetic_noise(split)]
    return WakeSounds(
        [(bank, _EMPTY) for bank in words],
        others,
        wake_sounds.hard(folders, split),
        sound_bank.of(noise),
        rooms.load(folders.rooms, split) if folders.rooms else (),
    )


def noise_of(dataset: Dataset, split: Split) -> list[np.ndarray]:
    """The part of each recording of background noise that belongs to a split, int16."""
    recordings = (wav.read(dataset.root / path, RATE).samples for path in dataset.noise)
    parts = [given_sound.by_time(samples, split) for samples in recordings]
    return [part for part in parts if len(part)]


def facts(
    dataset: Dataset,
    clips: Waveforms,
    classes: Classes,
    folders: Folders,
    cache: Path,
) -> Facts:
    """Measures the sound that is trained on, and identifies all of it but the clips.

    Args:
      dataset, classes, folders: as in `load`.
      clips: of the training split.
      cache: remembers the content of files.

    Raises:
      UserError: as `load`.
    """
    digest = hashlib.sha256()
    noise = file_contents.of(dataset.root, dataset.noise, cache)
    digest.update("".join(sorted(noise.values())).encode())
    wake_sounds.add_contents(digest, folders, cache)
    sounds = load(dataset, clips, classes, folders, "training")
    wake_sounds.tell_of_negatives(folders, sounds)
    if folders.rooms:
        rooms.tell(folders.rooms)
    spoken = {
        dataset.labels[at]: len(bank)
        for at, (bank, _) in zip(classes.words, sounds.words, strict=True)
    }
    silent = sum((clips.labels == at).sum() for at in classes.words)
    if silent := int(silent) - sum(spoken.values()):
        _log.warning("%s: %d training clips of words are silent and left out", dataset.root, silent)
    hours = {kind: round(hours, 4) for kind, hours in sounds.hours().items()}
    return Facts(hours, spoken, digest.hexdigest())


def _words(clips: Waveforms, label: int) -> SoundBank:
    """The clips of a class without what is around the words, as loud as takes are."""
    return sound_bank.of(_trimmed(clips.samples[clips.labels == label]))


def _trimmed(clips: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
    for clip in clips:
        sound = clip.astype(np.float32) / np.float32(32768.0)
        word = simulation.trim_silence(sound, RATE, _TRIMMED_DB)
        yield wake_sounds.leveled(simulation.fade_ends(word, _FADE))
