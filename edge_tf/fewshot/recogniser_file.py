"""recogniser.json: threshold and limit of takes of a run, as `evaluate` chose them."""

import dataclasses

from edge_tf import files, records, run_dir
from edge_tf.errors import UserError
from edge_tf.fewshot.threshold import Chosen
from firmware_export import packing


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecogniserFile:
    """Content of recogniser.json.

    Attributes:
      model_sha256: of model_int8.tflite, whose embeddings they are for.
      shots: takes of each word with which they were chosen.
      words: that they were chosen on.
      chosen: score and distance, and what they cost on these words.
    """

    model_sha256: str
    shots: int
    words: tuple[str, ...]
    chosen: Chosen

    def text(self) -> str:
        """One sentence, for the reader."""
        chosen, takes = self.chosen, f"{self.shots} takes each"
        return (
            f"chosen on {', '.join(self.words)} with {takes}: {100 * chosen.accepted:.2f} % of "
            f"other words are taken for one, {100 * chosen.true_accepts:.1f} % of the words for "
            "themselves"
        )

    def takes_text(self) -> str:
        """The same of the limit of takes."""
        chosen = self.chosen
        return (
            f"takes are refused that are further than {chosen.unlike:,} from those before: "
            f"{100 * chosen.takes_refused:.1f} % of the same word by other speakers, "
            f"{100 * chosen.others_refused:.1f} % of other words"
        )


def save(run: run_dir.RunDirectory, content: RecogniserFile) -> None:
    """Writes it."""
    files.write_json(run / run_dir.RECOGNISER, records.to_json(content))


def load(run: run_dir.RunDirectory) -> RecogniserFile:
    """Reads it.

    Raises:
      UserError: it is missing, damaged, or of another network than the run's.
    """
    remedy = f"make it again with: {run.command_of('evaluate')}"
    found = records.load(run.require(run_dir.RECOGNISER), RecogniserFile, remedy)
    if found.model_sha256 != packing.sha256(run.require_int8().read_bytes()):
        raise UserError(f"{run / run_dir.RECOGNISER} was chosen for another network", remedy)
    return found
