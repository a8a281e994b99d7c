"""Whether a detector is as quiet as was asked for, and whether enough was heard to tell."""

import dataclasses

from edge_tf.evaluation.streams.intervals import poisson_interval
from edge_tf.evaluation.streams.stream_metrics import Kind


@dataclasses.dataclass(frozen=True)
class Aim:
    """An aim and what came of it.

    Attributes:
      most_per_hour: false accepts per hour that were allowed.
      chosen_on: those of the chosen setting in the sound that it was chosen on.
      tested: the same in the sound that it was tested on, once.
    """

    most_per_hour: float
    chosen_on: Kind
    tested: Kind

    @property
    def is_met(self) -> bool | None:
        """Whether it is met; None if the tested sound is too short to tell.

        Met: the rate is not above it where the setting was chosen, and the upper 95 % bound of the
        test is not either. Not met: that rate, or the lower bound of the test, is above it.
        """
        low, high = self.tested.per_hour_interval
        if self.chosen_on.per_hour > self.most_per_hour or low > self.most_per_hour:
            return False
        return True if high <= self.most_per_hour else None

    @property
    def verdict(self) -> str:
        """In a line that begins with MET, NOT MET or TOO SHORT TO TELL."""
        word = {True: "MET", False: "NOT MET", None: "TOO SHORT TO TELL"}[self.is_met]
        return f"{word}: at most {self.most_per_hour:g} false accepts per hour; {self.detail}"

    @property
    def detail(self) -> str:
        """Why."""
        if self.chosen_on.per_hour > self.most_per_hour:
            return f"{self._chosen}, and no setting is quieter"
        if self.is_met is False:
            return f"{self._chosen}, but {self._tested}"
        return self._tested if self.is_met else f"{self._tested}; {self._needed}"

    @property
    def _chosen(self) -> str:
        return f"{self.chosen_on.per_hour:.2f} per hour where the detector was chosen"

    @property
    def _tested(self) -> str:
        low, high = self.tested.per_hour_interval
        return (
            f"{self.tested.per_hour:.2f} per hour in {self.tested.hours:.2f} h of test "
            f"(95 % interval {low:.2f} to {high:.2f})"
        )

    @property
    def _needed(self) -> str:
        if self.most_per_hour == 0:
            return "no length of sound can show that there are none"
        needed = poisson_interval(0)[1] / self.most_per_hour
        return f"{needed:.3g} h without a false accept would tell"
