"""Background noise for a synthetic set: coloured noise, hum, and people talking at once."""

from collections.abc import Sequence

import numpy as np

from edge_tf.audio import noises, simulation
from edge_tf.audio.espeak import Espeak, Voice
from edge_tf.data.synthesis.synthetic_request import RATE, Request
from edge_tf.errors import UserError

_BABBLE_VOICES = 6
_BABBLE_SENTENCES = (
    "The train was late again and everybody stood on the platform in the rain.",
    "She bought bread, two apples and a newspaper before she went back to work.",
    "We could meet at the bridge around nine if the weather holds.",
    "He never told his brother where the old keys were hidden.",
    "Every second summer they painted the fence in another colour.",
    "Nobody knew how long the meeting would take this time.",
    "Please remember to close the gate before the children come home.",
    "The road up the hill is narrow, so drive with care.",
)


def _babble(request: Request, accents: Sequence[str], variants: Sequence[str]) -> np.ndarray:
    """Several voices talking at once, none of them saying a keyword; RMS 0.1."""
    length = request.noise_seconds * RATE
    wanted = {part for word in request.words for part in word.casefold().split("_")}
    sentences = [
        sentence
        for sentence in _BABBLE_SENTENCES
        if not wanted & set(sentence.casefold().replace(",", "").replace(".", "").split())
    ] or [", ".join(word.replace("_", " ") for word in request.unknown_words) or "la la la"]
    mixed = np.zeros(length, np.float32)
    for talker in range(_BABBLE_VOICES):
        rng = np.random.default_rng([request.seed, 3, talker])
        voice = Voice(
            accent=str(rng.choice(accents)),
            variant=str(rng.choice(variants)),
            rate=int(rng.integers(130, 200)),
            pitch=int(rng.integers(25, 80)),
        )
        spoken: list[np.ndarray] = []
        with Espeak(request.seed + talker) as engine:
            while sum(map(len, spoken)) < length + RATE:
                raw, rate = engine.speak(str(rng.choice(sentences)), voice)
                if len(raw) == 0:
                    raise UserError(f"--language={request.language}: espeak-ng is silent")
                spoken.append(simulation.resample(raw, RATE / rate))
        stream = np.concatenate(spoken)[int(rng.integers(RATE)) :][:length]
        mixed += simulation.set_rms(stream, 0.1 * float(rng.uniform(0.5, 1.0)))
    return simulation.set_rms(mixed)


def background_noises(
    request: Request, accents: Sequence[str], variants: Sequence[str]
) -> dict[str, np.ndarray]:
    """The recordings of the folder _background_noise_.

    Args:
      request: for length and seed, and the words that the babble must not contain.
      accents, variants: voices of the babble.

    Returns:
      Name to float32 [noise_seconds * RATE], RMS 0.1.

    Raises:
      UserError: espeak-ng is missing or silent.
    """
    length = request.noise_seconds * RATE

    def rng(kind: int) -> np.random.Generator:
        return np.random.default_rng([request.seed, 4, kind])

    return {
        "white_noise": noises.coloured(rng(0), length, 0.0),
        "pink_noise": noises.coloured(rng(1), length, 1.0),
        "brown_noise": noises.coloured(rng(2), length, 2.0),
        "mains_hum": noises.hum(rng(3), length),
        "babble": _babble(request, accents, variants),
    }
