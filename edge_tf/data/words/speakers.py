"""Who speaks in a clip, as far as its path says: --speaker_pattern, or SPEAKER_nohash_N.

Takes of one speaker must not be in two splits, else the test is not one of unseen speakers.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from edge_tf.errors import UserError

SPEAKER = "{speaker}"
EXAMPLE = "*/{speaker}-*"
_NO_HASH = "_nohash_"
_EXPECTED = f"give a pattern such as '{EXAMPLE}' for lamp/anna-03.wav"
_MOST_WILDCARDS = 3  # per part, so that no pattern takes long, whoever wrote it


class Speakers:
    """Maps clips to speakers.

    Args:
      pattern: --speaker_pattern: the path of a clip relative to the data, with {speaker} where
        its speaker is and * for any other characters; neither contains a "/". Matching is as
        short as possible from the left. Two parts (WORD/FILE), or three if clips are in folders
        of speakers (WORD/SPEAKER/FILE). "": SPEAKER_nohash_N, as in Speech Commands.

    Raises:
      UserError: no such pattern.
    """

    def __init__(self, pattern: str = "") -> None:
        self.pattern = pattern
        self._parts = [re.compile(_expression(part)) for part in pattern.split("/")]
        parts = pattern.split("/")
        if pattern and (
            pattern.count(SPEAKER) != 1
            or len(parts) not in (2, 3)
            or not all(parts)
            or max(part.count("*") + part.count(SPEAKER) for part in parts) > _MOST_WILDCARDS
        ):
            raise UserError(
                f"--speaker_pattern={pattern} must have {SPEAKER} once, one or two /, and at most "
                f"{_MOST_WILDCARDS} wildcards in each part",
                _EXPECTED,
            )

    @property
    def levels(self) -> int:
        """How deep clips are below a word's folder."""
        return len(self._parts) - 1 if self.pattern else 1

    def known(self, path: str) -> str | None:
        """The speaker of a clip; None if its path does not tell.

        Args:
          path: relative to the data, such as "lamp/0a7c2a8d_nohash_0.wav".
        """
        if not self.pattern:
            name, found, _ = PurePosixPath(path).name.partition(_NO_HASH)
            return name if found else None
        parts = path.split("/")
        if len(parts) != len(self._parts):
            return None
        matches = [
            pattern.fullmatch(part) for pattern, part in zip(self._parts, parts, strict=True)
        ]
        if not all(matches):
            return None
        return next(match[1] for match in matches if match is not None and match.re.groups)

    def group(self, path: str) -> str:
        """What decides over a clip's split: its speaker, or the file's name if it is not known."""
        return self.known(path) or PurePosixPath(path).name

    def unknown(self, paths: Iterable[str]) -> list[str]:
        """Clips whose paths do not tell a speaker.

        Raises:
          UserError: --speaker_pattern matches none of them.
        """
        paths = list(paths)
        result = [path for path in paths if self.known(path) is None]
        if self.pattern and len(result) == len(paths):
            raise UserError(
                f"--speaker_pattern={self.pattern} matches no clip, such as {paths[0]}", _EXPECTED
            )
        return result


def _expression(part: str) -> str:
    """A part of a pattern as a regular expression."""
    pieces = re.split(r"(\*|\{speaker\})", part)
    known = {"*": "[^/]*?", SPEAKER: "([^/]+?)"}
    return "(?s:" + "".join(known.get(piece, re.escape(piece)) for piece in pieces) + ")"
