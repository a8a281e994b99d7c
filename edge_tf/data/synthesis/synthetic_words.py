"""Synthetic words spoken by espeak-ng, in the Speech Commands layout.

OUT/WORD/SPEAKER_nohash_N.wav   16 kHz, mono, 16 bit, exactly one second
OUT/_background_noise_/*.wav    white, pink and brown noise, hum, babble
OUT/validation_list.txt, testing_list.txt   no speaker is in two splits
OUT/synthesis.json, clips.tsv, README.md    how every sound was made
"""

import dataclasses
import logging
import shutil
import wave
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edge_tf import files
from edge_tf.audio import espeak, simulation
from edge_tf.audio.espeak import Espeak, Voice
from edge_tf.data.dataset import NOISE_FOLDER
from edge_tf.data.synthesis import synthetic_record as record
from edge_tf.data.synthesis.synthetic_noise import background_noises
from edge_tf.data.synthesis.synthetic_record import Clip
from edge_tf.data.synthesis.synthetic_request import RATE, Request
from edge_tf.data.synthesis.synthetic_speakers import Speaker, allot, draw_speakers
from edge_tf.data.synthesis.voices.espeak import FEMALE_VARIANTS, MALE_VARIANTS
from edge_tf.errors import UserError

_log = logging.getLogger(__name__)

# Speech longer than this leaves no room to shift it within the second.
_LONGEST_SPEECH = int(0.94 * RATE)
_FASTEST_RATE = 450
_FADE = int(0.005 * RATE)

_INTONATIONS = ("", ".", "?", "!", ",")


@dataclasses.dataclass(frozen=True)
class Summary:
    """What was made: clips and speakers per split, and clips too long for one second."""

    path: Path
    clips: dict[str, int]
    speakers: dict[str, int]
    sped_up: int
    trimmed: int


def _speak_to_fit(
    engine: Espeak, text: str, voice: Voice, tract: float
) -> tuple[np.ndarray, Voice, str]:
    """Speech at RATE that fits into a clip, the voice used, and what was done to make it fit."""
    fit = ""
    for attempt in range(4):
        raw, rate = engine.speak(text, voice)
        speech = simulation.resample(simulation.trim_silence(raw, rate), RATE / rate * tract)
        if len(speech) <= _LONGEST_SPEECH:
            return simulation.fade_ends(speech, _FADE), voice, fit
        if attempt == 3 or voice.rate >= _FASTEST_RATE:
            break
        faster = voice.rate * len(speech) / _LONGEST_SPEECH * 1.08
        voice = dataclasses.replace(voice, rate=min(_FASTEST_RATE, int(faster) + 1))
        fit = "sped_up"
    return simulation.fade_ends(speech[:_LONGEST_SPEECH], 4 * _FADE), voice, "trimmed"


def _clip(
    engine: Espeak,
    speaker: Speaker,
    channel: simulation.Channel,
    noises: dict[str, np.ndarray],
    word: str,
    number: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, Clip]:
    """One second, int16 [RATE], and how it was made."""
    text = word.replace("_", " ") + str(rng.choice(_INTONATIONS))
    voice = dataclasses.replace(
        speaker.voice,
        rate=round(speaker.voice.rate * rng.uniform(0.88, 1.14)),
        pitch=int(np.clip(speaker.voice.pitch + rng.integers(-8, 9), 0, 99)),
    )
    speech, voice, fit = _speak_to_fit(engine, text, voice, speaker.tract)
    if len(speech) == 0:
        raise UserError(f"--words: espeak-ng is silent on '{word}'", "write it as it is spoken")
    start = int((RATE - len(speech)) * rng.beta(2.0, 2.0))
    recorded = channel(speech)[: RATE - start]
    level = round(speaker.level_db + float(rng.uniform(-4.0, 4.0)), 1)
    target = 10.0 ** (level / 20.0)
    present = simulation.active_rms(recorded, RATE)
    second = np.zeros(RATE, np.float32)
    second[start : start + len(recorded)] = recorded * (target / max(present, 1e-9))
    kind = str(rng.choice(sorted(noises)))
    snr = round(float(rng.uniform(15.0 if kind == "babble" else 8.0, 40.0)), 1)
    offset = int(rng.integers(len(noises[kind]) - RATE + 1))
    noise = simulation.set_rms(noises[kind][offset : offset + RATE])
    second += noise * (10.0 * target * 10.0 ** (-snr / 20.0))
    clip = Clip(
        path=f"{word}/{speaker.name}_nohash_{number}.wav",
        word=word,
        split=speaker.split,
        speaker=speaker.name,
        text=text,
        rate=voice.rate,
        pitch=voice.pitch,
        fit=fit,
        start=start,
        level_db=level,
        noise=kind,
        snr_db=snr,
    )
    return simulation.to_int16(second), clip


