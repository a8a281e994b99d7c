"""Cost of a run's model on microcontrollers: the table of `pipelines.benchmark --targets`."""

from collections.abc import Sequence

from edge_tf import golden_file, progress, run_dir
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point
from firmware_export.boards import measuring, toolchain
from firmware_export.boards.board import Board
from firmware_export.golden import frames_first
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone.spotting import Spotting

_CLIPS = 2  # instructions per inference vary only by some 10 between clips


def measure(run: run_dir.RunDirectory, boards: Sequence[Board]) -> list[measuring.Cost]:
    """Builds and runs the int8 model, front-end and detector on emulated boards.

    Args:
      run: a run whose conversion has finished.
      boards: emulated ones.

    Raises:
      UserError: a board's tools are not installed, or a file of the run is missing.
    """
    missing = toolchain.missing_packages(boards)
    if missing:
        raise UserError(
            "cross-compilers or emulators are missing", f"apt-get install {' '.join(missing)}"
        )
    model = run.require_int8().read_bytes()
    streaming = run.lookahead() is not None
    if streaming:
        model = run.require_streaming().read_bytes()
    frontend = run.frontend()
    golden = golden_file.load(run)
    features, wav = golden.features[:_CLIPS], golden.wav[:_CLIPS]
    if streaming:
        if features.ndim != 4:
            raise UserError(
                f"{run / run_dir.GOLDEN} has features of shape {features.shape}, not those of a "
                "stream",
                f"make it again with: {run.command_of('convert')}",
            )
        features = frames_first(features)
    spotting = None
    if frontend.is_causal:
        detector = (
            operating_point.of_run(run)
            if streaming
            else operating_point.with_background(DetectorConfig(), run)
        )
        spotting = Spotting(run.labels(), frontend.to_dict(), detector)
    return [
        measuring.measure(model, board, features, spotting, wav, streaming)
        for board in progress.bar(boards, desc="boards", unit="board")
    ]
