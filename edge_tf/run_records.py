"""What the stages record of themselves in config.json, and the records of other JSON files.

config.json is {"format_version": 1, "stages": {NAME: RECORD, ...}}; RunDirectory.record adds
"versions" and "finished" to each record, for people. A field may be added here at any time with
`later` and the default that older runs mean by its absence. If the meaning of a field changes,
run_dir.FORMAT_VERSION does.
"""

import dataclasses
from typing import ClassVar

from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.records import JsonObject, later
from edge_tf.settings import CompressionSettings, DataFlags, Graph, ModelConfig, TrainingSettings


@dataclasses.dataclass(frozen=True)
class StageRecord:
    """Base of all; STAGE is its name in config.json."""

    STAGE: ClassVar[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainRecord(StageRecord):
    """Of pipelines.train.

    Attributes:
      data: which data, so that later stages find it again.
      data_description: where the split comes from, for people.
      data_fingerprint: of the decoded clips of splits.
      labels: in the order of the logits.
      model, frontend, augmentation: what was trained on what.
      recipe: how.
    """

    STAGE: ClassVar[str] = "train"

    data: DataFlags
    data_description: str
    data_fingerprint: dict[str, str]
    labels: tuple[str, ...]
    model: ModelConfig
    frontend: FrontendConfig
    augmentation: AugmentationConfig
    recipe: TrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompressionRequest(CompressionSettings):
    """Settings with what they are applied to; compression/settings.json.

    Attributes:
      float_model: SHA-256 of float.keras.
      training_clips: fingerprint of the decoded clips.
    """

    float_model: str
    training_clips: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompressRecord(CompressionRequest, StageRecord):
    """Of pipelines.compress.

    Attributes:
      zeros: number of pruned weights of each layer.
      val_accuracy: of the last epoch.
      seconds: of all epochs.
    """

    STAGE: ClassVar[str] = "compress"

    zeros: dict[str, int]
    val_accuracy: float
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamingFacts:
    """Of the streaming form of an int8 file.

    Attributes:
      bytes: of the file.
      states, state_bytes: tensors that are handed from frame to frame.
      delay_frames: by which its logits come later than those of a window.
    """

    bytes: int
    states: int
    state_bytes: int
    delay_frames: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertRecord(StageRecord):
    """Of pipelines.convert.

    Attributes:
      source, source_sha256: the Keras file that was converted.
      representative_clips: whose ranges set the scales of activations.
      graph: form of the int8 graph.
      seconds: that it took.
      bytes: of model_int8.tflite.
      streaming: of model_streaming.tflite, if there is one.
      parameters: trainable ones of the Keras model.
    """

    STAGE: ClassVar[str] = "convert"

    source: str
    source_sha256: str
    representative_clips: int
    graph: Graph = "device"
    seconds: float
    bytes: int
    streaming: StreamingFacts | None = later(None)
    parameters: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateRecord(StageRecord):
    """Of pipelines.evaluate.

    Attributes:
      clips: number of test clips.
      data_fingerprint: of the decoded test split.
      max_drop: percentage points of accuracy that int8 may lose.
      seconds: that the engines took.
      accuracy: by id of the engine; None: it could not run here.
      android_sha256: of the file for apps that was measured, if there was one.
    """

    STAGE: ClassVar[str] = "evaluate"

    clips: int
    data_fingerprint: str
    max_drop: float
    seconds: float
    accuracy: dict[str, float | None]
    android_sha256: str | None = later(None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportFirmwareRecord(StageRecord):
    """Of pipelines.export_firmware; facts are those of the manifest.

    Attributes:
      flavor: "tflm" or "standalone".
      streaming: a frame at a time.
      out: folder that was written.
      model_sha256, model_bytes: the .tflite that was exported.
      arena: of TensorFlow Lite Micro.
      target, memory: of plain C.
    """

    STAGE: ClassVar[str] = "export_firmware"

    flavor: str
    streaming: bool = False
    out: str
    model_sha256: str
    model_bytes: int
    arena: JsonObject | None = later(None)
    target: str | None = later(None)
    memory: JsonObject | None = later(None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileFacts:
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportAndroidRecord(StageRecord):
    """Of pipelines.export_android.

    Attributes:
      out: folder that was written.
      models: .tflite files in it by name.
    """

    STAGE: ClassVar[str] = "export_android"

    out: str
    models: dict[str, FileFacts]


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch; history.json is a list of them.

    Attributes:
      epoch: from 1.
      loss: mean over the batches.
      accuracy: share of the training clips, as they were augmented.
      learning_rate: of the last batch.
      samples_per_second, seconds: without validation.
      val_accuracy: share of the validation clips.
      checkpoint: its name in checkpoints/.
      phase: of a compression.
    """

    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    samples_per_second: float
    seconds: float
    val_accuracy: float
    checkpoint: str = later("")
    phase: str = later("")


# Smallest and largest value of a tensor, or of each of its channels.
Range = tuple[float | list[float], float | list[float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RangesFile:
    """quantization.json: ranges of activations by name of the layer."""

    ranges: dict[str, Range]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputQuantization:
    """real = scale * (int8 - zero_point), of a model's input."""

    scale: float
    zero_point: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrontendFile:
    """frontend.json: the front-end, and after conversion the quantization of the model's input."""

    frontend: FrontendConfig
    input: InputQuantization | None = later(None)
