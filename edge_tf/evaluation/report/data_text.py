"""What is known about the clips that an accuracy was measured on: it belongs next to the figure."""

from dataclasses import dataclass

from edge_tf.data import leaks
from edge_tf.records import JsonObject, to_json
from edge_tf.run_records import DataChecks, TrainRecord
from tflite_model.names import escaped

_COMPARED = "Clips were compared by content: no test clip is in the training."
_UNKNOWN = "not known whether test clips are in the training: this run did not compare them"


@dataclass(frozen=True)
class DataFacts:
    """The data of a run.

    Attributes:
      description: origin of the splits.
      checks: what a comparison of the clips found; None in runs of before there was one.
      notes: what of the data is left out, made or unknown.
    """

    description: str
    checks: DataChecks | None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, trained: TrainRecord) -> "DataFacts":
        """As training recorded it."""
        return cls(trained.data_description, trained.data_checks, trained.data_notes)

    @property
    def warnings(self) -> list[str]:
        """What a reader of the accuracy must know; empty if all is well."""
        found = [_UNKNOWN] if self.checks is None else leaks.sentences(self.checks)
        return [*found, *self.notes]

    @property
    def compared(self) -> str:
        """Says that no sound of the test is in the training; empty if one is, or if unknown."""
        checks = self.checks
        if checks is None or any("testing" in (s.split, s.other) for s in checks.shared):
            return ""
        return _COMPARED

    def to_dict(self) -> JsonObject:
        """For report.json."""
        checks = None if self.checks is None else to_json(self.checks)
        return {"description": self.description, "warnings": self.warnings, "checks": checks}


def render(facts: DataFacts) -> str:
    """For the terminal, above the hop table."""
    lines = [f"data: {facts.description}"]
    lines += [f"  {facts.compared}"] * bool(facts.compared)
    lines += [f"  warning: {text}" for text in facts.warnings]
    return "\n".join(escaped(line) for line in lines)
