"""A model in plain C against TFLite Micro: the same bytes, or a refusal of ours.

What is right where TFLite Micro gives no bytes:

- It ends its process (abort, division by zero, wild pointer), or does not end, or gives other bytes
  in another process: its result is undefined. We may refuse or compute; our C must still be clean
  under ASan and UBSan.
- It refuses a model that we compile: counted, no find. Our C then has bytes where it has none.
"""

import collections
import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from fuzzing import programs, reference
from fuzzing.limits import SECONDS, limits
from tflite_model.errors import TFLiteError


@dataclasses.dataclass(frozen=True)
class Problem:
    """What should not be.

    Attributes:
      case: which of the models.
      kind: "untyped error", "hang", "sanitizer or compiler" or "difference".
      detail: one line.
    """

    case: int
    kind: str
    detail: str


class Comparison:
    """Compares models, a batch at a time.

    Args:
      folder: for programs.

    Attributes:
      counts: how often what happened.
    """

    def __init__(self, folder: Path) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self._programs = programs.Programs(folder)
        self._reference = reference.Reference()
        self._outcomes: dict[str, programs.Outcome] = {}

    def close(self) -> None:
        self._reference.close()

    def run(self, cases: Mapping[int, bytes]) -> list[Problem]:
        """Compares each model on a few inputs. Equal C is built and run once."""
        problems: list[Problem] = []
        jobs: list[tuple[int, str, programs.Job]] = []
        new: dict[str, programs.Job] = {}
        for case, data in cases.items():
            self.counts["tried"] += 1
            compiled = self._compile(case, data, problems)
            if compiled is None:
                continue
            key = hashlib.sha256(programs.identity(compiled).encode()).hexdigest()
            job = programs.Job(compiled, inputs_of(compiled, key))
            jobs.append((case, key, job))
            if key not in self._outcomes:
                new[key] = job
        made = self._programs.run(list(new.values()))
        self._outcomes |= dict(zip(new, made, strict=True))
        self.counts["different C programs"] += len(new)
        for case, key, job in jobs:
            problems += self._judge(case, cases[case], job, self._outcomes[key])
        return problems

    def _compile(self, case: int, data: bytes, problems: list[Problem]) -> compiler.Compiled | None:
        try:
            with limits():
                compiled = compiler.compile(data)
        except (TFLiteError, ExportError) as error:
            self.counts["refused by us"] += 1
            text = str(error)
            if "\n" in text or not text.isprintable() or len(text) > 2_000:
                problems.append(
                    Problem(case, "untyped error", f"not one clean line: {text!r:.300}")
                )
            return None
        except TimeoutError:
            problems.append(Problem(case, "hang", f"the compiler has not ended after {SECONDS} s"))
            return None
        except Exception as error:
            problems.append(
                Problem(case, "untyped error", f"{type(error).__name__}: {error!s:.300}")
            )
            return None
        graph = compiled.graph
        if max(len(graph.inputs), len(graph.outputs)) > programs.MAX_ENDS:
            self.counts["not run: too many inputs or outputs"] += 1
            return None
        return compiled

    def _judge(
        self, case: int, data: bytes, job: programs.Job, outcome: programs.Outcome
    ) -> list[Problem]:
        self.counts["compiled by us"] += 1
        if outcome.fault:
            return [Problem(case, "sanitizer or compiler", outcome.fault)]
        answer = self._reference.run(data, job.sets)
        if answer.ending != "ran":
            self.counts[f"TFLite Micro {answer.ending}"] += 1
            return []
        size = sum(len(one) for made in outcome.outputs for one in made)
        if answer.outputs != outcome.outputs:
            again = self._reference.fresh(data, job.sets)
            other = self._reference.fresh(data, [*job.sets[1:], job.sets[0]])
            turned = (*other.outputs[-1:], *other.outputs[:-1])
            if again.ending != "ran" or again.outputs != answer.outputs or turned != again.outputs:
                self.counts["TFLite Micro undefined"] += 1
                return []
            return [Problem(case, "difference", _difference(outcome.outputs, answer.outputs))]
        self.counts["ran on both"] += 1
        self.counts["bytes compared"] += size
        return []


def inputs_of(compiled: compiler.Compiled, key: str) -> list[list[np.ndarray]]:
    """Random inputs, the second time only extreme values; equal for an equal key."""
    rng = np.random.default_rng(int(key[:8], 16))
    sets = []
    for number in range(programs.SETS):
        given = []
        for tensor in compiled.graph.inputs:
            values = rng.integers(-128, 128, tensor.size).astype(np.int8)
            if number == 1:
                values = rng.choice(np.array([-128, 127], np.int8), tensor.size)
            given.append(values.reshape(tensor.shape))
        sets.append(given)
    return sets


def _difference(ours: tuple[tuple[bytes, ...], ...], theirs: tuple[tuple[bytes, ...], ...]) -> str:
    def flat(sets: tuple[tuple[bytes, ...], ...]) -> np.ndarray:
        return np.frombuffer(b"".join(one for made in sets for one in made), np.int8)

    a, b = flat(ours), flat(theirs)
    if a.shape != b.shape:
        return f"{a.size} bytes of output, TFLite Micro has {b.size}"
    places = np.flatnonzero(a != b)
    first = int(places[0])
    return (
        f"{places.size} of {a.size} bytes differ, the first at {first}: {a[first]}, "
        f"TFLite Micro has {b[first]}"
    )
