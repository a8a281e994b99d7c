"""Which synthesizers there are."""

from collections.abc import Iterable

from edge_tf.data.synthesis.voices import kokoro
from edge_tf.data.synthesis.voices.espeak import EspeakVoices
from edge_tf.data.synthesis.voices.flite import FliteVoices
from edge_tf.data.synthesis.voices.kokoro import KokoroVoices
from edge_tf.data.synthesis.voices.synthesizer import Synthesizer
from edge_tf.errors import UserError

SYNTHESIZERS: dict[str, Synthesizer] = {
    synthesizer.name: synthesizer for synthesizer in (EspeakVoices(), KokoroVoices(), FliteVoices())
}

NEURAL_HINT = (
    "spoken without neural voices, with which a model would understand more people; "
    f"to install them, run: {kokoro.INSTALL}"
)


def hint(used: Iterable[str]) -> str:
    """A line about neural voices that could be installed; "" if they are used or cannot be."""
    if "kokoro" in used or not SYNTHESIZERS["kokoro"].missing():
        return ""
    return NEURAL_HINT


def chosen(names: Iterable[str], language: str) -> list[Synthesizer]:
    """Synthesizers by name; without names all that can be used here and speak the language.

    Raises:
      UserError: there is none of that name, it is not installed, or it does not speak the language.
    """
    names = list(names)
    if not names:
        usable = [one for one in SYNTHESIZERS.values() if not one.missing()]
        speaking = [one for one in usable if one.voices(language)]
        if not usable:
            raise UserError(SYNTHESIZERS["espeak"].missing())
        if not speaking:
            raise UserError(
                f"--language={language}: no synthesizer speaks it",
                "name a language tag such as en, en-us, de or fr",
            )
        return speaking
    found = []
    for name in dict.fromkeys(names):
        if name not in SYNTHESIZERS:
            raise UserError(
                f"--synthesizers: there is no '{name}'", f"name some of {', '.join(SYNTHESIZERS)}"
            )
        synthesizer = SYNTHESIZERS[name]
        if reason := synthesizer.missing():
            raise UserError(f"--synthesizers={name}: {reason}")
        if not synthesizer.voices(language):
            raise UserError(
                f"--language={language}: {name} does not speak it",
                f"name others with --synthesizers, or leave {name} out",
            )
        found.append(synthesizer)
    return found
