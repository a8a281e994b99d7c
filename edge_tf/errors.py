"""The errors a user of the pipelines can meet; each says what is wrong and what to do."""


class UserError(Exception):
    """Something outside the program is wrong: a file, a flag, a missing stage.

    The message is one line: which file or flag, what is wrong with it, what to do. The pipelines
    print it without a traceback and exit with status 2.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        message = f"{what}; {remedy}" if remedy else what
        super().__init__(" ".join(message.split()))


class GateError(Exception):
    """A result exists, but breaks a promise (bytes differ, accuracy lost): exit status 1."""
