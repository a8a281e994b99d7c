"""The task of an embedding: known words told apart and unknown ones told from them, on episodes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_tf.evaluation import metrics
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_row import ShotFigures, TaskFigures
from edge_tf.fewshot import judging
from edge_tf.fewshot.episodes import Episodes
from edge_tf.fewshot.integer import IntegerRecogniser
from edge_tf.fewshot.recogniser import Recogniser

MAIN_SHOTS = 5
"""The takes whose accuracy stands for the hop: a user says a word five times."""
_Z95 = 1.96


@dataclass(frozen=True)
class Threshold:
    """The least score of a word: an integer, for int8 embeddings with this step and zero point."""

    score: int
    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class FewShot:
    """A Task: outputs are embeddings, which a recogniser compares.

    A hop that ran only some clips lacks takes and queries of most episodes: it has no figures but
    its bytes.

    Attributes:
      episodes: rows of clips, with as many takes as the most in `shots`.
      recogniser: of the run; int8 embeddings are judged by its integer form.
      shots: takes to judge with; MAIN_SHOTS is among them.
      threshold: None: nothing is rejected, and there are no such figures.
    """

    episodes: Episodes
    recogniser: Recogniser
    shots: tuple[int, ...]
    threshold: Threshold | None = None

    def check(self, hops: Sequence[HopResult]) -> None:
        """All hops have embeddings of the same size."""
        sizes = {hop.outputs.shape[1] for hop in hops if hop.outputs is not None}
        if len(sizes) > 1:
            raise ValueError(f"hops have embeddings of {sorted(sizes)} values")
        if MAIN_SHOTS not in self.shots or self.episodes.support.shape[2] < max(self.shots):
            raise ValueError(
                f"episodes of {self.episodes.support.shape[2]} takes, not {self.shots}"
            )

    def figures(self, hop: HopResult, first: HopResult) -> TaskFigures:
        assert hop.outputs is not None
        outputs = hop.real_outputs()
        undecided = int(np.count_nonzero(~np.isfinite(outputs).all(axis=1)))
        if hop.is_partial:
            return TaskFigures(undecided=undecided)
        judged = self._judged(hop)
        compared = first.outputs is not None and not first.is_partial
        theirs = self._judged(first) if compared else None
        at = self.shots.index(MAIN_SHOTS)
        by_shots = tuple(
            self._of_shots(shots, mine, None if theirs is None else theirs[place])
            for place, (shots, mine) in enumerate(zip(self.shots, judged, strict=True))
        )
        main = by_shots[at]
        half = _Z95 * main.accuracy_error
        agreement = None
        if theirs is not None:
            agreement = metrics.agreement(
                judged[at].nearest.reshape(-1), theirs[at].nearest.reshape(-1)
            )
        return TaskFigures(
            accuracy=main.accuracy,
            standard_error=main.accuracy_error,
            accuracy_interval=(max(0.0, main.accuracy - half), min(1.0, main.accuracy + half)),
            by_shots=by_shots,
            undecided=undecided,
            change_points=main.accuracy_change,
            agreement=agreement,
        )

    def _judged(self, hop: HopResult) -> list[judging.Judged]:
        """With each number of takes; int8 as a device compares it, float as it was trained."""
        recognise: IntegerRecogniser | Recogniser = self.recogniser
        embeddings: np.ndarray = hop.real_outputs()
        if hop.is_int8 and hop.outputs is not None:
            assert hop.scale is not None and hop.zero_point is not None
            embeddings = hop.outputs
            recognise = IntegerRecogniser.of(self.recogniser, hop.scale, hop.zero_point)
        least = self._least(hop, recognise)
        return [
            judging.judge(embeddings, self.episodes.of_shots(shots), recognise, least)
            for shots in self.shots
        ]

    def _least(self, hop: HopResult, recognise: IntegerRecogniser | Recogniser) -> float:
        """The threshold on the hop's own scores."""
        given = self.threshold
        if given is None:
            return -np.inf
        if isinstance(recognise, IntegerRecogniser) and self._is_on_its_grid(hop):
            return given.score
        own = IntegerRecogniser.of(self.recogniser, given.scale, given.zero_point)
        real = given.score * own.score_step(given.scale)
        if not isinstance(recognise, IntegerRecogniser):
            return real
        assert hop.scale is not None
        return real / recognise.score_step(hop.scale)

    def _is_on_its_grid(self, hop: HopResult) -> bool:
        given = self.threshold
        return (
            given is not None
            and hop.zero_point == given.zero_point
            and np.float32(hop.scale or 0) == np.float32(given.scale)
        )

    def _of_shots(
        self, shots: int, mine: judging.Judged, theirs: judging.Judged | None
    ) -> ShotFigures:
        figures = _figures(shots, mine, theirs)
        if self.threshold is None:
            return figures
        missed, missed_error = metrics.mean_and_error(mine.missed)
        accepted, accepted_error = metrics.mean_and_error(mine.accepted)
        return replace(
            figures,
            missed=missed,
            missed_error=missed_error or 0.0,
            accepted=accepted,
            accepted_error=accepted_error or 0.0,
        )


def _figures(shots: int, mine: judging.Judged, theirs: judging.Judged | None) -> ShotFigures:
    accuracy, accuracy_error = metrics.mean_and_error(mine.accuracy)
    auroc, auroc_error = metrics.mean_and_error(mine.auroc)
    changes = {}
    if theirs is not None:
        for name in ("accuracy", "auroc"):
            before, _ = metrics.mean_and_error(getattr(theirs, name))
            now = accuracy if name == "accuracy" else auroc
            changes[f"{name}_change"] = 100.0 * (now - before)
    return ShotFigures(
        shots=shots,
        accuracy=accuracy,
        accuracy_error=accuracy_error or 0.0,
        auroc=auroc,
        auroc_error=auroc_error or 0.0,
        **changes,
    )
