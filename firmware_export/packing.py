"""Shared by the exported folders of all flavours: build files, golden vectors, manifest."""

import dataclasses
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from firmware_export import c_text, templating
from firmware_export.errors import FIX_SHAPE, ExportError
from firmware_export.frontend.config import LogMel
from firmware_export.golden import Golden
from firmware_export.runtime import render
from firmware_export.runtime.detector import DetectorConfig
from tflite_model.info import ModelInfo, TensorInfo

FORMAT_VERSION = 1
LICENSE = "LICENSE"
_LEARNING = ("examples/learn_words.c",)
_SPOTTER = ("src/edge_bench.h", "src/listener.h", "src/spotter.c", "src/spotter.h")


@dataclasses.dataclass(frozen=True)
class Package:
    """What the shared templates need to know about a flavour.

    Attributes:
      flavor: its name, which is also its folder of templates.
      sentence: what is in the folder, without a full stop.
      paragraph: the same in more detail.
      header: the header to include first.
      sizes_header: the header that defines the sizes below.
      input_size, output_size: macros for the number of values in the model's input and output.
    """

    flavor: str
    sentence: str
    paragraph: str
    header: str
    sizes_header: str
    input_size: str
    output_size: str


def render_templates(values: Mapping[str, Any], skip: Collection[str] = ()) -> dict[str, bytes]:
    """The license, the flavour's rendered templates and the shared ones, by path of the file.

    Args:
      values: for the templates; "package" is a Package, "spots" says whether the folder has a
        front-end and a detector, "learns" whether it learns words.
      skip: paths of files to leave out, besides those of examples that hear without these.
    """
    learns = ("learning",) if values["learns"] else ()
    environment = templating.environment(values["package"].flavor, "common", *learns)
    names = [name.removesuffix(".jinja") for name in environment.list_templates(["jinja"])]
    rendered = {
        name: environment.get_template(f"{name}.jinja").render(values).encode("utf-8")
        for name in sorted(names)
        if name not in skip and (values["spots"] or name in _LEARNING or not _hears(name))
    }
    return {LICENSE: license_text(), **rendered}


def _hears(name: str) -> bool:
    """Whether a file needs front-end and detector."""
    return name in _SPOTTER or (
        name.startswith(("examples/", "samples/")) and not name.startswith("examples/self_test/")
    )


def license_text() -> bytes:
    """The license of the code in an exported folder."""
    return (templating.FOLDER / LICENSE).read_bytes()


def golden_values(golden: Golden) -> dict[str, Any]:
    """Values for the templates of golden.c."""
    return {
        "golden": golden,
        "golden_checked_against": "",
        "golden_label_rows": c_text.int_rows(golden.label_index),
        "golden_outputs": _golden_arrays("golden_logits", "OUTPUT", golden.outputs),
        "golden_inputs": _golden_arrays("golden_features", "INPUT", golden.inputs),
        "golden_bytes": sum(values.nbytes for values in (*golden.inputs, *golden.outputs)),
        "wav_rows": [],
        "wav_feature_rows": [],
        "wav_samples": 0,
    }


