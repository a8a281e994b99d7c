"""Dry takes of words for training on streams: no room, no noise, as long as they are.

OUT/TEXT/SPEAKER_nohash_N.wav     16 kHz, mono, 16 bit, without silence at the ends
OUT/validation_list.txt, testing_list.txt   no speaker and no timbre is in two splits
OUT/takes.tsv                     a row per take: what, who, which split, kept or why not
OUT/takes.json                    the request, versions, and each voice with its licence

A take is a file and a row as soon as it is made, so a killed run goes on where it was, and a larger
request adds to a smaller one.
"""

import concurrent.futures
import dataclasses
import functools
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edge_tf import __version__, files, progress, records
from edge_tf.audio import simulation, wav, wav_bytes
from edge_tf.data.dataset import SPLITS
from edge_tf.data.synthesis import agreement, lexicon, phonetics, take_checks, take_plan
from edge_tf.data.synthesis import take_record as record
from edge_tf.data.synthesis.halves import halves
from edge_tf.data.synthesis.take_plan import Planned
from edge_tf.data.synthesis.take_record import HALF, SENTENCE, WORD, Take
from edge_tf.data.synthesis.take_request import TakeRequest
from edge_tf.data.synthesis.take_speakers import TakeSpeaker, draw_take_speakers
from edge_tf.data.synthesis.voices import registry
from edge_tf.data.synthesis.voices.synthesizer import RATE, Synthesizer
from edge_tf.errors import UserError

_log = logging.getLogger(__name__)

_LEVEL = 0.1  # RMS of the loud frames
_FADE = RATE // 200
# Takes of other texts that a take is compared with, and how different those texts sound at least,
# relative to the number of phonemes.
_OTHERS = 24
_OTHER_TEXT = 0.4
# One in so many takes of a word is also cut in two.
_HALVED = 4


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a set holds: takes per kind and per split, and how many were dropped, by reason."""

    path: Path
    synthesizers: tuple[str, ...]
    kinds: dict[str, int]
    splits: dict[str, int]
    dropped: dict[str, int]


def make(request: TakeRequest, out: Path, show_progress: bool = True) -> Summary:
    """Makes a set of takes, or what is missing of it.

    The same request gives the same bytes with the same versions, however often it was interrupted.

    Args:
      request: what to make.
      out: the folder: new, empty, or a set of takes, of which what the request names is kept.
      show_progress: whether to show a progress bar.

    Raises:
      UserError: a synthesizer is missing or cannot say a word; `out` contains other files.
    """
    record.require_ours(out)
    synthesizers = {
        one.name: one for one in registry.chosen(request.synthesizers, request.language)
    }
    if not request.synthesizers and (hint := registry.hint(synthesizers)):
        _log.info("%s", hint)
    kinds = take_plan.texts(request)
    phonemes = _phonemes(kinds, request)
    speakers = draw_take_speakers(
        request.speakers,
        list(synthesizers.values()),
        request.language,
        request.seed,
        request.accents,
    )
    planned = take_plan.plan(request, kinds, speakers)
    sentences, foreign = take_plan.plan_sentences(request, list(synthesizers.values()), speakers)
    planned += sentences
    speakers += foreign
    out.mkdir(parents=True, exist_ok=True)
    _write_metadata(out, request, synthesizers, speakers, None)
    takes = _make_missing(out, planned, synthesizers, phonemes, show_progress)
    takes = _compare(out, takes, phonemes)
    takes += _cut_in_two(out, takes)
    record.write(out, takes)
    record.write_lists(out, takes)
    summary = _summary(out, synthesizers, takes)
    _write_metadata(out, request, synthesizers, speakers, summary)
    for voice, reasons in sorted(record.drops(takes).items()):
        said = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        _log.info("dropped takes of %s: %s", voice, said)
    return summary


def _phonemes(kinds: Mapping[str, str], request: TakeRequest) -> dict[str, tuple[int, ...]]:
    """Of each text. Raises UserError if a wanted word has none."""
    pronounced = lexicon.pronounce((folder.replace("_", " ") for folder in kinds), request.language)
    found = {folder: one.phonemes for folder, one in zip(kinds, pronounced, strict=True)}
    for folder, sounds in found.items():
        if not sounds:
            raise UserError(
                f"espeak-ng has no sounds for the word '{folder}'", "write it as it is spoken"
            )
    return found


def _make_missing(
    out: Path,
    planned: Sequence[Planned],
    synthesizers: Mapping[str, Synthesizer],
    phonemes: Mapping[str, Sequence[int]],
    show_progress: bool,
) -> list[Take]:
    """Takes as planned, those that were there and those made now, in the plan's order."""
    there = {take.path: take for take in record.read(out)}
    done = {
        one.take.path: there[one.take.path]
        for one in planned
        if one.take.path in there and _is_whole(out, one.take, there[one.take.path])
    }
    for path in there.keys() - done.keys():
        (out / path).unlink(missing_ok=True)
    record.write(out, done.values())
    if done:
        _log.info("%d of %d takes are there already", len(done), len(planned))

    def made(one: Planned) -> Take:
        take = one.take
        samples = synthesizers[take.synthesizer].render(
            take.text, one.voice, take.seed, take.rate, take.pitch
        )
        if fault := _fault(take, samples, phonemes):
            return dataclasses.replace(take, dropped=fault)
        pcm = _pcm(samples)
        _write_wav(out / take.path, pcm)
        return dataclasses.replace(take, samples=len(pcm))

    missing = [one for one in planned if one.take.path not in done]
    with (
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
        progress.bar(
            total=len(missing), unit="take", desc="speaking", disable=not show_progress
        ) as bar,
    ):
        try:
            for take in pool.map(made, missing):
                done[take.path] = take
                record.append(out, take)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [done[one.take.path] for one in planned]


