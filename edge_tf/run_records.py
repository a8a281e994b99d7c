"""The records of the stages in config.json, and those of a run's other JSON files.

config.json is {"format_version": 1, "stages": {NAME: RECORD, ...}}; RunDirectory.record adds
"versions" and "finished" to each record, for human readers. New fields use `later`, with the
default that their absence means in older runs. If the meaning of a field changes, change
run_dir.FORMAT_VERSION too.
"""

import dataclasses
from typing import ClassVar

from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.records import JsonObject, later
from edge_tf.settings import (
    CompressionSettings,
    DataFlags,
    FewShotTraining,
    Graph,
    ModelConfig,
    StreamTraining,
    TrainingSettings,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageRecord:
    """Base class; STAGE is the stage's name in config.json.

    Attributes:
      files: SHA-256 of the files that the stage wrote and no later one changes; None in older runs.
    """

    STAGE: ClassVar[str]

    files: dict[str, str] | None = later(None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedClips:
    """Clips of a split whose sound is in another split, too.

    Attributes:
      split, other: the splits.
      clips: number of clips of `split` that were compared.
      equal: of these, those whose decoded samples are in `other`.
      alike: of the rest, those that are copies of a clip in `other`: shifted, louder, compressed.
      example: a clip of `split`, and the one in `other`.
    """

    split: str
    other: str
    clips: int
    equal: int
    alike: int
    example: tuple[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataChecks:
    """What the clips of a task say about its result; see edge_tf/data/leaks.py.

    Attributes:
      clips: number of clips per split.
      shared: sound that is in two splits.
      repeated: per split, the number of clips that are equal to an earlier one of it.
      other_labels: number of clips that are equal to one with another label.
      other_labels_example: two such clips; empty if there are none.
      noise: number of background recordings, which are added to training clips.
      noise_in_test: number of these that are cut into silence clips of the test.
      notes: per split and change or fault, the number of clips per label.
    """

    clips: dict[str, int]
    shared: tuple[SharedClips, ...] = ()
    repeated: dict[str, int] = dataclasses.field(default_factory=dict)
    other_labels: int = 0
    other_labels_example: tuple[str, ...] = ()
    noise: int = 0
    noise_in_test: int = 0
    notes: dict[str, dict[str, dict[str, int]]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainRecord(StageRecord):
    """Record of pipelines.train.

    Attributes:
      data: the data flags, so that later stages find the same data.
      data_description: origin of the split, for human readers.
      data_notes: what of the data is left out, made or unknown, for human readers.
      data_fingerprint: digest of the decoded clips, per split.
      labels: in the order of the logits.
      model, frontend, augmentation: the network and its input.
      recipe: how it was trained.
      data_checks: what is known about the clips; None in older runs.
      fewshot: if it is an embedding network, trained on episodes: how; labels are then the words of
        all splits, and the output is no logits.
      streams: if it is trained on mixed streams, not on single clips: of what.
      chosen_epoch: whose weights are the result; None: the last one's.
      mined: sounds that were taken for a word and added, per round.
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
    data_checks: DataChecks | None = later(None)
    data_notes: tuple[str, ...] = later(())
    streams: StreamTraining | None = later(None)
    fewshot: FewShotTraining | None = later(None)
    chosen_epoch: int | None = later(None)
    mined: tuple[int, ...] = later(())


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompressionRequest(CompressionSettings):
    """Settings and what they are applied to; compression/settings.json.

    Attributes:
      float_model: digest of float.keras (keras_file.py).
      training_clips: fingerprint of the decoded clips.
    """

    float_model: str
    training_clips: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompressRecord(CompressionRequest, StageRecord):
    """Record of pipelines.compress.

    Attributes:
      zeros: number of pruned weights per layer.
      val_accuracy: of the last epoch.
      seconds: total of all epochs.
    """

    STAGE: ClassVar[str] = "compress"

    zeros: dict[str, int]
    val_accuracy: float
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamingFacts:
    """Facts about the streaming form of an int8 file.

    Attributes:
      bytes: size of the file.
      states, state_bytes: number and size of the tensors carried from frame to frame.
      delay_frames: latency of its logits relative to those of a window.
      sha256: of the file; None in older runs.
    """

    bytes: int
    states: int
    state_bytes: int
    delay_frames: int
    sha256: str | None = later(None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertRecord(StageRecord):
    """Record of pipelines.convert.

    Attributes:
      source, source_sha256: the Keras file that was converted, and its digest (keras_file.py).
      representative_clips: size of the representative dataset, which sets activation scales.
      graph: form of the int8 graph.
      seconds: duration of the conversion.
      bytes: size of model_int8.tflite.
      streaming: of model_streaming.tflite, if there is one.
      parameters: trainable parameters of the Keras model.
      sha256: of model_int8.tflite; None in older runs.
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
    sha256: str | None = later(None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateRecord(StageRecord):
    """Record of pipelines.evaluate.

    Attributes:
      clips: number of test clips.
      data_fingerprint: digest of the decoded test split.
      max_drop: percentage points of accuracy that int8 may lose.
      seconds: total time of the engines.
      accuracy: by engine id; None: the engine could not run here.
      android_sha256: digest of the model file for apps that was measured, if any.
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
    """Record of pipelines.export_firmware; values as in the manifest.

    Attributes:
      flavor: "tflm" or "standalone".
      streaming: one frame at a time.
      out: output folder.
      model_sha256, model_bytes: the .tflite that was exported.
      arena: for TensorFlow Lite Micro.
      target, memory, load: for plain C.
      prefix: of all names; None for the default ones.
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
    prefix: str | None = later(None)
    load: JsonObject | None = later(None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileFacts:
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportAndroidRecord(StageRecord):
    """Record of pipelines.export_android.

    Attributes:
      out: output folder.
      models: its .tflite files by name.
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
      accuracy: on the augmented training clips, 0 to 1.
      learning_rate: of the last batch.
      samples_per_second, seconds: without validation.
      val_accuracy: on the validation clips, 0 to 1; on streams 1 less the words missed, on episodes
        the open-set accuracy (edge_tf/fewshot/judging.py).
      checkpoint: its name in checkpoints/.
      phase: phase of a compression.
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


# Smallest and largest value of a tensor, or per channel.
Range = tuple[float | list[float], float | list[float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RangesFile:
    """quantization.json: activation ranges by layer name."""

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
