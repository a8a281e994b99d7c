"""Exports a model as a folder of C source for TensorFlow Lite Micro."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tflite_model
from firmware_export import c_text, compiled_files, folder, identity, naming, packing
from firmware_export.errors import ExportError
from firmware_export.frontend.config import LogMel
from firmware_export.golden import Golden
from firmware_export.line_width import folder as width
from firmware_export.linkage import Linkage
from firmware_export.oracle import micro, random_golden
from firmware_export.runtime.detector import DetectorConfig, frames_between
from firmware_export.tflm import arena as arenas
from firmware_export.tflm import resolver
from tflite_model.info import ModelInfo, TensorInfo

__all__ = ["Golden", "export"]

FLAVOR = "tflm"
_DETECTOR = DetectorConfig()
_ALONE = Linkage()
_SOURCES = ("model_data.c", "model_runner.cpp", "golden.c", "self_test.c")
_SPOTTER = "spotter.c"


def export(
    model: bytes,
    out_dir: Path,
    version: str,
    *,
    labels: Sequence[str] = (),
    frontend: dict[str, Any] | None = None,
    golden: Golden | None = None,
    detector: DetectorConfig = _DETECTOR,
    caveat: str = "",
    streaming: bytes | None = None,
    linkage: Linkage = _ALONE,
    model_name: str = "the model",
    force: bool = False,
) -> dict[str, Any]:
    """Writes the folder, all of it or nothing; replaces an earlier export at `out_dir`.

    Args:
      model: a .tflite file with one int8 input and one int8 output, both of batch 1; with labels,
        the output is [1, classes].
      out_dir: new, empty, or an earlier export.
      version: of edge_tf, for the file headers and the manifest.
      labels: in the order of the logits; () for a model alone.
      frontend: what turns a waveform into features, as JSON-like values; passed on unchanged. None
        for a model alone.
      golden: a few real clips; if TFLite Micro runs here, their logits are checked with it. None
        for random inputs, which need TFLite Micro.
      detector: when a class is detected.
      caveat: what it lacks of what was asked for, for the reader; "" for nothing.
      streaming: the streaming form of `model`, to export instead. Golden vectors are still those
        of whole windows, whose last frame must produce the same logits.
      linkage: names of the folder.
      model_name: what errors about the file call it, usually its path.
      force: delete what was added to or changed in an earlier export at `out_dir`.

    Returns:
      The manifest, as written to manifest.json: sizes, ops, quantization, arena, files and hashes.

    Raises:
      ExportError: the model, labels or vectors do not fit together or TFLite Micro cannot run
        them; or `out_dir` has files that no export wrote. Nothing is written then.
    """
    linkage.check_tflm()
    folder.check_replaceable(out_dir, force)
    info = tflite_model.parse(model, model_name)
    compiled_files.check(info)
    if info.subgraphs:
        raise ExportError(
            f"{model_name} keeps state in variables, for which the runner has no memory; "
            "export it with --flavor=standalone"
        )
    ran, origin = None, ""
    if golden is None:
        packing.check_ends(info)
        resolver.add_methods(info)
        golden, ran = _random(model, info)
        origin = f"The inputs are random; the outputs are from {ran.runtime}."
    else:
        packing.check_classifier(info, labels)
        golden.check(info)
    states: Sequence[TensorInfo] = ()
    vectors = golden
    if streaming is not None:
        model, info = streaming, tflite_model.parse(streaming, model_name)
        packing.check_classifier(info, labels, streaming=True)
        states, vectors = info.inputs[1:], golden.in_frames()
    methods = resolver.add_methods(info)
    if ran is None:
        ran = micro.run(model, _inputs(info, vectors, states), states)
        if ran is not None:
            golden.check_logits(ran.logits)
    arena = arenas.estimate(info) if ran is None else arenas.measured(info, ran)

    runtime, missing = _runtime(info, labels, frontend, detector, version, bool(states))
    manifest = _manifest(model, info, labels, frontend, golden, arena, version)
    manifest["golden"]["checked"] = ran is not None
    manifest["detector_caveat"] = caveat
    manifest["runtime"] = {"included": not missing, "missing_because": missing}
    values = {
        **_source_values(model, info, labels, vectors),
        **_state_values(states),
        "version": version,
        "external": False,
        "second": None,
        "library_version": packing.library_version(version, packing.sha256(model)),
        "package": _package(labels, version, vectors, bool(states)),
        "shared_kernels": "",
        "prefix": linkage.prefix,
        "sources": _sources(runtime),
        **_spotting_values(frontend if runtime else None, bool(states)),
        "runtime_missing": missing,
        "detector_caveat": caveat,
        "arena": arena,
        "add_methods": methods,
        "golden_checked": ran is not None,
        "golden_checked_against": origin,
        "has_frontend": frontend is not None,
        "frontend_json": json.dumps(frontend, indent=2, ensure_ascii=False),
        "ops_text": ", ".join(f"{count} {name}" for name, count in info.op_counts().items()),
    }
    files = {**packing.render_templates(values), **runtime}
    marked = identity.marked(files, packing.sha256(model), version)
    files = width.wrapped(naming.renamed(marked, linkage.prefix), linkage.prefix)
    manifest["prefix"] = linkage.prefix
    manifest["files"] = packing.listed(files)
    folder.write(out_dir, files, manifest, force)
    return manifest


def _random(model: bytes, info: ModelInfo) -> tuple[Golden, micro.Run]:
    made = random_golden.make(model)
    if made is None:
        reason = micro.unavailable_reason() or "it does not load here"
        raise ExportError(
            f"a .tflite file alone needs TFLite Micro for its self-test: {reason}; export it on "
            "Linux x86-64 with edge_tf[tflm] installed, or give a run: --run_dir=RUN"
        )
    return made


def _inputs(info: ModelInfo, vectors: Golden, states: Sequence[TensorInfo]) -> np.ndarray:
    """Golden features as the interpreter takes them: frame by frame for a stream."""
    if not states:
        return vectors.features
    return vectors.features.reshape(*vectors.features.shape[:2], *info.inputs[0].shape[1:])


def _runtime(
    info: ModelInfo,
    labels: Sequence[str],
    frontend: dict[str, Any] | None,
    detector: DetectorConfig,
    version: str,
    streaming: bool,
) -> tuple[dict[str, bytes], str]:
    """Front-end and detector, or why they cannot be included."""
    if frontend is None:
        return {}, "the model was exported without a run"
    fields = frontend.get("frontend")
    if not isinstance(fields, dict):
        return {}, "the run's frontend.json does not describe a front-end"
    try:
        return packing.runtime_files(info, labels, fields, detector, version, streaming), ""
    except ExportError as error:
        return {}, str(error)


def _sources(runtime: Mapping[str, bytes]) -> list[str]:
    """The C and C++ files of src/, as build files list them."""
    names = [Path(name).name for name in runtime if name.endswith(".c")]
    names += [Path(name).name for name in identity.FILES if name.endswith(".c")]
    return [*_SOURCES, *names, *([_SPOTTER] if runtime else [])]


def _spotting_values(frontend: dict[str, Any] | None, streaming: bool) -> dict[str, Any]:
    """What the spotter and the examples that hear need; None for a folder without them."""
    if frontend is None:
        return {"spots": False, "learns": False, "streaming": streaming}
    config = LogMel.from_dict(frontend["frontend"])
    frames = 1 if streaming else frames_between(config.sample_rate, config.hop)
    return {
        "spots": True,
        "learns": False,
        "streaming": streaming,
        "sample_rate": config.sample_rate,
        "frames_between": frames,
        "inferences_text": f"{config.sample_rate / config.hop / frames:.3g}",
    }


def _state_values(states: Sequence[TensorInfo]) -> dict[str, Any]:
    """The states of a streaming model, for its runner."""
    return {
        "states": states,
        "state_bytes": sum(state.byte_size for state in states),
        "state_size_rows": c_text.int_rows(np.array([state.byte_size for state in states])),
        "state_zero_point_rows": c_text.int_rows(
            np.array([state.zero_points[0] for state in states])
        ),
    }


def _package(
    labels: Sequence[str], version: str, vectors: Golden, streaming: bool
) -> packing.Package:
    kind = f"An int8 audio model with {len(labels)} classes" if labels else "An int8 model"
    sentence = f"{kind} for TensorFlow Lite Micro"
    return packing.Package(
        flavor=FLAVOR,
        sentence=sentence,
        paragraph=f"Model, runner and self-test, exported by edge_tf {version}. "
        "Needs an Arduino port of TensorFlow Lite Micro.",
        header="model_runner.h",
        sizes_header="model_data.h",
        input_size=f"{vectors.features.shape[1]} * MODEL_INPUT_BYTES"
        if streaming
        else "MODEL_INPUT_BYTES",
        output_size="MODEL_OUTPUT_BYTES",
    )


def _manifest(
    model: bytes,
    info: ModelInfo,
    labels: Sequence[str],
    frontend: dict[str, Any] | None,
    golden: Golden,
    arena: arenas.Arena,
    version: str,
) -> dict[str, Any]:
    return {
        "format_version": packing.FORMAT_VERSION,
        "flavor": FLAVOR,
        "edge_tf_version": version,
        "model": {
            "sha256": packing.sha256(model),
            "bytes": len(model),
            "constant_bytes": info.constant_bytes(),
            "peak_activation_bytes": arenas.peak_activation_bytes(info),
            "input": packing.quantization(info.inputs[0]),
            "output": packing.quantization(info.outputs[0]),
            "ops": info.op_versions(),
            "state_bytes": sum(state.byte_size for state in info.inputs[1:]),
        },
        "labels": list(labels),
        "frontend": frontend,
        "arena": dataclasses.asdict(arena),
        "golden": {
            "clips": len(golden),
            "labels": golden.label_index.tolist() if labels else [],
        },
    }


def _source_values(
    model: bytes, info: ModelInfo, labels: Sequence[str], golden: Golden
) -> dict[str, Any]:
    """Values for the templates of the C files."""
    given, result = info.inputs[0], info.outputs[0]
    return {
        "model_sha256": packing.sha256(model),
        "model_bytes": len(model),
        "model_rows": c_text.byte_rows(model),
        "input": given,
        "output": result,
        "input_scale": c_text.float_literal(given.scales[0]),
        "output_scale": c_text.float_literal(result.scales[0]),
        "input_scale_text": f"{given.scales[0]:.7g}",
        "output_scale_text": f"{result.scales[0]:.7g}",
        "input_shape": c_text.int_list(given.shape),
        "output_shape": c_text.int_list(result.shape),
        **packing.label_values(labels),
        **packing.golden_values(golden),
    }
