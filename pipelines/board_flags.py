"""Flags that name boards: their values are records of firmware_export.boards.board."""

from collections.abc import Sequence
from typing import Any

from absl import flags

from firmware_export.boards import board as boards
from firmware_export.boards.board import Board
from firmware_export.errors import ExportError

# absl lists a flag in --help of the module that defines it; the caller is who it belongs to.
flags.disclaim_key_flags()


def define(name: str, default: Sequence[Board], choices: Sequence[Board], text: str) -> None:
    """Defines a flag that takes a comma-separated list of boards.

    Args:
      name: of the flag; `flags.FLAGS` then has a list of records under it.
      default: the value if it is not given.
      choices: what it takes; a name of no other is refused before anything runs.
      text: help, to which the choices are added.
    """
    flags.DEFINE(
        _Parser(choices),
        name,
        _names(default),
        f"{text} Any of {_names(choices, ', ')}.",
        serializer=_Serializer(),
    )


def _names(given: Sequence[Board], separator: str = ",") -> str:
    return separator.join(board.name for board in given)


class _Parser(flags.ListParser):
    """From "host,cortex-m4" to records."""

    def __init__(self, choices: Sequence[Board]) -> None:
        super().__init__()
        self._choices = choices

    def parse(self, argument: Any) -> list[Board]:
        try:
            return [boards.by_name(name, self._choices) for name in super().parse(argument)]
        except ExportError as error:
            raise ValueError(str(error)) from None  # what absl expects, which names the flag


class _Serializer(flags.ArgumentSerializer):
    """The way back, for --help."""

    def serialize(self, value: Sequence[Board]) -> str:
        return _names(value)
