"""Names from a file, made fit for a terminal, a comment or a page."""


def printable(text: str, limit: int = 60) -> str:
    r"""One line: what does not print is escaped (an ESC is \x1b), the end of a long text cut off.

    Bytes like these move cursors, clear screens or turn the direction of writing, so no name from
    a file is shown as it is.
    """
    shown = escaped(text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."


def escaped(text: str) -> str:
    """The same of any length."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
