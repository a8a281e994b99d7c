"""Cost of a run's model on microcontrollers: the table of `pipelines.benchmark --targets`."""

import dataclasses
from collections.abc import Sequence

import numpy as np

import tflite_model
from edge_tf import golden_file, progress, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point
from firmware_export.boards import measuring, toolchain
from firmware_export.boards.board import Board
from firmware_export.golden import frames_first
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.runtime.second_stage import Second, feature_table
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
    second = operating_point.second_of(run) if streaming else None
    costs = []
    for board in progress.bar(boards, desc="boards", unit="board"):
        cost = measuring.measure(model, board, features, spotting, wav, streaming)
        if second is not None and frontend.is_causal:
            cost = _with_second(cost, second, model, features, board, frontend)
        costs.append(cost)
    return costs


def _with_second(
    first: measuring.Cost,
    second: Second,
    model: bytes,
    features: np.ndarray,
    board: Board,
    frontend: FrontendConfig,
) -> measuring.Cost:
    """The same, and its second stage, which hears the same sound; `model`: of the first."""
    given = tflite_model.parse(model, "the streaming model").inputs[0]
    own = tflite_model.parse(second.model, second.name).inputs[0]
    table = feature_table(given.scales[0], given.zero_points[0], own.scales[0], own.zero_points[0])
    cost = measuring.measure(second.model, board, table[features.astype(int) + 128], streaming=True)
    per_hit = cost.instructions * (second.config.past + second.config.patience)
    frames_per_second = frontend.sample_rate / frontend.hop
    each = first.instructions + (first.frontend_instructions or 0)
    each += first.detector_instructions or 0
    return dataclasses.replace(
        first,
        second=measuring.SecondCost(
            instructions=cost.instructions,
            cycles=cost.cycles,
            flash_bytes=cost.flash_bytes,
            arena_bytes=cost.arena_bytes,
            per_hit=per_hit,
            hits_per_hour=second.hits_per_hour,
            per_second=round(frames_per_second * each + per_hit * second.hits_per_hour / 3600),
        ),
    )
