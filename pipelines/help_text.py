"""The text of --help: what a stage does, an example, and its flags by group, required ones first.

absl lists flags by alphabet; here they come in the order in which they are defined:

    @group(Group.DATA)
    def define_data() -> None:
        flags.DEFINE_string("data_dir", None, "<DIR>: Data set.")

A help text may start with a placeholder in angle brackets, as absl itself starts those of enums.
"""

import contextlib
import enum
import re
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from absl import flags

FLAGS = flags.FLAGS
_COLUMN = 28  # where descriptions start
_NARROWEST = 60  # a narrower terminal breaks the lines itself
_HARD_SPACE = "\N{NO-BREAK SPACE}"  # inside "(default: 1)"
_TYPES = {"int": "N", "float": "X", "string": "TEXT"}
_FOOTER = "--helpfull also lists the flags of absl, the flags library."


class Group(enum.Enum):
    """Headings, in the order in which --help shows them."""

    REQUIRED = "You must give"
    DATA = "Data"
    STREAMS = "Streams (--on_streams, --task=wake)"
    WAKE = "Wake word (--task=wake)"
    FEW_SHOT = "Few-shot (--task=fewshot)"
    NETWORK = "Network"
    FRONTEND = "Front-end"
    TRAINING = "Training"
    AUGMENTATION = "Augmentation in training"
    COMPRESSION = "Compression"
    CONVERSION = "Conversion"
    MEASUREMENT = "Measurement"
    DETECTION = "Detection"
    OUTPUT = "Output"
    OTHER = "Other"


_groups: dict[str, Group] = {}


@contextlib.contextmanager
def group(of: Group) -> Iterator[None]:
    """Puts the flags that are defined inside into a group; also a decorator of functions."""
    before = set(FLAGS)
    yield
    for name in set(FLAGS) - before:
        _groups.setdefault(name, of)


def list_first(*names: str) -> None:
    """Lists flags under "You must give"; for flags whose absence the stage itself reports."""
    _groups.update(dict.fromkeys(names, Group.REQUIRED))


def require(*names: str) -> None:
    """Makes flags required, and lists them under "You must give"."""
    for name in names:
        flags.register_validator(name, lambda value: value is not None, message="must be given")
    list_first(*names)


def grouped() -> dict[Group, list[Any]]:
    """The flags of the stage, in order; those of no group are in Group.OTHER."""
    by_module = FLAGS.flags_by_module_dict()
    of_absl = {
        flag for module, held in by_module.items() if module.startswith("absl.") for flag in held
    }
    ours = [FLAGS[name] for name in FLAGS if FLAGS[name] not in of_absl]
    of = {each: [f for f in ours if _groups.get(f.name, Group.OTHER) is each] for each in Group}
    return {each: members for each, members in of.items() if members}


def terminal_width() -> int:
    """Columns of the terminal; 80 if the output is not one."""
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def render(about: str, width: int) -> str:
    """The whole text.

    Args:
      about: docstring of the stage; its indented lines (examples) are kept as they are.
      width: of the lines.
    """
    paragraphs = textwrap.dedent(about).strip("\n").split("\n\n")
    parts = [part if part.startswith(" ") else _fill(part, width) for part in paragraphs if part]
    for each, members in grouped().items():
        parts.append("\n".join([f"{each.value}:", *(_entry(flag, width) for flag in members)]))
    return "\n\n".join([*parts, _FOOTER])


def _fill(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(_HARD_SPACE, " ")


def _broken(name: str, width: int) -> str:
    """A flag with its values, of which there may be more than fit in a line."""
    lines = [""]
    for part in re.findall(r"[^|]+\|?", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append(" " * 10)
        lines[-1] += part
    return "\n".join(lines)


def _entry(flag: Any, width: int) -> str:
    """One flag: its name and value, and beside or below them what it means."""
    found = re.fullmatch(r"(?:<([^>]+)>: )?(.*)", flag.help, re.DOTALL)
    placeholder, text = found.groups() if found else (None, flag.help)
    if flag.boolean:
        name = f"  --[no]{flag.name}"
    else:
        name = f"  --{flag.name}={placeholder or _TYPES.get(flag.flag_type(), 'LIST')}"
    notes = "; ".join(note for note in (_default(flag, text), _range(flag)) if note)
    if notes:
        whole = notes if isinstance(flag.default, list) else notes.replace(" ", _HARD_SPACE)
        text = f"{text} ({whole})"
    described = _fill(text, width, " " * _COLUMN)
    if len(name) + 2 > _COLUMN:
        return f"{_broken(name, width)}\n{described}"
    return f"{name:<{_COLUMN}}{described.lstrip()}"


def _default(flag: Any, text: str) -> str:
    """The default in short; none if there is no value, or the text says what happens without."""
    value = flag.default
    if "Default:" in text or (not _is_number(value) and not value):
        return ""
    if isinstance(value, list):
        return f"default: {flag.serializer.serialize(value).replace(',', ', ')}"
    if value is True:
        return "default: on"
    return f"default: {value:g}" if _is_number(value) else f"default: {value}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(flag: Any) -> str:
    """Which numbers are allowed; that a count is not negative goes without saying."""
    least = getattr(flag.parser, "lower_bound", None)
    most = getattr(flag.parser, "upper_bound", None)
    if least is not None and most is not None:
        return f"{least:g} to {most:g}"
    return f"at least {least:g}" if least is not None and least > 1 else ""
