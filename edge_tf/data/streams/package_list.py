"""Packages of Debian and Ubuntu that hold sound; needs nothing that takes time to load."""

import dataclasses
import enum


class Stored(enum.Enum):
    """How a package stores its sounds."""

    FILES = "files"
    """Sound files."""
    QUEEN = "queen"
    """Archives *.1c of "Flight of the Amazon Queen": a table of names, then MP3, Vorbis or FLAC."""
    BYTES = "bytes"
    """Files *.ALS of "Drascula": unsigned bytes at 11,025 Hz."""


@dataclasses.dataclass(frozen=True)
class Package:
    """A package with sound.

    Attributes:
      name: of the package.
      kind: what sort of sound it holds.
      licence: of the sound, as the package's copyright file says.
      about: what it is.
      stored: how.
    """

    name: str
    kind: str
    licence: str
    about: str
    stored: Stored = Stored.FILES


PACKAGES = (
    Package(
        "flight-of-the-amazon-queen",
        "dialogue",
        "freeware, may be distributed and modified",
        "actors of an adventure game, English; 4.6 h",
        Stored.QUEEN,
    ),
    Package(
        "drascula",
        "dialogue",
        "freeware, may be distributed and modified",
        "actors of an adventure game, English; 0.8 h",
        Stored.BYTES,
    ),
    Package("fillets-ng-data-cs", "dialogue", "GPL-2+", "fish that talk, Czech; 1.8 h"),
    Package("fillets-ng-data-nl", "dialogue", "GPL-2+", "the same in Dutch; 1.6 h"),
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
