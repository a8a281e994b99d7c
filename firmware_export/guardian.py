"""Ends what a process has started, and removes its temporary folders, when that process is gone.

A program of its own, which children.py starts: a process that is killed can do nothing any more.
Standard input has lines "+p PID", "-p PID", "+f FOLDER", "-f FOLDER"; it ends with the process.
"""

import contextlib
import os
import shutil
import signal
import sys

_PREFIX = b"edge_tf_tmp_"


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # for the others in the terminal
    left: dict[bytes, None] = {}
    for line in sys.stdin.buffer:
        if not line.endswith(b"\n"):
            break
        if line[:1] == b"+":
            left[line[1:-1]] = None
        else:
            left.pop(line[1:-1], None)
    for entry in left:
        if entry[:2] == b"p ":
            with contextlib.suppress(OSError):
                os.kill(int(entry[2:]), signal.SIGKILL)
    for entry in left:
        if entry[:2] == b"f " and _PREFIX in entry.rpartition(b"/")[2]:
            shutil.rmtree(os.fsdecode(entry[2:]), ignore_errors=True)


if __name__ == "__main__":
    main()
