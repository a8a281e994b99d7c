"""What a run needs on common microcontrollers, for the report."""

import logging

from edge_tf import run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.evaluation.streams import operating_point
from edge_tf.records import JsonObject
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone.load import exported
from firmware_export.standalone.spotting import Spotting

_LOG = logging.getLogger(__name__)


def of_run(run: run_dir.RunDirectory, frontend: FrontendConfig) -> JsonObject | None:
    """The estimated load of the form that is exported; None if plain C cannot run it.

    Args:
      run: a run whose conversion has finished.
      frontend: of the run; without one for devices, and of an embedding, which has no detector,
        the network alone is estimated.

    Returns:
      As the entry "load" of an export's manifest.json.
    """
    streaming = run.lookahead() is not None
    model = (run.require_streaming() if streaming else run.require_int8()).read_bytes()
    detector = operating_point.of_run(run) if streaming else DetectorConfig()
    second = operating_point.second_of(run) if streaming else None
    around = None
    if frontend.is_causal and not run.embeds():
        around = Spotting(run.labels(), frontend.to_dict(), detector, second=second)
    try:
        return exported.of_model(model, around, streaming)
    except ExportError as error:
        _LOG.info("no load on microcontrollers: %s", error)
        return None
