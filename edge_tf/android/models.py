"""The two model files for an app, each with metadata."""

import dataclasses
import json
from collections.abc import Sequence

import tflite_model
from edge_tf import __version__, records
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import waveform
from edge_tf.conversion.tflite import metadata
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import FrontendFile, InputQuantization, TrainRecord
from firmware_export import packing
from tflite_model.info import TensorInfo

WAVEFORM = "model_waveform.tflite"
FEATURES = "model_int8.tflite"
FRONTEND = "frontend.json"


@dataclasses.dataclass(frozen=True)
class Models:
    """Contents of .tflite files with metadata.

    Attributes:
      waveform: float32 [1, samples] in, float32 [1, classes] probabilities out.
      features: the unchanged int8 model: int8 log-mel in, int8 logits out.
    """

    waveform: bytes
    features: bytes


def make(
    network: bytes, config: FrontendConfig, labels: Sequence[str], title: str = "edge_tf"
) -> Models:
    """Makes both files; the same inputs produce the same bytes.

    Args:
      network: model_int8.tflite of a run.
      config: its front-end.
      labels: in the order of its logits.
      title: display name of the model.

    Raises:
      UserError, ExportError: network, front-end and labels do not fit together, TFLite cannot
        compute the front-end, or labels are missing or repeated.
    """
    label_file = metadata.label_file(labels)
    sound = waveform.convert(network, config, labels)
    info = tflite_model.parse(network, FEATURES)
    packing.check_classifier(info, labels)
    return Models(
        metadata.attach(sound, _of_waveform(config, label_file, title)),
        metadata.attach(
            network, _of_features(info.inputs[0], info.outputs[0], config, label_file, title)
        ),
    )


def title(run: RunDirectory) -> str:
    """The display name of a run's model: "edge_tf bc_resnet, tau 1"."""
    trained = run.find(TrainRecord)
    if trained is None:
        return "edge_tf"
    return f"edge_tf {trained.model.name}, tau {trained.model.tau:g}"


def _of_waveform(
    config: FrontendConfig, labels: metadata.AssociatedFile, title: str
) -> metadata.ModelMetadata:
    seconds = config.clip_samples / config.sample_rate
    return metadata.ModelMetadata(
        name=title,
        description=f"Classifies {seconds:g} s of sound. The log-mel front-end is inside, the "
        "network computes in int8.",
        version=__version__,
        given=metadata.TensorMetadata(
            waveform.INPUT,
            f"{config.clip_samples} samples at {config.sample_rate} Hz, mono, -1 to 1.",
            (-1.0, 1.0),
            metadata.Audio(config.sample_rate),
        ),
        result=metadata.TensorMetadata(
            waveform.OUTPUT, "Probability of each class.", (0.0, 1.0), files=[labels]
        ),
    )


def _of_features(
    given: TensorInfo,
    result: TensorInfo,
    config: FrontendConfig,
    labels: metadata.AssociatedFile,
    title: str,
) -> metadata.ModelMetadata:
    scale, zero_point = given.scales[0], given.zero_points[0]
    quantization = InputQuantization(scale=scale, zero_point=zero_point)
    content = FrontendFile(frontend=config, input=quantization)
    frontend = metadata.AssociatedFile(
        FRONTEND,
        "Every number of the log-mel front-end, and the quantization of the features.",
        (json.dumps(records.to_json(content), indent=2) + "\n").encode("utf-8"),
    )
    bands, frames, _ = config.feature_shape
    return metadata.ModelMetadata(
        name=f"{title}, int8",
        description="Classifies log-mel features that the app computes; frontend.json has the "
        "parameters.",
        version=__version__,
        given=metadata.TensorMetadata(
            "features",
            f"int8 [1, {bands}, {frames}, 1]: mel bands, frames; log-mel = {scale:g} * (value - "
            f"{zero_point}).",
            _range(given),
            files=[frontend],
        ),
        result=metadata.TensorMetadata(
            "logits",
            "int8; their softmax, after dequantization, is the probability of each class.",
            _range(result),
            files=[labels],
        ),
    )


def _range(tensor: TensorInfo) -> tuple[float, float]:
    """The range of real values that int8 can represent."""
    scale, zero_point = tensor.scales[0], tensor.zero_points[0]
    return scale * (-128 - zero_point), scale * (127 - zero_point)