def _golden_arrays(name: str, what: str, arrays: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """Arrays of golden.c; the size of the only one is the package's."""
    return [
        {
            "name": name if len(arrays) == 1 else f"{name}_{number}",
            "type": c_text.C_TYPES[str(values.dtype)],
            "size": "" if len(arrays) == 1 else f"MODEL_{what}_{number}_SIZE",
            "suffix": "" if len(arrays) == 1 else f"_{number}",
            "rows": [c_text.number_rows(clip, 12 if clip.itemsize == 1 else 8) for clip in values],
        }
        for number, values in enumerate(arrays)
    ]


def sound_values(wav: np.ndarray, features: np.ndarray) -> dict[str, Any]:
    """The same for clips that are also included as sound; see `golden_values`."""
    return {
        "wav_rows": [c_text.int_rows(clip, per_row=12) for clip in wav],
        "wav_feature_rows": [c_text.int_rows(clip, per_row=12) for clip in features],
        "wav_samples": wav.shape[1],
    }


def label_values(labels: Sequence[str]) -> dict[str, Any]:
    """Labels for the templates."""
    return {
        "labels": labels,
        "label_literals": [c_text.string_literal(label) for label in labels],
        "labels_text": ", ".join(" ".join(label.replace("|", "\\|").split()) for label in labels),
    }


def quantization(tensor: TensorInfo) -> dict[str, Any]:
    """An input or output for the manifest."""
    return {
        "type": tensor.type.lower(),
        "shape": list(tensor.shape),
        "scale": tensor.scales[0] if tensor.scales else None,
        "zero_point": tensor.zero_points[0] if tensor.scales else None,
    }


def listed(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Sizes and hashes of files for the manifest."""
    return {
        name: {"bytes": len(content), "sha256": sha256(content)} for name, content in files.items()
    }


def library_version(version: str, model_sha256: str) -> str:
    """Version of the library with a model: "1.2.3+1a2b3c4d", other for each model.

    Three numbers and a build: Arduino, ESP-IDF and PlatformIO accept that and little else.
    """
    numbers = re.match(r"\d+(\.\d+){0,2}", version)
    parts = numbers[0].split(".") if numbers else []
    return f"{'.'.join([*parts, '0', '0', '0'][:3])}+{model_sha256[:8]}"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_classifier(info: ModelInfo, labels: Sequence[str], streaming: bool = False) -> None:
    """Checks that a model has one int8 input and outputs one int8 row of logits, one per label.

    Args:
      info: the model.
      labels: in the order of the logits.
      streaming: it has the streaming form, with states as further inputs and outputs.

    Raises:
      ExportError: it does not.
    """
    check_ends(info, streaming)
    classes = info.outputs[0].byte_size
    if info.outputs[0].shape != (1, classes) or classes != len(labels):
        raise ExportError(
            f"the model outputs {info.outputs[0].shape}, but there are {len(labels)} labels; "
            "labels and model must come from the same run"
        )


def check_ends(info: ModelInfo, streaming: bool = False) -> None:
    """Checks that a model has one int8 input and one int8 output, both of batch 1.

    Args:
      info: the model.
      streaming: it has the streaming form, with states as further inputs and outputs.

    Raises:
      ExportError: it does not.
    """
    if not streaming and (len(info.inputs) != 1 or len(info.outputs) != 1):
        raise ExportError(
            f"the model has {len(info.inputs)} inputs and {len(info.outputs)} outputs, "
            "one of each is needed; convert a classifier with one input"
        )
    for what, tensor in (("input", info.inputs[0]), ("output", info.outputs[0])):
        if tensor.type != "INT8" or len(tensor.scales) != 1 or not tensor.scales[0] > 0:
            raise ExportError(
                f"the model's {what} is {tensor.type} with {len(tensor.scales)} scales, int8 with "
                "one is needed; convert with inference_input_type and inference_output_type int8"
            )
        if not tensor.has_known_shape or tensor.shape[:1] != (1,) or tensor.byte_size == 0:
            raise ExportError(
                f"the model's {what} has shape {tensor.shape_signature}, a known shape with "
                f"batch 1 is needed; {FIX_SHAPE}"
            )


def runtime_files(
    info: ModelInfo,
    labels: Sequence[str],
    frontend: dict[str, Any],
    detector: DetectorConfig,
    version: str,
    streaming: bool = False,
    resumes: bool = False,
) -> dict[str, bytes]:
    """Front-end and detector of a classifier, by their paths in the folder.

    Args:
      info: a model that `check_classifier` accepts.
      labels: in the order of the logits.
      frontend: the "frontend" part of a run's frontend.json.
      detector: when a class is detected.
      version: of edge_tf, for the file headers.
      streaming: the model has the streaming form: it takes one frame.
      resumes: the detector has a second stage.

    Raises:
      ExportError: a device cannot compute such features, or not frame by frame; they do not match
        the model's input; or there is no class to detect.
    """
    scale = info.outputs[0].scales[0]
    made = render.detector_sources(detector, labels, scale, version, resumes)
    return {
        **frontend_files(info, frontend, version, streaming),
        **{f"src/{name}": text.encode("utf-8") for name, text in made.items()},
    }


def frontend_files(
    info: ModelInfo, frontend: dict[str, Any], version: str, streaming: bool = False
) -> dict[str, bytes]:
    """The front-end of a model, by its paths in the folder; arguments as of `runtime_files`.

    Raises:
      ExportError: a device cannot compute such features, or not frame by frame; or they do not
        match the model's input.
    """
    given, config = info.inputs[0], LogMel.from_dict(frontend)
    if streaming:
        config.check_streaming()
    wanted = (1, config.mel_bands, 1 if streaming else config.frames, 1)
    if given.shape != wanted:
        raise ExportError(
            f"the model takes {given.shape}, the front-end makes {wanted}; model and front-end "
            "must come from the same run"
        )
    made = render.frontend_sources(frontend, given.scales[0], given.zero_points[0], version)
    return {f"src/{name}": text.encode("utf-8") for name, text in made.items()}
