"""What a speech synthesizer is: voices, and text to sound."""

import abc
import dataclasses

import numpy as np

RATE = 16000

FEMALE = "female"
MALE = "male"


@dataclasses.dataclass(frozen=True)
class Voice:
    """A voice of a synthesizer.

    Attributes:
      synthesizer: name of its synthesizer.
      name: what `Synthesizer.render` knows it by.
      language: tag such as "en-us".
      sex: FEMALE, MALE or "" if unknown.
      timbres: what makes it sound as it does: itself, or those it is blended of, or what several
        accents share. Voices that share a timbre belong in the same split.
      accent: habits of accents.py with which it speaks; "" for none.
    """

    synthesizer: str
    name: str
    language: str
    sex: str
    timbres: tuple[str, ...]
    accent: str = ""


class Synthesizer(abc.ABC):
    """A speech synthesizer.

    Attributes:
      name: of the synthesizer, as --synthesizers spells it.
      licence: of program and voices, as the record of a set names it.
      turns: how many speakers of a set it gets for one of another: more if it sounds like people.
      has_accents: whether its voices speak with `Voice.accent`; others leave that out.
    """

    name: str
    licence: str
    turns: int = 1
    has_accents: bool = False

    @abc.abstractmethod
    def missing(self) -> str:
        """ "" if it can be used, else one line: what is missing and what to do."""

    @abc.abstractmethod
    def version(self) -> str:
        """Of what the sounds depend on. Raises UserError if it is missing."""

    @abc.abstractmethod
    def voices(self, language: str) -> list[Voice]:
        """Its voices for a language ("en": also en-us, en-gb, ...), in an order that stays.

        Raises:
          UserError: the synthesizer is missing.
        """

    @abc.abstractmethod
    def render(
        self, text: str, voice: Voice, seed: int, rate: float = 1.0, pitch: float = 1.0
    ) -> np.ndarray:
        """Speaks a text. The same arguments give the same samples, whatever was said before.

        Args:
          text: words, with punctuation that shapes the intonation.
          voice: one of `voices()`, or a blend.
          seed: varies what the other arguments leave open.
          rate: speed relative to the voice's own, 0.5 to 2.
          pitch: relative to the voice's own, 0.5 to 2.

        Returns:
          Float32 [n] at RATE Hz within [-1, 1]; silence at the ends is not cut; n may be 0.

        Raises:
          UserError: the synthesizer is missing.
          ValueError: it has no such voice.
        """

    def blend(self, first: Voice, second: Voice, share: float) -> Voice | None:
        """A voice between two of `voices()`; None if the synthesizer cannot blend.

        Args:
          first, second: voices of the same language.
          share: of the second, 0 to 1.
        """
        del first, second, share
        return None
