"""An engine that does nothing for ten minutes, with a child; and a program that runs two."""

import os
import time
from pathlib import Path

import numpy as np

from edge_tf.engines.base import Outputs, Start
from firmware_export import children


class Sleeping:
    """Notes its process and its child's in a file that its name gives."""

    id = name = "sleeping"
    bit_exact = False
    start: Start = "features"
    most_clips = 0

    def __init__(self, note: Path) -> None:
        self._note = note

    def run(self, clips_in: np.ndarray) -> Outputs:
        with children.folder(), children.process(["sleep", "600"]) as child:
            half = self._note.with_suffix(".half")
            half.write_text(f"{os.getpid()} {child.pid}")
            half.rename(self._note)
            time.sleep(600)
        raise AssertionError


if __name__ == "__main__":
    import sys

    from absl import flags

    from edge_tf.engines import side_by_side
    from pipelines import app

    def main() -> None:
        from tests.edge_tf.engines.sleeping import Sleeping as Importable

        engines = [Importable(Path(os.environ["NOTES"]) / f"{i}.txt") for i in range(2)]
        side_by_side.run_all(engines, {"features": np.zeros((1, 2), np.float32)})

    flags.FLAGS.unparse_flags()
    sys.argv = sys.argv[:1]
    app.run(main)
