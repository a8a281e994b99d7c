"""The error of this package that a user can fix."""


class TFLiteError(Exception):
    """A .tflite file cannot be used; the message is one line: what is wrong and how to fix it."""
