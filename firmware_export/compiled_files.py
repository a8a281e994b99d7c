"""Files that another compiler has turned into a program of its own: nothing is left to export."""

from firmware_export.errors import ExportError
from tflite_model.info import ModelInfo

# Names of the custom ops that hold such programs.
_COMPILERS = {
    "ethos-u": "an Ethos-U NPU: give the file from before Vela",
    "edgetpu-custom-op": "an Edge TPU: give the file from before the Edge TPU compiler",
}


def check(model: ModelInfo) -> None:
    """Raises ExportError if the model is compiled for an accelerator."""
    for op in model.ops:
        if op.is_custom and op.custom_name in _COMPILERS:
            raise ExportError(
                f"op {op.index} ({op.full_name}) is compiled for {_COMPILERS[op.custom_name]}"
            )
