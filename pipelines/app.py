"""What every binary shares: parsing flags, one-line errors, exit statuses.

Exit status 0: done. 1: a gate is broken (the result is on disk, the message says which).
2: something in the flags or files must be changed first. 130: interrupted.
"""

import errno
import os
import sys
from collections.abc import Callable

from absl import app, flags

from edge_tf.errors import GateError, UserError
from firmware_export.errors import ExportError


def _parse(argv: list[str]) -> list[str]:
    if any(argument in ("--help", "-help", "-h") for argument in argv[1:]):
        app.usage(writeto_stdout=True)
        sys.exit(0)
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        _fail(f"{' '.join(str(error).split())}; see --help", 2)
    if len(rest) > 1:
        _fail(f"unexpected argument '{rest[1]}'; flags are written --name=value", 2)
    return rest


def _fail(message: str, status: int) -> None:
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(status)


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
            _fail("interrupted; the same command goes on from the last checkpoint", 130)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
                raise
            where = f" at {error.filename}" if error.filename else ""
            _fail(
                f"cannot write{where}: {os.strerror(error.errno)}; "
                "free some space or name another folder, then give the same command again",
                2,
            )

    app.run(guarded, flags_parser=_parse)
