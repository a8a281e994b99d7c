"""What the streams of a wake word are mixed of: takes, recordings of the word, other sound."""

import dataclasses
import functools
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edge_tf import files
from edge_tf.audio import noises, simulation, wav
from edge_tf.data import file_contents
from edge_tf.data.dataset import SPLITS, Split
from edge_tf.data.streams import given_sound, rooms, sound_bank
from edge_tf.data.streams.mixing import RATE, Sounds
from edge_tf.data.streams.sound_bank import Choice, SoundBank
from edge_tf.data.synthesis import take_record
from edge_tf.data.synthesis.take_record import SENTENCE, WORD, Take
from edge_tf.data.words.speakers import Speakers
from edge_tf.errors import UserError
from edge_tf.settings import StreamTraining

_log = logging.getLogger(__name__)

TAKES, SENTENCES = "sound-alikes", "synthetic sentences"
"""Kinds of other sound that synthesizers speak: what sounds like the words, and the rest."""
OTHER_WORDS = "other words"
"""Kind of other sound: clips of a data set's words that are none of the wake words."""

_MOST_BYTES = 1 << 28
_FEWEST_RECORDINGS = 12  # of a word: fewer are all trained on
_LEVEL = 0.1  # RMS of the loud frames of a recording
_SYNTHETIC_NOISE_S = 60
_OF_EACH_NOISE = 4  # that has many forms
# How often each is drawn.
_TAKES_SHARE, _SENTENCES_SHARE, _NEGATIVES_SHARE, _HARD_SHARE = 1.0, 1.5, 1.5, 1.0
_OTHER_WORDS_SHARE = 3.0
_RECORDINGS_SHARE = 1.0  # beside 1 for the takes
_SPEECH_AS_NOISE = 0.5
_LONGEST_WORD_S = 2.5  # a longer one does not fit into a stream
_WORD_PAUSE_S = 0.8  # between other words that a detector listens to
_EMPTY = sound_bank.of(())


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where the sound is.

    Attributes:
      takes: a set of dry takes (edge_tf.data.synthesis.takes); None: words are clips of a data
        set (clip_sounds.py).
      words: folder names of the wake words, in the order of labels from 1.
      recordings: of people who say the words: WORD/*.wav, or *.wav if there is one word.
      negatives: folders of sound without the words; the name of each is its kind.
      hard: folders of sound that a detector took for a word.
      rooms: folder of recorded impulse responses.
    """

    takes: Path | None
    words: tuple[str, ...]
    recordings: Path | None = None
    negatives: tuple[Path, ...] = ()
    hard: tuple[Path, ...] = ()
    rooms: Path | None = None


def folders_of(streams: StreamTraining) -> Folders:
    """Where the sound of a training is."""
    return Folders(
        takes=Path(streams.takes) if streams.takes else None,
        words=streams.words,
        recordings=Path(streams.recordings) if streams.recordings else None,
        negatives=tuple(map(Path, streams.negatives)),
        hard=tuple(map(Path, streams.hard_negatives)),
        rooms=Path(streams.rooms) if streams.rooms else None,
    )


@dataclasses.dataclass(frozen=True)
class WakeSounds:
    """The sound of one split.

    Attributes:
      words: per word, its takes and its recordings.
      others: sound without the words, by kind.
      hard: what detectors took for a word.
      noise: synthetic noise.
      rooms: recorded ones.
      under_words: the only noise that is mixed under words; None: noise and other sound.
    """

    words: Sequence[tuple[SoundBank, SoundBank]]
    others: Mapping[str, SoundBank]
    hard: SoundBank
    noise: SoundBank
    rooms: Sequence[np.ndarray] = ()
    under_words: SoundBank | None = None

    def sounds(self, mined: SoundBank | None = None) -> Sounds:
        """What a mixer draws from; `mined`: more that was taken for a word."""
        shares = {
            TAKES: _TAKES_SHARE,
            SENTENCES: _SENTENCES_SHARE,
            OTHER_WORDS: _OTHER_WORDS_SHARE,
        }
        others = [(shares.get(kind, _NEGATIVES_SHARE), bank) for kind, bank in self.others.items()]
        others += [(_HARD_SHARE, self.hard)]
        others += [(_HARD_SHARE, mined)] if mined is not None else []
        noise = [(1.0, self.noise)]
        noise += [
            (_SPEECH_AS_NOISE if kind in shares else 1.0, bank)
            for kind, bank in self.others.items()
            if kind != TAKES
        ]
        if self.under_words is not None:
            noise = [(1.0, self.under_words)]
        return Sounds(
            words=[
                Choice(((1.0, takes), (_RECORDINGS_SHARE, recorded)))
                for takes, recorded in self.words
            ],
            others=Choice(tuple(others)),
            noise=Choice(tuple(noise)),
            rooms=self.rooms,
        )

    def heard(self) -> dict[str, SoundBank]:
        """What tells how often a detector would be wrong in an hour of life, by kind.

        Sound-alikes are not among it, and other words have pauses between them.
        """
        kinds = {kind: bank for kind, bank in self.others.items() if kind != TAKES and len(bank)}
        if OTHER_WORDS in kinds:
            kinds[OTHER_WORDS] = kinds[OTHER_WORDS].apart(round(_WORD_PAUSE_S * RATE))
        return kinds

    def hours(self) -> dict[str, float]:
        """Hours of other sound by kind."""
        return {kind: len(bank.samples) / RATE / 3600 for kind, bank in self.others.items()}


@dataclasses.dataclass(frozen=True)
class Facts:
    """What there is to train on.

    Attributes:
      hours: of other sound, by kind.
      spoken: takes and recordings, per word.
      digest: of the content of all files, of all splits.
    """

    hours: dict[str, float]
    spoken: dict[str, int]
    digest: str


def facts(folders: Folders, cache: Path) -> Facts:
    """Measures and identifies the sound.

    Args:
      folders: where it is.
      cache: remembers the content of files.

    Raises:
      UserError: a folder has no sound, or a file cannot be read.
    """
    assert folders.takes is not None
    sounds = load(folders, "training")
    spoken = {
        word: len(takes) + len(recorded)
        for word, (takes, recorded) in zip(folders.words, sounds.words, strict=True)
    }
    digest = hashlib.sha256(files.read_bytes(folders.takes / take_record.TAKES, _MOST_BYTES))
    add_contents(digest, folders, cache)
    _tell_of_recordings(folders)
    tell_of_negatives(folders, sounds)
    if folders.rooms:
        rooms.tell(folders.rooms)
    hours = {kind: round(hours, 4) for kind, hours in sounds.hours().items()}
    return Facts(hours, spoken, digest.hexdigest())


def add_contents(digest: "hashlib._Hash", folders: Folders, cache: Path) -> None:
    """Adds the content of all folders but the takes to a digest.

    Raises:
      UserError: a folder has no sound.
    """
    given = [(folders.recordings, "--recordings")] if folders.recordings else []
    given += [(folder, "--negatives") for folder in folders.negatives]
    given += [(folder, "--hard_negatives") for folder in folders.hard]
    given += [(folders.rooms, "--rooms")] if folders.rooms else []
    for folder, flag in given:
        assert folder is not None
        contents = file_contents.of(folder, given_sound.names(folder, flag), cache)
        digest.update(json.dumps([flag, folder.name, contents], sort_keys=True).encode())
        for _, name in given_sound.LISTS:
            if flag == "--negatives" and (folder / name).is_file():
                digest.update(files.read_bytes(folder / name, _MOST_BYTES))


def _tell_of_recordings(folders: Folders) -> None:
    """Logs which are left out. Raises UserError if all are."""
    for place, word in enumerate(folders.words if folders.recordings else ()):
        speech = [_speech(path) for path in _recorded(folders, place)]
        long = sum(len(sound) > _LONGEST_WORD_S * RATE for sound in speech)
        if long == len(speech):
            raise UserError(
                f"--recordings={folders.recordings}: each recording of '{word}' is longer than "
                f"{_LONGEST_WORD_S:g} s without the silence around it",
                "cut them to one word each",
            )
        if long:
            _log.warning(
                "--recordings=%s: %d of %d recordings of '%s' are longer than %g s without the "
                "silence around them and are left out; cut them to one word each",
                folders.recordings,
                long,
                len(speech),
                word,
                _LONGEST_WORD_S,
            )


def tell_of_negatives(folders: Folders, training: WakeSounds) -> None:
    """Logs what is not used by all splits. Raises UserError if nothing would be trained on."""
    for folder in folders.negatives:
        if not len(training.others[folder.name]):
            raise UserError(
                f"--negatives={folder}: all of its files are kept for validation and test",
                "add more, or join them to one that is longer than a minute",
            )
        for split, _ in given_sound.LISTS:
            if not len(given_sound.negatives(folder, split)):
                _log.warning(
                    "--negatives=%s: none of its files is kept for %s; the detector is not judged "
                    "on this kind of sound there",
                    folder,
                    "the test" if split == "testing" else split,
                )


def load(folders: Folders, split: Split) -> WakeSounds:
    """Reads the sound of a split.

    Raises:
      UserError: a folder has no sound, or a file cannot be read.
    """
    assert folders.takes is not None
    takes = take_record.kept(take_record.read(folders.takes))
    mine = [take for take in takes if take.split == split]
    others: dict[str, SoundBank] = {
        TAKES: _bank_of(folders.takes, mine, lambda t: t.kind not in (WORD, SENTENCE)),
        SENTENCES: _bank_of(folders.takes, mine, lambda t: t.kind == SENTENCE),
    }
    for folder in folders.negatives:
        others[folder.name] = given_sound.negatives(folder, split)
    words = []
    for place, word in enumerate(folders.words):
        spoken = _bank_of(folders.takes, mine, functools.partial(_says, word))
        recorded = sound_bank.of(_recordings(folders, place, split))
        if not len(spoken) and not len(recorded):
            raise UserError(
                f"{folders.takes} has no takes of '{word}' for {split}", "make more with --takes"
            )
        words.append((spoken, recorded))
    return WakeSounds(
        words,
        others,
        hard(folders, split),
        sound_bank.of(synthetic_noise(split)),
        rooms.load(folders.rooms, split) if folders.rooms else (),
    )


def hard(folders: Folders, split: Split) -> SoundBank:
    """What detectors took for a word; all of it is trained on.

    Raises:
      UserError: a folder has no sound, or a file cannot be read.
    """
    return sound_bank.of(
        wav.read(folder / name, RATE).samples
        for folder in (folders.hard if split == "training" else ())
        for name in given_sound.names(folder, "--hard_negatives")
    )


def tested_on(
    sounds: WakeSounds,
    words: Sequence[str],
    recordings: Path | None,
    folders: Sequence[Path],
    noise: Path | None,
) -> WakeSounds:
    """The sound of a test, with all that is in some folders.

    Args:
      sounds: the run's own.
      words: the wake words.
      recordings: WORD/*.wav, or *.wav if there is one word; they replace the run's own takes.
      folders: of other sound, each a kind, besides the run's own.
      noise: what is mixed under the words instead of all kinds of sound.

    Raises:
      UserError: a folder has no sound, or a file cannot be read.
    """
    spoken = list(sounds.words)
    for place, word in enumerate(words if recordings else ()):
        assert recordings is not None
        folder = _folder_of_word(recordings, word, len(words))
        takes = (
            leveled(_speech(folder / name))
            for name in given_sound.names(folder, "--test_recordings")
        )
        spoken[place] = (sound_bank.of(takes), _EMPTY)
    others = dict(sounds.others)
    for folder in folders:
        if folder.name in others:
            raise UserError(
                f"--test_negatives: there is another kind of sound named '{folder.name}'",
                "rename the folder",
            )
        others[folder.name] = given_sound.whole(folder, "--test_negatives")
    under = given_sound.whole(noise, "--test_noise") if noise else None
    return dataclasses.replace(sounds, words=spoken, others=others, under_words=under)


def _recordings(folders: Folders, place: int, split: Split) -> Iterator[np.ndarray]:
    """Recordings of a word without the silence around it, as loud as takes are."""
    if folders.recordings is None:
        return
    paths = _recorded(folders, place)
    few = len(paths) < _FEWEST_RECORDINGS
    speakers = Speakers()
    for path in paths:
        if split == ("training" if few else given_sound.split_of(speakers.group(path.name))):
            speech = _speech(path)
            if len(speech) <= _LONGEST_WORD_S * RATE:
                yield leveled(speech)


def _recorded(folders: Folders, place: int) -> list[Path]:
    assert folders.recordings is not None
    folder = _folder_of_word(folders.recordings, folders.words[place], len(folders.words))
    return [folder / name for name in given_sound.names(folder, "--recordings")]


def _folder_of_word(recordings: Path, word: str, words: int) -> Path:
    folder = recordings / word
    return recordings if words == 1 and not folder.is_dir() else folder


def _speech(path: Path) -> np.ndarray:
    """What is between the silence around it, float32."""
    sound = wav.read(path, RATE).samples / np.float32(32768.0)
    return simulation.trim_silence(sound, RATE, given_sound.QUIET_DB)


def leveled(speech: np.ndarray) -> np.ndarray:
    """A word as loud as takes are: float32 to int16."""
    loud = simulation.active_rms(speech, RATE)
    return simulation.to_int16(speech * (_LEVEL / loud) if loud else speech)


def _bank_of(folder: Path, takes: Sequence[Take], wanted: Callable[[Take], bool]) -> SoundBank:
    chosen = [take for take in takes if wanted(take)]
    return sound_bank.of(wav.read(folder / take.path, RATE).samples for take in chosen)


def _says(word: str, take: Take) -> bool:
    return take.kind == WORD and take.word == word


def synthetic_noise(split: Split) -> Iterator[np.ndarray]:
    """White to brown noise, hum, gusts, crackle and engines; other noise for each split."""
    seed = SPLITS.index(split)
    length = _SYNTHETIC_NOISE_S * RATE
    sounds = [
        noises.coloured(np.random.default_rng([seed, 1, kind]), length, exponent)
        for kind, exponent in enumerate((0.0, 0.5, 1.0, 1.5, 2.0))
    ]
    sounds += [noises.hum(np.random.default_rng([seed, 2, kind]), length) for kind in (0, 1)]
    sounds += [
        make(np.random.default_rng([seed, 3, kind, place]), length)
        for kind, make in enumerate((noises.gusts, noises.crackle, noises.engine))
        for place in range(_OF_EACH_NOISE)
    ]
    yield from (simulation.to_int16(sound) for sound in sounds)
