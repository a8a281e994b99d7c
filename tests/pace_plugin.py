"""Seconds by test folder: python -m pytest -p tests.pace_plugin --pace=FILE ...

Then python -m tests.pace_plugin FILE. Counts wall and CPU seconds (with ended children) of each
test, its set-up and tear-down, so that figures of a busy machine can be compared, too. Workers of
pytest-xdist append to the same file; wall seconds then add up to more than the clock shows.
"""

import csv
import io
import os
import sys
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

_FOLDER_DEPTH = 3  # tests/edge_tf/layers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pace", help="append seconds of each test to this CSV file")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    wall, cpu = time.perf_counter(), _cpu()
    result = yield
    path = item.config.getoption("--pace")
    if path:
        row = (item.nodeid, f"{time.perf_counter() - wall:.3f}", f"{_cpu() - cpu:.3f}")
        _append(path, row)
    return result


def _append(path: str, row: tuple[str, ...]) -> None:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(row)
    # One write to the end of the file: lines of two workers do not mix.
    place = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(place, line.getvalue().encode("utf-8"))
    finally:
        os.close(place)


def _cpu() -> float:
    return sum(os.times()[:4])


def table(path: Path) -> str:
    """Tests, wall and CPU seconds by folder, in Markdown."""
    totals: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    with path.open(newline="", encoding="utf-8") as file:
        for nodeid, wall, cpu in csv.reader(file):
            parent = Path(nodeid.split("::")[0]).parent
            for key in ("/".join(parent.parts[:_FOLDER_DEPTH]), "all"):
                sums = totals[key]
                sums[0], sums[1], sums[2] = sums[0] + 1, sums[1] + float(wall), sums[2] + float(cpu)
    lines = ["| folder | tests | seconds | CPU seconds |", "| --- | ---: | ---: | ---: |"]
    for key in sorted(totals, key=lambda name: (name == "all", name)):
        count, wall_sum, cpu_sum = totals[key]
        lines.append(f"| {key} | {count:.0f} | {wall_sum:.0f} | {cpu_sum:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Path(sys.argv[1])))
