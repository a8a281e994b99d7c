"""What every binary shares: parsing flags, one-line errors, exit statuses.

Exit status 0: done. 1: a gate is broken (the result is on disk, the message says which).
2: something in the flags or files must be changed first. 130: interrupted.
"""

import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags, logging

from edge_tf.errors import GateError, UserError
from firmware_export.errors import ExportError

_HELP = ("help", "helpshort", "h")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# TensorFlow's own writers tell a full disk in words only.
_FULL_TEXTS = tuple(os.strerror(number) for number in _FULL)
_MAKE_ROOM = (
    "free some space, or name other folders (--run_dir, --cache_dir), "
    "then give the same command again"
)


def _parse(argv: list[str]) -> list[str]:
    options = {argument.lstrip("-") for argument in argv[1:] if argument.startswith("-")}
    if not options.isdisjoint(_HELP):
        app.usage(shorthelp=True, writeto_stdout=True)
        sys.exit(0)
    if "helpfull" in options:
        app.usage(writeto_stdout=True)
        sys.exit(0)
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        _fail(f"{' '.join(str(error).split())}; see --help", 2)
    if len(rest) > 1:
        _fail(f"unexpected argument '{rest[1]}'; flags are written --name=value", 2)
    _show_notes()
    return rest


def _show_notes() -> None:
    """What was done to the user's data is information, and belongs on the screen."""
    if flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.INFO)
    if flags.FLAGS["showprefixforinfo"].using_default_value:
        flags.FLAGS.showprefixforinfo = False


def _fail(message: str, status: int) -> NoReturn:
    logging.flush()
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(status)


def _tell_system_error(error: OSError) -> None:
    """Fails with one line if the error is about a file; returns if it may be our mistake."""
    if error.errno is None or (error.filename is None and error.errno not in _FULL):
        return
    where = f": {error.filename}" if error.filename else ""
    what = f"{os.strerror(error.errno)}{where}"
    if error.errno in _FULL:
        _fail(f"{what}; {_MAKE_ROOM}", 2)
    _fail(f"{what}; check the path and its permissions, then give the same command again", 2)


def run(main: Callable[[], None]) -> None:
    """Runs `main` as an absl binary; what a user can mend is told in one line."""

    def guarded(_: list[str]) -> None:
        try:
            main()
        except (UserError, ExportError) as error:
            _fail(str(error), 2)
        except GateError as error:
            _fail(str(error), 1)
        except KeyboardInterrupt:
            _fail("interrupted; the same command goes on after what is finished", 130)
        except OSError as error:
            _tell_system_error(error)
            raise
        except Exception as error:
            full = next((text for text in _FULL_TEXTS if text in str(error)), None)
            if full is None or not type(error).__module__.startswith("tensorflow"):
                raise
            _fail(f"{full} ({' '.join(str(error).split())[:200]}); {_MAKE_ROOM}", 2)

    app.run(guarded, flags_parser=_parse)
