"""Mutation of .tflite files, by field of the FlatBuffer and by byte.

    mutant = mutants.make(seed=1, index=17)

is the same file in every run. A mutant is a base, a legal model, and a few steps; each step has a
seed of its own, so that a find can be made smaller by leaving steps out.
"""

import collections
import dataclasses
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fuzzing.campaign import Find
from fuzzing.changes import CHANGES, SHARES, bases, of_bytes, pack, unpacked
from fuzzing.differential import Comparison


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A file and how it came about.

    Attributes:
      base: number of the base.
      steps: seed of each step.
      data: the file; b"" if no file can be written of it.
    """

    base: int
    steps: tuple[int, ...]
    data: bytes

    def legal(self) -> bytes:
        """The base that it was made of."""
        return bases()[self.base]

    def smaller(self) -> "list[Mutant]":
        """The same with one step less."""
        kept = [self.steps[:i] + self.steps[i + 1 :] for i in range(len(self.steps))]
        return [Mutant(self.base, steps, apply(self.base, steps)) for steps in kept if steps]


class Mutants:
    """The fuzzer; see campaign.Fuzzer.

    Args:
      seed: of the mutants.
      folder: for programs.
    """

    name = "mutants"
    share = 6.0
    batch = 500

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._comparison = Comparison(folder)

    @property
    def counts(self) -> collections.Counter[str]:
        return self._comparison.counts

    def run(self, cases: range) -> list[Find]:
        made = {index: make(self._seed, index) for index in cases}
        whole = {index: mutant.data for index, mutant in made.items() if mutant.data}
        self.counts["cannot be written"] += len(made) - len(whole)
        return [
            self._minimized(
                problem.kind, made[problem.case], f"mutants {self._seed}/{problem.case}"
            )
            for problem in self._comparison.run(whole)
        ]

    def _minimized(self, kind: str, mutant: Mutant, name: str) -> Find:
        """The same with as few steps as still show a problem of this kind."""
        detail, smaller = "", True
        while smaller:
            smaller = False
            options = [mutant, *mutant.smaller()]
            problems = self._again({i: one.data for i, one in enumerate(options) if one.data}, kind)
            detail = problems.get(0, detail)
            if left := [index for index in problems if index]:
                mutant, smaller = options[left[0]], True
        detail = detail or "not seen again"
        return Find(
            name, kind, detail, {"model.tflite": mutant.data, "base.tflite": mutant.legal()}
        )

    def _again(self, files: dict[int, bytes], kind: str) -> dict[int, str]:
        """The details of the problems of a kind; does not count."""
        before = self.counts.copy()
        problems = self._comparison.run(files)
        self.counts.clear()
        self.counts.update(before)
        return {one.case: one.detail for one in problems if one.kind == kind}

    def close(self) -> None:
        self._comparison.close()


def make(seed: int, index: int) -> Mutant:
    """The mutant of this number."""
    rng = np.random.default_rng((seed, index))
    base = int(rng.integers(len(bases())))
    count = min(int(rng.geometric(0.5)), 6)
    steps = tuple(int(rng.integers(2**31)) for _ in range(count))
    return Mutant(base, steps, apply(base, steps))


def apply(base: int, steps: Sequence[int]) -> bytes:
    """Applies steps to a base; b"" if the result cannot be written as a FlatBuffer."""
    model = pickle.loads(unpacked()[base])
    rngs = [np.random.default_rng(step) for step in steps]
    late = []
    for rng in rngs:
        # One step in five is by byte, and comes last.
        if rng.random() < 0.2:
            late.append(rng)
            continue
        change = CHANGES[int(rng.choice(len(CHANGES), p=SHARES))]
        change(model, rng)
    try:
        data = pack(model)
    except (struct.error, OverflowError, TypeError, ValueError, AttributeError, IndexError):
        return b""
    for rng in late:
        data = of_bytes(data, rng)
    return data
