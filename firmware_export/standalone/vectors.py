"""The golden vectors of an export: given ones, checked, or random ones."""

import dataclasses

from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.oracle import micro, random_golden
from tflite_model.info import ModelInfo


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Golden vectors and their origin.

    Attributes:
      golden: None if there are none.
      checked: TFLite Micro makes the same bytes.
      text: where they are from, or why there are none; for the reader.
    """

    golden: Golden | None
    checked: bool
    text: str


def of_model(model: bytes, info: ModelInfo, golden: Golden | None) -> Vectors:
    """The given vectors, checked with TFLite Micro if it runs here; or random ones made with it.

    Args:
      model: an int8 .tflite file.
      info: the same, parsed.
      golden: a few real clips; None for random inputs.

    Raises:
      ExportError: the given vectors are not this model's.
    """
    if golden is not None:
        golden.check(info)
        ran = micro.run(model, golden.features)
        if ran is None:
            reason = micro.unavailable_reason() or "not available here"
            return Vectors(golden, False, f"Not checked at export: TFLite Micro was {reason}.")
        golden.check_logits(ran.logits)
        text = f"The vectors were checked at export with {ran.runtime}."
        return Vectors(golden, True, text)
    try:
        made = random_golden.make(model)
    except ExportError as error:
        return Vectors(None, False, f"{error}.")
    if made is None:
        reason = micro.unavailable_reason() or "not available here"
        return Vectors(None, False, f"it needs TFLite Micro, which was {reason}.")
    random, ran = made
    text = f"Its inputs are random; the outputs are from {ran.runtime}."
    return Vectors(random, True, text)