def _fault(take: Take, samples: np.ndarray, phonemes: Mapping[str, Sequence[int]]) -> str:
    if take.kind == SENTENCE:
        return take_checks.fault_of_sound(samples)
    return take_checks.fault(samples, len(phonemes[take.word]), take.rate, len(take.text.split()))


def _is_whole(out: Path, planned: Take, there: Take) -> bool:
    if not there.is_planned_as(planned):
        return False
    path = out / there.path
    return bool(there.dropped) or (
        path.is_file() and path.stat().st_size == _HEADER_BYTES + 2 * there.samples
    )


def _pcm(samples: np.ndarray) -> np.ndarray:
    """A rendered take without silence at its ends, at one level; int16."""
    speech = simulation.fade_ends(simulation.trim_silence(samples, RATE), _FADE)
    return simulation.to_int16(speech * (_LEVEL / simulation.active_rms(speech, RATE)))


_HEADER_BYTES = len(wav_bytes.encode(np.zeros(0, np.int16), RATE))


def _write_wav(path: Path, pcm: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_bytes(path, wav_bytes.encode(pcm, RATE))


def _compare(out: Path, takes: Sequence[Take], phonemes: Mapping[str, Sequence[int]]) -> list[Take]:
    """Drops new takes that other voices disagree with; what was compared before stays."""

    @functools.cache
    def spectra(path: str) -> np.ndarray:
        return agreement.spectra(wav.read(out / path, RATE).samples)

    # A synthesizer's takes are nearer to each other, whatever they say, than to another one's of
    # the same word: each is judged among its own.
    groups: dict[tuple[str, str], list[Take]] = {}
    for take in record.kept(takes):
        if take.kind != SENTENCE:
            groups.setdefault((take.synthesizer, take.word), []).append(take)
    verdicts: dict[str, str] = {}
    for (synthesizer, word), said in groups.items():
        if all(take.compared for take in said):
            continue
        own = {text: group for (name, text), group in groups.items() if name == synthesizer}
        bad = take_checks.disagreeing(
            [spectra(take.path) for take in said],
            [take.voice for take in said],
            [spectra(path) for path in _others(word, own, phonemes)],
        )
        for take, is_bad in zip(said, bad, strict=True):
            if not take.compared:
                verdicts[take.path] = take_checks.DISAGREES if is_bad else ""
    for path, verdict in verdicts.items():
        if verdict:
            (out / path).unlink()
    return [
        dataclasses.replace(take, dropped=verdicts[take.path], compared="yes")
        if take.path in verdicts
        else take
        for take in takes
    ]


def _others(
    word: str, by_word: Mapping[str, Sequence[Take]], phonemes: Mapping[str, Sequence[int]]
) -> list[str]:
    """Paths of some takes of texts that sound otherwise."""
    paths = [
        take.path
        for other, said in by_word.items()
        if phonetics.distance(phonemes[word], phonemes[other]) > _OTHER_TEXT * len(phonemes[word])
        for take in said[:: max(1, len(said) // 5)][:5]
    ]
    return paths[:: max(1, len(paths) // _OTHERS)][:_OTHERS]


def _cut_in_two(out: Path, takes: Sequence[Take]) -> list[Take]:
    """Halves of some takes of each word, as takes that do not say it."""
    made = []
    for place, take in enumerate(take for take in record.kept(takes) if take.kind == WORD):
        if place % _HALVED:
            continue
        sound = wav.read(out / take.path, RATE).samples / np.float32(32768.0)
        for name, half in zip(("first", "second"), halves(sound), strict=True):
            folder = f"{take.word}-{name}-half"
            path = f"{folder}/{Path(take.path).name}"
            pcm = simulation.to_int16(half)
            _write_wav(out / path, pcm)
            made.append(
                dataclasses.replace(take, path=path, kind=HALF, word=folder, samples=len(pcm))
            )
    return made


def _summary(out: Path, synthesizers: Mapping[str, Synthesizer], takes: Sequence[Take]) -> Summary:
    kept = record.kept(takes)
    splits = Counter(take.split for take in kept)
    return Summary(
        path=out,
        synthesizers=tuple(synthesizers),
        kinds=dict(Counter(take.kind for take in kept)),
        splits={split: splits[split] for split in SPLITS},
        dropped=dict(Counter(take.dropped for take in takes if take.dropped)),
    )


def _write_metadata(
    out: Path,
    request: TakeRequest,
    synthesizers: Mapping[str, Synthesizer],
    speakers: Sequence[TakeSpeaker],
    summary: Summary | None,
) -> None:
    """takes.json; without a summary the set is not whole."""
    metadata = {
        "made_by": record.MADE_BY,
        "format_version": record.FORMAT_VERSION,
        "speech": "synthetic: no person was recorded",
        "whole": summary is not None,
        "request": records.to_json(request),
        "sample_rate": RATE,
        "versions": {"edge_tf": __version__, "numpy": np.__version__}
        | {name: one.version() for name, one in synthesizers.items()},
        "licences": {name: one.licence for name, one in synthesizers.items()},
        "kinds": summary.kinds if summary else {},
        "splits": summary.splits if summary else {},
        "dropped": summary.dropped if summary else {},
        "speakers": [dataclasses.asdict(speaker) for speaker in speakers],
    }
    files.write_json(out / record.METADATA, metadata)
