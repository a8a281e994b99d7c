"""Golden vectors: a few real clips with the bytes that every engine must output for them."""

import dataclasses

import numpy as np

from firmware_export.errors import ExportError
from tflite_model.info import ModelInfo

# They take flash on the device; more of them would show nothing new.
MAX_CLIPS = 64


@dataclasses.dataclass(frozen=True)
class Golden:
    """Inputs and outputs of the model on a few clips.

    Attributes:
      features: [n, ...shape of the model's first input without its batch], of its type.
      logits: [n, classes], as TFLite Micro's reference kernels output them.
      label_index: int [n], the true class of each clip.
      more_inputs, more_outputs: of models with several: [n, values] each.
    """

    features: np.ndarray
    logits: np.ndarray
    label_index: np.ndarray
    more_inputs: tuple[np.ndarray, ...] = ()
    more_outputs: tuple[np.ndarray, ...] = ()

    @property
    def inputs(self) -> tuple[np.ndarray, ...]:
        return (self.features, *self.more_inputs)

    @property
    def outputs(self) -> tuple[np.ndarray, ...]:
        return (self.logits, *self.more_outputs)

    def __len__(self) -> int:
        return len(self.features)

    def in_frames(self) -> "Golden":
        """The same with features [n, frames, bands], in the order of a stream."""
        return dataclasses.replace(self, features=frames_first(self.features))

    def check(self, model: ModelInfo) -> None:
        """Raises ExportError when shapes or types do not fit the model."""
        wanted = model.inputs[0].shape[1:]
        classes = model.outputs[0].shape[-1]
        clips = len(self.features)
        if not 1 <= clips <= MAX_CLIPS:
            raise _misfit(f"have {clips} clips, 1 to {MAX_CLIPS} are possible")
        if self.features.dtype != np.int8 or self.features.shape[1:] != wanted:
            raise _misfit(
                f"have {self.features.dtype} features of shape {self.features.shape[1:]}, "
                f"the model takes int8 {wanted}"
            )
        if self.logits.dtype != np.int8 or self.logits.shape != (clips, classes):
            raise _misfit(
                f"have {self.logits.dtype} logits of shape {self.logits.shape}, "
                f"the model outputs int8 {(clips, classes)}"
            )
        if self.label_index.dtype.kind not in "iu" or self.label_index.shape != (clips,):
            raise _misfit(f"have {self.label_index.shape} label indices for {clips} clips")
        if self.label_index.min() < 0 or self.label_index.max() >= classes:
            raise _misfit(f"name a label outside 0 to {classes - 1}")

    def check_logits(self, logits: np.ndarray) -> None:
        """Raises ExportError when TFLite Micro's own logits differ."""
        differing = int(np.count_nonzero(self.logits != logits))
        if differing:
            raise ExportError(
                f"TFLite Micro outputs {differing} of {logits.size} bytes other than the golden "
                "vectors; make them again from this model with the reference kernels"
            )


def frames_first(features: np.ndarray) -> np.ndarray:
    """[n, bands, frames, 1] to [n, frames, bands]."""
    return np.ascontiguousarray(features[..., 0].transpose(0, 2, 1))


def _misfit(what: str) -> ExportError:
    return ExportError(f"the golden vectors {what}; make them again from this model")
