"""Limits of time and memory for code that reads hostile files in this process."""

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

SECONDS = 30
_BYTES = 1 << 30


@contextlib.contextmanager
def limits(seconds: int = SECONDS, size: int = _BYTES) -> Iterator[None]:
    """Raises TimeoutError after so long; memory of more than `size` bytes is a MemoryError.

    The signal reaches Python code only. The limit of memory is on address space in addition to
    what the process has; children that are started inside inherit it.
    """

    def stop(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, hard))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
