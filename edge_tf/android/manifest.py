"""What an export for Android says of itself: manifest.json, and spotting.json of the sample app."""

import dataclasses

from edge_tf import __version__
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.records import later
from edge_tf.run_records import FileFacts
from firmware_export.runtime.detector import DetectorConfig

FLAVOR = "android"
FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Measured:
    """Result of the last evaluation of exactly the exported file.

    Attributes:
      clips: number of test clips.
      accuracy: waveform in, LiteRT with XNNPACK.
      keras_accuracy: of the float network.
    """

    clips: int
    accuracy: float
    keras_accuracy: float


@dataclasses.dataclass(frozen=True)
class TensorFacts:
    """An input or output; float ones have neither scale nor zero point."""

    type: str
    shape: list[int]
    scale: float | None = later(None)
    zero_point: int | None = later(None)


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """A .tflite file; ops are counted by TFLite name."""

    bytes: int
    sha256: str
    constant_bytes: int
    input: TensorFacts
    output: TensorFacts
    ops: dict[str, int]


@dataclasses.dataclass(frozen=True)
class GoldenFacts:
    """Numbers of golden clips: checked, and in the app's self-test."""

    clips: int
    in_sample: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """manifest.json.

    Attributes:
      edge_tf_version: version that made the export.
      title: display name of the model.
      models: .tflite files by name.
      labels: in the order of the scores.
      frontend, detector: settings.
      detector_caveat: why the detector does not hold what was asked for; "" if it does.
      hop_samples: hop length from one inference to the next, in samples.
      measured: accuracy of the waveform model; None if not measured.
      golden: clips with known results.
      files: all other files of the folder.
    """

    format_version: int = FORMAT_VERSION
    flavor: str = FLAVOR
    edge_tf_version: str = __version__
    title: str
    models: dict[str, ModelFacts]
    labels: list[str]
    frontend: FrontendConfig
    detector: DetectorConfig
    detector_caveat: str
    hop_samples: int
    measured: Measured | None
    golden: GoldenFacts
    files: dict[str, FileFacts]


@dataclasses.dataclass(frozen=True)
class GoldenClip:
    """A clip of the app's self-test: its file, label, and scores on this computer."""

    file: str
    label: str
    scores: list[float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpottingFile:
    """spotting.json, which the sample app reads; see Manifest."""

    format_version: int = FORMAT_VERSION
    labels: list[str]
    sample_rate: int
    window_samples: int
    hop_samples: int
    detector: DetectorConfig
    golden: list[GoldenClip]
