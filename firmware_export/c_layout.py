"""Line breaks of generated C, where clang-format puts them, so that it has nothing to change."""

import textwrap

_WIDTH = 100  # as in .clang-format


def comment(text: str, indent: int = 0) -> str:
    """A block comment, on several lines if needed; `text` cannot end it early.

    Args:
      text: anything; whitespace becomes a space.
      indent: columns before it.
    """
    words = " ".join(text.replace("*/", "* /").split())
    # The end must not be alone on a line: textwrap does not break at this space.
    lines = textwrap.wrap(f"{words}\xa0*/", _WIDTH - indent - 3, break_on_hyphens=False)
    return f"\n{' ' * indent} * ".join(["/* " + lines[0], *lines[1:]]).replace("\xa0", " ")


def lines(text: str, prefix: str = " * ") -> str:
    """Lines within a block comment: all of `text`, with `prefix` before each but the first."""
    width = _WIDTH - len(prefix)
    wrapped = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{prefix}".join(wrapped)


def member(text: str, indent: int) -> str:
    """A designated initializer ".a = {.b = 1, .c = 2}" and its comma.

    Args:
      text: the initializer on one line.
      indent: columns before it.
    """
    if indent + len(text) < _WIDTH or "{" not in text:
        return f"{text},"
    start = indent + text.index("{") + 1
    return text.replace(", .", f",\n{' ' * start}.") + ","


def call(text: str, indent: int = 0) -> str:
    """A statement "f(a, b);"; arguments that do not fit are aligned on further lines.

    Args:
      text: the statement on one line; no argument contains a comma.
      indent: columns before it.
    """
    if indent + len(text) <= _WIDTH:
        return text
    function, arguments = text.split("(", 1)
    start = indent + len(function) + 1
    lines = [f"{function}("]
    free = _WIDTH - start
    for argument in arguments.split(", "):
        is_last = argument.endswith(";")
        item = argument if is_last else f"{argument},"
        if len(item) > free:
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * start)
            free = _WIDTH - start
        lines[-1] += item if is_last else f"{item} "
        free -= len(item) + 1
    return "\n".join(lines)
