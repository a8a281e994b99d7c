"""Random legal networks: the same bytes in TFLite Micro, on the host and on emulated cores."""

import collections
from pathlib import Path

import numpy as np

from firmware_export.boards import board as boards
from firmware_export.boards import clips, programs, toolchain
from firmware_export.errors import ExportError
from fuzzing.campaign import Find
from fuzzing.differential import Comparison
from fuzzing.reference import Reference
from tests.firmware_export.standalone import random_models, wide_models

_OPS = 16
# Their kernels are other than those of the host.
_BOARDS = ("cortex-m4", "cortex-m55")


def make(seed: int, index: int, ops: int) -> bytes:
    """The network of this number; fewer ops give the beginning of the same one."""
    number = 1_000_000 * seed + index
    return wide_models.make(number, ops) if index % 4 else random_models.make(number, ops)[0]


class Networks:
    """The fuzzer of networks on the host, see campaign.Fuzzer: C under ASan and UBSan."""

    name = "networks"
    share = 2.0
    batch = 20

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._comparison = Comparison(folder)

    @property
    def counts(self) -> collections.Counter[str]:
        return self._comparison.counts

    def run(self, cases: range) -> list[Find]:
        made = {index: make(self._seed, index, _ops(index)) for index in cases}
        return [
            self._minimized(one.kind, one.case, one.detail) for one in self._comparison.run(made)
        ]

    def _minimized(self, kind: str, index: int, detail: str) -> Find:
        """Its beginning, as short as it still shows a problem of this kind."""
        name = f"networks {self._seed}/{index}"
        before = self.counts.copy()
        made = {ops: make(self._seed, index, ops) for ops in range(1, _ops(index) + 1)}
        problems = [one for one in self._comparison.run(made) if one.kind == kind]
        self.counts.clear()
        self.counts.update(before)
        if problems:
            first = min(problems, key=lambda one: one.case)
            return Find(name, kind, first.detail, {"model.tflite": made[first.case]})
        return Find(name, kind, detail, {"model.tflite": made[_ops(index)]})

    def close(self) -> None:
        self._comparison.close()


class Boards:
    """The fuzzer of networks on emulated cores, see campaign.Fuzzer; one input and one output."""

    name = "boards"
    share = 1.0
    batch = 2

    def __init__(self, seed: int, folder: Path) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self._seed = seed
        self._folder = folder
        self._reference = Reference()
        known = [boards.by_name(name) for name in _BOARDS]
        self._boards = [one for one in known if not toolchain.missing_packages([one])]
        if not self._boards:
            self.counts["skipped: no cross compiler"] = 1

    def run(self, cases: range) -> list[Find]:
        finds = []
        for index in cases:
            model, shape = random_models.make(2_000_000 * self._seed + index, _ops(index))
            rng = np.random.default_rng(index)
            given = rng.integers(-128, 128, (2, *shape[1:])).astype(np.int8)
            answer = self._reference.run(model, [[one[np.newaxis]] for one in given])
            self.counts["tried"] += 1
            if answer.ending != "ran":
                self.counts[f"TFLite Micro {answer.ending}"] += 1
                continue
            wanted = b"".join(made[0] for made in answer.outputs)
            for board in self._boards:
                name = f"boards {self._seed}/{index} on {board.name}"
                try:
                    got = self._run(board, model, given, self._folder / f"{index}-{board.name}")
                except ExportError as error:
                    finds.append(Find(name, "error", str(error), {"model.tflite": model}))
                    continue
                self.counts[f"ran on {board.name}"] += 1
                self.counts["bytes compared"] += len(wanted)
                if got != wanted:
                    finds.append(Find(name, "difference", "other bytes", {"model.tflite": model}))
        return finds

    def _run(self, board: boards.Board, model: bytes, given: np.ndarray, folder: Path) -> bytes:
        built = programs.build(
            model,
            board,
            folder,
            flash_kb=512,
            ram_kb=512,
            objects=self._folder / "objects",
        )
        return clips.run_features(built, given, folder / "run", count=False).logits.tobytes()

    def close(self) -> None:
        self._reference.close()


def _ops(index: int) -> int:
    return 2 + index % _OPS
