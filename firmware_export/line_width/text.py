"""Line breaks of README files and of CMake's files."""

import re
import textwrap
from collections.abc import Iterator

from firmware_export.line_width import WIDTH, c_code

_FENCE = re.compile(r"^ *```(\w*)")
_ITEM = re.compile(r"( *)(?:- |\d+\. )?")
_ALONE = re.compile(r"^(?:\||#| *```|$)")
_STARTS_ITEM = re.compile(r"^ *(?:- |\d+\. )")


def markdown(text: str, prefix: str = "") -> str:
    """Prose and C within the width; a row of a table is one line whatever its length."""
    return "\n".join(_markdown_lines(text.split("\n"), prefix))


def cmake(text: str) -> str:
    """Comments and commands within the width."""
    made: list[str] = []
    for line in text.split("\n"):
        if len(line) <= WIDTH:
            made.append(line)
            continue
        indent = len(line) - len(line.lstrip())
        further = " " * indent + ("# " if line.lstrip().startswith("#") else "  ")
        # Quoted arguments stay whole.
        whole = re.sub(r'"[^"]*"', lambda match: match[0].replace(" ", "\xa0"), line)
        made += [part.replace("\xa0", " ") for part in _filled(whole, "", further)]
    return "\n".join(made)


def _markdown_lines(given: list[str], prefix: str) -> Iterator[str]:
    position = 0
    while position < len(given):
        line, end = given[position], position + 1
        fence = _FENCE.match(line)
        if fence:
            while end < len(given) and not _FENCE.match(given[end]):
                end += 1
            code = "\n".join(given[position + 1 : end])
            yield line
            yield from (c_code.wrapped(code, prefix) if fence[1] in ("c", "cpp") else code).split(
                "\n"
            )
            if end < len(given):
                yield given[end]
            end += 1
        elif _ALONE.match(line):
            yield line
        else:
            while end < len(given) and not (
                _ALONE.match(given[end]) or _STARTS_ITEM.match(given[end])
            ):
                end += 1
            yield from _paragraph(given[position:end])
        position = end


def _paragraph(given: list[str]) -> list[str]:
    if max(map(len, given)) <= WIDTH:
        return given
    start = _ITEM.match(given[0])
    assert start is not None
    joined = " ".join(line.strip() for line in given)
    return _filled(joined, start[1], " " * len(start[0]))


def _filled(text: str, first: str, further: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
