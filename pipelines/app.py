"""What every binary shares: parsing flags, one-line errors, exit statuses.

Exit status 0: done. 1: a gate failed (the result is on disk, the message says which).
2: a flag or a file must be fixed first. 130: interrupted. 143: terminated.
"""

import errno
import functools
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags
from absl import logging as absl_logging

from pipelines import help_text

_HELP = ("help", "helpshort", "h")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = tuple(os.strerror(number) for number in _FULL)
_MAKE_ROOM = (
    "free some space or choose other folders (--run_dir, --cache_dir), "
    "then run the same command again"
)


_CONTINUE = "run the same command again to continue after what is finished"


class _TerminatedError(BaseException):
    """SIGTERM: like Ctrl-C, so that nothing half-written and no process stays."""


def _terminate(number: int, _: object) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # a second one ends at once
    raise _TerminatedError


def _parse(about: str, argv: list[str]) -> list[str]:
    options = {argument.lstrip("-") for argument in argv[1:] if argument.startswith("-")}
    if not options.isdisjoint(_HELP):
        _show(help_text.render(about, help_text.terminal_width()))
        sys.exit(0)
    if "helpfull" in options:
        app.usage(writeto_stdout=True)
        sys.exit(0)
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        _fail(f"{' '.join(str(error).split()).rstrip('.')}; see --help", 2)
    if len(rest) > 1:
        _fail(f"unexpected argument '{rest[1]}'; flags are written --name=value", 2)
    _show_notes()
    return rest


def _show(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # of "| head", which reads no further
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_notes() -> None:
    """Shows what was done to the user's data; hides what other libraries have to say."""
    if not flags.FLAGS["verbosity"].using_default_value:
        return
    absl_logging.set_verbosity(absl_logging.WARNING)
    ours = logging.getLogger("edge_tf")
    ours.setLevel(logging.INFO)
    ours.propagate = False
    ours.addHandler(_Notes())


class _Notes(logging.Handler):
    """Prints a record without date and place; warnings are marked."""

    def emit(self, record: logging.LogRecord) -> None:
        mark = "warning: " if record.levelno >= logging.WARNING else ""
        print(f"{mark}{_safe(record.getMessage())}", file=sys.stderr, flush=True)


def _fail(message: str, status: int) -> NoReturn:
    print(f"error: {_safe(message)}", file=sys.stderr, flush=True)
    sys.exit(status)


def _safe(text: str) -> str:
    """Lines without terminal escapes, which names of files and of what is in them may contain."""
    # Loads NumPy, which --help need not wait for.
    from tflite_model.names import escaped

    return "\n".join(escaped(line) for line in text.split("\n"))


def _report_system_error(error: OSError) -> None:
    """Fails with one line if the error is about a file; returns if it may be a bug of ours."""
    if error.errno is None or (error.filename is None and error.errno not in _FULL):
        return
    where = f": {error.filename}" if error.filename else ""
    what = f"{os.strerror(error.errno)}{where}"
    if error.errno in _FULL:
        _fail(f"{what}; {_MAKE_ROOM}", 2)
    _fail(f"{what}; check the path and its permissions, then run the same command again", 2)


def _report_full_disk_of_tensorflow(error: Exception) -> None:
    """Fails with one line if TensorFlow met a full disk, which its errors say only in words."""
    text = str(error)
    what = next((words for words in _FULL_TEXTS if words in text), None)
    if what is None or not type(error).__module__.startswith("tensorflow"):
        return
    where = re.search(r"\}\} (/.+?)(?:\.tempstate\d+)?(?:;|$)", text)
    _fail(f"{what}{f': {where[1]}' if where else ''}; {_MAKE_ROOM}", 2)


def _ignore_full_disk_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """A half-written zip file tries to finish when it is dropped: that was reported already."""
    error = unraisable.exc_value
    if not (isinstance(error, OSError) and error.errno in _FULL):
        sys.__unraisablehook__(unraisable)


def run(main: Callable[[], None]) -> None:
    """Runs `main` as an absl binary; reports what a user can fix in one line.

    --help starts with the docstring of the module that `main` is in.
    """

    def guarded(_: list[str]) -> None:
        # Loads NumPy, which --help need not wait for.
        from edge_tf.errors import GateError, UserError
        from firmware_export import children
        from firmware_export.errors import ExportError
        from tflite_model.errors import TFLiteError

        sys.unraisablehook = _ignore_full_disk_again
        signal.signal(signal.SIGTERM, _terminate)
        try:
            with children.temporary_files():
                main()
        except (UserError, ExportError, TFLiteError) as error:
            _fail(str(error), 2)
        except GateError as error:
            _fail(str(error), 1)
        except KeyboardInterrupt:
            _fail(f"interrupted; {_CONTINUE}", 130)
        except _TerminatedError:
            _fail(f"terminated; {_CONTINUE}", 128 + signal.SIGTERM)
        except OSError as error:
            _report_system_error(error)
            raise
        except Exception as error:
            _report_full_disk_of_tensorflow(error)
            raise

    about = sys.modules[main.__module__].__doc__ or ""
    app.run(guarded, flags_parser=functools.partial(_parse, about))
