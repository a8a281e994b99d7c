"""Progress bars: live on a terminal, an occasional line in a log file."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def bar(iterable: Iterable[Any] | None = None, **arguments: Any) -> tqdm:
    """A tqdm bar on standard error; updates rarely off a terminal, to keep logs short."""
    interval = 0.2 if sys.stderr.isatty() else 30.0
    return tqdm(iterable, mininterval=interval, maxinterval=max(10.0, interval), **arguments)
