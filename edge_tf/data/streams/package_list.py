"""Packages of Debian and Ubuntu that hold sound; needs nothing that takes time to load."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Package:
    """A package with sound.

    Attributes:
      name: of the package.
      kind: what sort of sound it holds.
      licence: of the sound, as the package's copyright file says.
      about: what it is.
    """

    name: str
    kind: str
    licence: str
    about: str


PACKAGES = (
    Package(
        "tuxpaint-stamps-default",
        "spoken",
        "GPL-2+ and others",
        "names of things, spoken in some twelve languages, and sounds of animals; 3.1 h",
    ),
    Package(
        "klettres-data", "spoken", "GPL-2+", "letters and syllables in some 25 languages; 0.9 h"
    ),
    Package("ktuberling-data", "spoken", "GPL-2+", "nouns in a dozen languages; 0.5 h"),
    Package(
        "asterisk-prompt-it-menardi-wav",
        "spoken",
        "GPL-2+",
        "telephone prompts in Italian; 0.4 h",
    ),
    Package("colobot-common-sounds", "effects", "GPL-3+", "machines, and music; 1.1 h"),
)
