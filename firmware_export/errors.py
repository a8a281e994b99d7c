"""The error of this package that a user can mend."""


class ExportError(Exception):
    """A file cannot be exported; the message is one line: what is wrong and what would help."""
