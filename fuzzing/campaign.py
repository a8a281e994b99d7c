"""Runs fuzzers for a time, in turns, and keeps what they found; goes on where it was stopped."""

import collections
import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

_STATE = "state.json"
_FINDS = "finds"


@dataclasses.dataclass(frozen=True)
class Find:
    """What should not be.

    Attributes:
      name: the case: "mutants 1/17" is case 17 of seed 1.
      kind: "untyped error", "hang", "sanitizer or compiler", "difference", ...
      detail: one line.
      files: what shows it, as small as it gets, by name.
    """

    name: str
    kind: str
    detail: str
    files: Mapping[str, bytes]


class Fuzzer(Protocol):
    """Tries numbered cases, which are the same in every run.

    Attributes:
      name: of the fuzzer.
      share: of the time, relative to the others.
      batch: cases per call of `run`.
      counts: how often what happened since this object was made.
    """

    name: str
    share: float
    batch: int

    @property
    def counts(self) -> collections.Counter[str]: ...

    def run(self, cases: range) -> list[Find]:
        """Tries these cases."""

    def close(self) -> None:
        """Ends its processes."""


@dataclasses.dataclass
class _Progress:
    next: int = 0
    seconds: float = 0.0
    finds: int = 0
    counts: dict[str, int] = dataclasses.field(default_factory=dict)


class Campaign:
    """Fuzzers with what they have done.

    Args:
      folder: where state and finds are kept; a campaign of the same seed goes on.
      seed: of the cases.
      fuzzers: what makes each, by name; made when its first turn comes.
      say: prints a line.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        fuzzers: Mapping[str, Callable[[], Fuzzer]],
        say: Callable[[str], None] = print,
    ) -> None:
        self._folder = folder
        self._seed = seed
        self._makers = fuzzers
        self._made: dict[str, Fuzzer] = {}
        self._say = say
        self.progress = {name: _Progress() for name in fuzzers}
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / _STATE).exists():
            state = json.loads((folder / _STATE).read_text())
            if state["seed"] != seed:
                raise SystemExit(f"{folder} has the seed {state['seed']}; give another --out")
            for name, kept in state["fuzzers"].items():
                self.progress[name] = _Progress(**kept)

    def run(self, seconds: float, limit: int | None = None) -> int:
        """Runs for so long, or until each fuzzer has tried `limit` cases in all.

        Returns:
          How many finds there are, with those of earlier runs.
        """
        end = time.monotonic() + seconds
        spent = dict.fromkeys(self._makers, 0.0)
        told = 0.0
        try:
            while time.monotonic() < end:
                open_ones = [
                    name
                    for name in self._makers
                    if limit is None or self.progress[name].next < limit
                ]
                if not open_ones:
                    break
                name = min(open_ones, key=lambda one: spent[one])
                spent[name] += self._turn(name, limit)
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    self._say(self._line(end - told))
        finally:
            for fuzzer in self._made.values():
                fuzzer.close()
        return sum(one.finds for one in self.progress.values())

    def _turn(self, name: str, limit: int | None) -> float:
        """One batch of one fuzzer; the time it took, divided by its share."""
        start = time.monotonic()
        if name not in self._made:
            self._made[name] = self._makers[name]()
        fuzzer, progress = self._made[name], self.progress[name]
        before = collections.Counter(fuzzer.counts)
        last = progress.next + fuzzer.batch
        cases = range(progress.next, last if limit is None else min(last, limit))
        for find in fuzzer.run(cases):
            progress.finds += 1
            self._keep(find)
        progress.next = cases.stop
        for what, count in (fuzzer.counts - before).items():
            progress.counts[what] = progress.counts.get(what, 0) + count
        took = time.monotonic() - start
        progress.seconds += took
        self._save()
        return took / fuzzer.share

    def _keep(self, find: Find) -> None:
        """Writes a find's files and tells of it."""
        title = f"{find.name}: {find.kind}: {find.detail}"
        name = hashlib.sha256(title.encode()).hexdigest()[:12]
        folder = self._folder / _FINDS / f"{find.kind.replace(' ', '_')}-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "what.txt").write_text(title + "\n")
        for file, content in find.files.items():
            (folder / file).write_bytes(content)
        self._say(f"FOUND {title} ({folder})")

    def _save(self) -> None:
        kept = {name: dataclasses.asdict(one) for name, one in self.progress.items()}
        part = self._folder / f"{_STATE}.part"
        part.write_text(json.dumps({"seed": self._seed, "fuzzers": kept}, indent=2) + "\n")
        part.replace(self._folder / _STATE)

    def _line(self, left: float) -> str:
        done = ", ".join(f"{name} {one.next:,}" for name, one in self.progress.items() if one.next)
        finds = sum(one.finds for one in self.progress.values())
        return f"{max(left, 0) / 60:.1f} min left: {done}; {finds} finds"


def table(progress: Mapping[str, _Progress]) -> str:
    """What each fuzzer did, as a Markdown table."""
    rows = [
        "| fuzzer | cases | finds | minutes | what happened |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, one in progress.items():
        happened = ", ".join(f"{what} {count:,}" for what, count in sorted(one.counts.items()))
        cells: Sequence[str] = (
            name,
            f"{one.next:,}",
            f"{one.finds:,}",
            f"{one.seconds / 60:.1f}",
            happened,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
