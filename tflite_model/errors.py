"""The error of this package that a user can mend."""


class TFLiteError(Exception):
    """A .tflite file cannot be used; the message is one line: what is wrong and what would help."""
