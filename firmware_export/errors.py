"""The error of this package that a user can fix."""


class ExportError(Exception):
    """A file cannot be exported; the message is one line: what is wrong and how to fix it."""