def _write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.astype("<i2").tobytes())


def _voices(request: Request) -> tuple[list[str], list[list[str]], str]:
    """Accents and groups of variants to draw from, espeak-ng's version. Tries every word."""
    with Espeak(request.seed) as engine:
        accents = engine.accents(request.language)
        if not accents:
            raise UserError(
                f"--language={request.language}: espeak-ng {engine.version} does not speak it",
                "name a language tag such as en, en-us, de or fr",
            )
        installed = set(engine.variants())
        groups = [
            [name for name in group if name in installed]
            for group in (FEMALE_VARIANTS, MALE_VARIANTS)
        ]
        if min(map(len, groups)) < 3:
            raise UserError(
                f"espeak-ng {engine.version} lacks the voice variants that this needs",
                f"run: {espeak.INSTALL} --force-reinstall",
            )
        for word in (*request.words, *request.unknown_words):
            samples, rate = engine.speak(word.replace("_", " "), Voice(accents[0]))
            if len(simulation.trim_silence(samples, rate)) < 0.05 * rate:
                raise UserError(
                    f"espeak-ng is silent on the word '{word}'", "write it as it is spoken"
                )
        return accents, groups, engine.version


def _build(request: Request, folder: Path, progress: bool) -> Summary:
    accents, groups, version = _voices(request)
    speakers = draw_speakers(request.speakers, accents, groups, request.seed)
    noises = background_noises(request, accents, [name for group in groups for name in group])
    noise_folder = folder / NOISE_FOLDER
    noise_folder.mkdir(parents=True)
    for name, samples in noises.items():
        _write_wav(noise_folder / f"{name}.wav", simulation.to_int16(samples))
    wanted = {word: request.clips_per_word for word in request.words}
    wanted |= {word: request.clips_per_unknown_word for word in request.unknown_words}
    splits = [speaker.split for speaker in speakers]
    allotted = {w: allot(count, splits, w, request.seed) for w, count in wanted.items()}
    clips: list[Clip] = []
    for word in wanted:
        (folder / word).mkdir()
    bar = tqdm(total=sum(wanted.values()), unit="clip", desc="speaking", disable=not progress)
    with bar:
        for index, speaker in enumerate(speakers):
            channel = simulation.Channel(speaker.room, speaker.microphone, RATE, _LONGEST_SPEECH)
            with Espeak(request.seed * 1009 + index) as engine:
                for word in wanted:
                    rng = np.random.default_rng([request.seed, 5, index, zlib.crc32(word.encode())])
                    for number in range(allotted[word][index]):
                        samples, clip = _clip(engine, speaker, channel, noises, word, number, rng)
                        _write_wav(folder / clip.path, samples)
                        clips.append(clip)
                        bar.update()
    clips.sort(key=lambda clip: clip.path)
    record.write(folder, request, speakers, clips, version)
    fits = Counter(clip.fit for clip in clips)
    return Summary(
        path=folder,
        clips=dict(Counter(clip.split for clip in clips)),
        speakers=dict(Counter(speaker.split for speaker in speakers)),
        sped_up=fits["sped_up"],
        trimmed=fits["trimmed"],
    )


def synthesize(request: Request, out: Path, progress: bool = True) -> Summary:
    """Makes a set of spoken words.

    The same request produces the same bytes with the same versions of espeak-ng and NumPy on the
    same kind of machine. No partial output is left at `out`.

    Args:
      request: what to make.
      out: the folder; it may exist if it is empty, or a synthetic set, which is then replaced.
      progress: whether to show a progress bar.

    Returns:
      What was made.

    Raises:
      UserError: espeak-ng is missing or cannot say a word; `out` contains other files; disk full.
    """
    out = Path(out)
    record.require_replaceable(out)
    needed = 2 * RATE * (request.total_clips + 5 * request.noise_seconds) * 5 // 4
    existing = next(parent for parent in (out, *out.resolve().parents) if parent.exists())
    if (free := shutil.disk_usage(existing).free) < needed:
        raise UserError(
            f"--out={out} needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            "free some space or ask for fewer clips",
        )
    with files.atomic_path(out.resolve()) as temporary:
        temporary.mkdir()
        summary = _build(request, temporary, progress)
    for count, what in ((summary.sped_up, "sped up to fit"), (summary.trimmed, "cut off after")):
        if count:
            _log.warning("%d of %d clips were %s one second", count, request.total_clips, what)
    return dataclasses.replace(summary, path=out)
