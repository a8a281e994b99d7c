"""Line breaks of a file of C: comments are filled again, statements broken again.

Only what is too long is touched, and statements whose arguments are no longer aligned. Nothing but
white space is added, and the asterisks of comments; a comment after code that leaves no room for
it goes above.
"""

import itertools
import re
import textwrap
from collections.abc import Iterator

from firmware_export import c_layout
from firmware_export.line_width import WIDTH, c_statement

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_TRAILING = re.compile(r"^(\s*)(\S.*?)\s+(/\*(?:(?!\*/).)*\*/|//.*)$")
_START = re.compile(r"(\s*)/\*+ ?")
_LABELLED = re.compile(r"\s*\* +\w+: +")
_STARRED = re.compile(r"\s*\* *")


def wrapped(text: str, prefix: str = "") -> str:
    """A file with lines within the width.

    Args:
      text: of the file.
      prefix: of the names that are longer than when the file was laid out.
    """
    return "\n".join(_all_lines(text.split("\n"), prefix))


def _all_lines(given: list[str], prefix: str) -> Iterator[str]:
    rest = iter(given)
    for line in rest:
        if line.lstrip().startswith("/*"):
            yield from _comment([line, *_until_end(line, rest)])
        elif line.lstrip().startswith("#"):
            yield from _directive(line)
            while line.endswith("\\"):
                line = next(rest)
                yield line
        elif line.lstrip().startswith("//") or not line.strip():
            yield line
        else:
            yield from _statement([line, *_until_closed(line, rest)], prefix)


def _until_end(line: str, rest: Iterator[str]) -> Iterator[str]:
    while not line.rstrip().endswith("*/"):
        if "*/" in line:
            return
        line = next(rest)
        yield line


def _until_closed(line: str, rest: Iterator[str]) -> Iterator[str]:
    """What follows until round brackets are closed."""
    depth = _depth(line)
    while depth > 0:
        line = next(rest)
        depth += _depth(line)
        yield line


def _depth(line: str) -> int:
    code = _QUOTED.sub('""', line)
    code = re.sub(r"/\*.*?\*/|//.*", "", code)
    return code.count("(") - code.count(")")


def _statement(given: list[str], prefix: str) -> list[str]:
    has_comment = any("/*" in line or "//" in line for line in map(_unquoted, given))
    if len(given) == 1 and has_comment:
        return _with_comment(given[0])
    is_moved = bool(prefix) and prefix in "".join(given[:-1]).lower() and not _is_aligned(given)
    is_text = any(line.endswith('"') for line in given[:-1])  # strings that a person has broken
    if has_comment or is_text or (max(map(len, given)) <= WIDTH and not is_moved):
        return given
    code = given[0].strip()
    for line in given[1:]:
        code += line.strip() if code.endswith(("(", "[")) else f" {line.strip()}"
    return c_statement.lines(code, _indent(given[0]))


def _is_aligned(given: list[str]) -> bool:
    """Further lines begin after an open bracket of the lines before, or by four columns more."""
    columns = {_indent(given[0]) + 4}
    for line, following in itertools.pairwise(given):
        columns |= {match.end() for match in re.finditer(r"[(\[{]", line)}
        if _indent(following) not in columns:
            return False
    return True


def _with_comment(line: str) -> list[str]:
    """Code and the comment after it."""
    found = _TRAILING.match(line)
    if len(line) <= WIDTH or not found:
        return [line]
    indent = len(found[1])
    text = found[3].removeprefix("//").removeprefix("/*").removesuffix("*/").strip()
    above = [" " * indent + c_layout.comment(text, indent)]
    return "\n".join([*above, *c_statement.lines(found[2], indent)]).split("\n")


def _directive(line: str) -> list[str]:
    found = _TRAILING.match(line)
    if len(line) <= WIDTH or not found:
        return [line]
    return [*c_layout.comment(found[3][2:-2].strip()).split("\n"), found[2]]


def _comment(given: list[str]) -> list[str]:
    """A block comment; what a line has too many goes to the next one of the same paragraph."""
    made: list[str] = []
    rest = list(given)
    while rest:
        line = rest.pop(0)
        if len(line) <= WIDTH:
            made.append(line)
            continue
        first = _START.match(line) if not made else None
        further = f"{first[1]} * " if first else _further(line)
        head = first or _LABELLED.match(line) or _STARRED.match(line)
        if head is None:
            return [*made, line, *rest]
        body = line[head.end() :].replace(" */", "\xa0*/")
        fitting = textwrap.wrap(
            body, WIDTH - len(head[0]), break_long_words=False, break_on_hyphens=False
        )[0]
        made.append((head[0] + fitting).replace("\xa0", " "))
        tail = body[len(fitting) :].strip(" ").replace("\xa0", " ")
        if rest and _goes_on(rest[0], further):
            rest[0] = f"{further}{tail} {rest[0][len(further) :]}"
        elif tail:
            rest.insert(0, f"{further}{tail}")
    return made


def _further(line: str) -> str:
    """What is before the text on the next line of a paragraph."""
    labelled, starred = _LABELLED.match(line), _STARRED.match(line)
    head = labelled or starred
    assert head is not None, line
    before = " " * len(head[0])
    star = line.index("*")
    before = f"{before[:star]}*{before[star + 1 :]}"
    is_code = labelled is None and len(head[0]) - star > 4
    return f"{before}    " if is_code else before


def _goes_on(line: str, further: str) -> bool:
    """Whether a line of a comment continues the paragraph."""
    text = line[len(further) :]
    return (
        line.startswith(further)
        and bool(text)
        and text[0] not in " -*"
        and not _LABELLED.match(line)
    )


def _unquoted(line: str) -> str:
    return _QUOTED.sub('""', line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
