"""Where lines of generated C end: where clang-format ends them, so that it finds nothing to do."""

import textwrap

_WIDTH = 100  # as in .clang-format


def comment(text: str, indent: int = 0) -> str:
    """A block comment, of several lines if it must; `text` cannot end it early.

    Args:
      text: anything; whitespace becomes a space.
      indent: columns before it.
    """
    words = " ".join(text.replace("*/", "* /").split())
    # The end is not to stand on a line of its own: a space that textwrap leaves alone.
    lines = textwrap.wrap(f"{words}\xa0*/", _WIDTH - indent - 3, break_on_hyphens=False)
    return f"\n{' ' * indent} * ".join(["/* " + lines[0], *lines[1:]]).replace("\xa0", " ")


def lines(text: str, prefix: str = " * ") -> str:
    """Lines within a block comment: all of `text`, `prefix` before each but the first."""
    width = _WIDTH - len(prefix)
    wrapped = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{prefix}".join(wrapped)


def member(text: str, indent: int) -> str:
    """A designated initializer ".a = {.b = 1, .c = 2}" and its comma.

    Args:
      text: in one line.
      indent: columns before it.
    """
    if indent + len(text) < _WIDTH or "{" not in text:
        return f"{text},"
    start = indent + text.index("{") + 1
    return text.replace(", .", f",\n{' ' * start}.") + ","


def call(text: str, indent: int = 0) -> str:
    """A statement "f(a, b);", with arguments below each other's start where they do not fit.

    Args:
      text: in one line; no argument has a comma in it.
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
