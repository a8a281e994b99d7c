"""Exports a model as a folder of plain C: no interpreter, no heap, no floating point."""

import dataclasses
import json
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tflite_model
from firmware_export import folder, identity, naming, packing
from firmware_export.errors import ExportError
from firmware_export.frontend.config import LogMel
from firmware_export.golden import Golden, frames_first
from firmware_export.linkage import Linkage
from firmware_export.oracle import micro, random_golden
from firmware_export.runtime.detector import DetectorConfig, frames_between
from firmware_export.standalone import compiler, costs, ends, plan_svg, shared_kernels
from firmware_export.standalone import passes as all_passes
from firmware_export.standalone.load import estimate
from firmware_export.standalone.load import text as load_text
from firmware_export.standalone.target import AUTO, GENERIC, KERNEL_SETS, Target
from tflite_model.info import ModelInfo, TensorInfo

FLAVOR = "standalone"

_MODEL_FILES = ("src/model.c", "src/model.h")
_SELF_TEST = (
    "src/golden.c",
    "src/golden.h",
    "src/self_test.c",
    "src/self_test.h",
    "extras/self_test_main.c",
    "examples/self_test/self_test.ino",
)
_SPOTTER = ("src/spotter.c", "src/spotter.h")
_LABELS = ("src/labels.c", "src/labels.h")
_ALONE = Linkage()


@dataclasses.dataclass(frozen=True)
class Sound:
    """A few clips as sound, with the features that the integer front-end computes from them.

    Attributes:
      wav: int16 [n, samples].
      features: int8 [n, ...shape of the model's input without its batch].
    """

    wav: np.ndarray
    features: np.ndarray


@dataclasses.dataclass(frozen=True)
class Spotting:
    """What a folder needs to detect words in sound.

    Attributes:
      labels: in the order of the logits.
      frontend: fields of the front-end, the "frontend" part of a run's frontend.json.
      detector: when a class is detected.
      sound: clips for the self-test of the front-end.
      frames_per_decision: frames from one call of the detector to the next; None: each frame of a
        stream, or ten windows per second.
      caveat: what the detector lacks of what was asked for, for the reader; "" for nothing.
    """

    labels: Sequence[str]
    frontend: dict[str, Any]
    detector: DetectorConfig = dataclasses.field(default_factory=DetectorConfig)
    sound: Sound | None = None
    frames_per_decision: int | None = None
    caveat: str = ""

    def frames_between(self, streaming: bool) -> int:
        """`frames_per_decision`, or its default."""
        if self.frames_per_decision is not None:
            return self.frames_per_decision
        config = LogMel.from_dict(self.frontend)
        return 1 if streaming else frames_between(config.sample_rate, config.hop)


@dataclasses.dataclass(frozen=True)
class _Vectors:
    """Golden vectors and their origin; `golden` is None if there are none."""

    golden: Golden | None
    checked: bool
    text: str


def export(
    model: bytes,
    out_dir: Path,
    version: str,
    *,
    spotting: Spotting | None = None,
    golden: Golden | None = None,
    target: Target = AUTO,
    passes: Iterable[str] = all_passes.ALL,
    streaming: bytes | None = None,
    linkage: Linkage = _ALONE,
    model_name: str = "the model",
    layer_names: Mapping[bytes, str] = types.MappingProxyType({}),
    force: bool = False,
) -> dict[str, Any]:
    """Writes the folder, all of it or nothing; replaces an earlier export at `out_dir`.

    Args:
      model: any int8 .tflite file; with `spotting`, a classifier of features.
      out_dir: new, empty, or an earlier export.
      version: of edge_tf, for the file headers and the manifest.
      spotting: labels, front-end and detector; None for a model alone.
      golden: a few real clips; None for seeded random inputs, if TFLite Micro runs here.
      target: the core; decides the kernel sets.
      passes: names of the passes to run.
      streaming: the streaming form of `model`, to export instead: one frame at a time. Golden
        vectors are still those of whole windows, whose last frame must produce the same logits.
      linkage: names of the folder, and what it shares with others in a firmware; a component of
        kernels that it names is written if it is not there.
      model_name: what errors about the file call it, usually its path.
      layer_names: for comments in the C: by content of a weight tensor, the layer it belongs to.
      force: delete what was added to or changed in an earlier export at `out_dir`.

    Returns:
      The manifest, as written to manifest.json: sizes, ops, memory, files and hashes.

    Raises:
      ExportError: the model cannot be compiled, or does not fit labels, front-end or vectors;
        or `out_dir` has files that no export wrote. Nothing is written then.
    """
    folder.check_replaceable(out_dir, force)
    if linkage.kernels is not None:
        shared_kernels.check_apart(linkage.kernels, out_dir)
    info = tflite_model.parse(model, model_name)
    exported = model if streaming is None else streaming
    form = tflite_model.parse(exported, model_name).named(layer_names)
    try:
        compiled = compiler.compile(
            form,
            target.kernels,
            passes,
            streaming=streaming is not None,
            version=version,
            model_sha256=packing.sha256(exported),
            external=linkage.external,
            kernels_version=shared_kernels.version(target).id,
        )
    except ExportError as error:
        raise ExportError(f"{model_name}: {error}") from None
    sources = {
        f"src/{name}": text.encode()
        for name, text in compiled.files.items()
        if not (linkage.kernels and name.startswith("edge_"))
    }
    if linkage.kernels is None:
        sources |= shared_kernels.version_files(target)
    runtime: dict[str, bytes] = {}
    if spotting is not None:
        packing.check_classifier(info, spotting.labels)
        runtime = packing.runtime_files(
            form,
            spotting.labels,
            spotting.frontend,
            spotting.detector,
            version,
            streaming=streaming is not None,
        )
    vectors = _vectors(model, info, golden)
    values = {
        **_values(form, compiled, target, spotting, vectors, version),
        "model_sha256": packing.sha256(exported),
        "library_version": packing.library_version(version, packing.sha256(exported)),
        "shared_kernels": shared_kernels.version(target).text if linkage.kernels else "",
        "prefix": linkage.prefix,
        "sources": _c_files([*sources, *runtime, *identity.FILES], spotting, vectors),
    }
    skipped = [*_MODEL_FILES]
    skipped += [] if vectors.golden else _SELF_TEST
    skipped += [] if spotting else [*_LABELS]
    core = "any core" if target == AUTO else target.name
    title = f"{Path(model_name).name}: {compiled.plan.size:,} bytes for {core}"
    files = {
        **sources,
        **runtime,
        **packing.render_templates(values, skipped),
        "plan.svg": plan_svg.draw(compiled.plan, compiled.op_sources, title).encode(),
    }
    marked = identity.marked(files, packing.sha256(exported), version)
    files = naming.renamed(marked, linkage.prefix)
    manifest = _manifest(exported, form, compiled, target, spotting, vectors, version)
    manifest |= {
        "prefix": linkage.prefix,
        "arena": linkage.arena,
        "kernels_version": shared_kernels.version(target).text,
        "shares_kernels": linkage.kernels is not None,
        "files": packing.listed(files),
    }
    if linkage.kernels is not None:
        shared_kernels.write(linkage.kernels, target, version, force)
    folder.write(out_dir, files, manifest, force)
    return manifest


def load_of(
    model: bytes, spotting: Spotting | None = None, streaming: bool = False
) -> dict[str, Any]:
    """The load of a model on common parts, each with the kernels that suit it best.

    Args:
      model: an int8 .tflite file.
      spotting: front-end and detector; None for the model alone.
      streaming: it has the streaming form.

    Returns:
      As the entry "load" of manifest.json.

    Raises:
      ExportError: the model cannot be compiled.
    """
    compiled = compiler.compile(model, "dsp", streaming=streaming)
    of_all = dataclasses.replace(compiled, kernel_sets=KERNEL_SETS)
    return estimate.to_dict(_loads(of_all, spotting), _around(of_all, spotting), streaming)


def _vectors(model: bytes, info: ModelInfo, golden: Golden | None) -> _Vectors:
    """The given vectors, checked with TFLite Micro if it runs here; or random ones made with it."""
    if golden is not None:
        golden.check(info)
        ran = micro.run(model, golden.features)
        if ran is None:
            reason = micro.unavailable_reason() or "not available here"
            return _Vectors(golden, False, f"Not checked at export: TFLite Micro was {reason}.")
        golden.check_logits(ran.logits)
        text = f"The vectors were checked at export with {ran.runtime}."
        return _Vectors(golden, True, text)
    try:
        made = random_golden.make(model)
    except ExportError as error:
        return _Vectors(None, False, f"{error}.")
    if made is None:
        reason = micro.unavailable_reason() or "not available here"
        return _Vectors(None, False, f"it needs TFLite Micro, which was {reason}.")
    random, ran = made
    text = f"Its inputs are random; the outputs are from {ran.runtime}."
    return _Vectors(random, True, text)


def _c_files(names: Iterable[str], spotting: Spotting | None, vectors: _Vectors) -> list[str]:
    """The C files of src/, as build files list them."""
    names = [*names]
    if spotting is not None:
        names += [*_SPOTTER, *_LABELS]
    if vectors.golden is not None:
        names += _SELF_TEST
    paths = [Path(name) for name in names]
    return sorted(p.name for p in paths if p.parent == Path("src") and p.suffix == ".c")


def _values(
    form: ModelInfo,
    compiled: compiler.Compiled,
    target: Target,
    spotting: Spotting | None,
    vectors: _Vectors,
    version: str,
) -> dict[str, Any]:
    """Values for the templates."""
    labels = spotting.labels if spotting else ()
    ram = _ram(compiled, spotting)
    loads = _loads(compiled, spotting)
    is_streaming = compiled.streaming
    values: dict[str, Any] = {
        "version": version,
        "package": _package(labels, version, is_streaming, vectors.golden),
        "streaming": is_streaming,
        "keeps_state": bool(compiled.graph.states) and not is_streaming,
        "has_inner": ends.find(compiled.graph) is not None,
        "input_type": compiled.graph.inputs[0].c_type,
        "output_type": compiled.graph.outputs[0].c_type,
        "detector_caveat": spotting.caveat if spotting else "",
        "uses_float": any(tensor.dtype == "float32" for tensor in compiled.graph.activations()),
        "target": target.name,
        "external": compiled.external,
        "needs_core": target not in (AUTO, GENERIC),
        "kernels": compiled.kernels,
        "constant_bytes": compiled.constant_bytes,
        "arena_bytes": compiled.plan.size,
        "lower_bound": compiled.plan.lower_bound,
        "scratch_bytes": max(compiled.scratch, default=0),
        "ram_bytes": sum(ram.values()),
        "load": load_text.rows(loads),
        "load_tolerance": round(100 * costs.TOLERANCE),
        "core_notes": load_text.notes(loads),
        "ram_text": ", ".join(f"{name} {size:,}" for name, size in ram.items()),
        "passes_text": ", ".join(compiled.passes) or "none",
        "ops_text": ", ".join(f"{count} {name}" for name, count in form.op_counts().items()),
        "ends": _ends(form, is_streaming),
        "first_input": "_0" if len(compiled.graph.inputs) > 1 else "",
        "first_output": "_0" if len(compiled.graph.outputs) > 1 else "",
        "spots": spotting is not None,
        "golden": None,
        "golden_text": vectors.text,
        "golden_bytes": 0,
        "wav_rows": [],
        "frontend_json": "",
        **packing.label_values(labels),
    }
    if vectors.golden is not None:
        text = "" if spotting else vectors.text
        golden = vectors.golden.in_frames() if is_streaming else vectors.golden
        values |= {**packing.golden_values(golden), "golden_checked_against": text}
    if spotting is not None:
        frontend = LogMel.from_dict(spotting.frontend)
        frames = spotting.frames_between(is_streaming)
        values |= {
            "frontend_json": json.dumps(spotting.frontend, indent=2, ensure_ascii=False),
            "sample_rate": frontend.sample_rate,
            "frames_between": frames,
            "inferences_text": f"{frontend.sample_rate / frontend.hop / frames:.3g}",
        }
        if spotting.sound is not None and vectors.golden is not None:
            features = spotting.sound.features
            if is_streaming:
                features = frames_first(features)
            values |= packing.sound_values(spotting.sound.wav, features)
            values["golden_bytes"] += spotting.sound.wav.nbytes + spotting.sound.features.nbytes
    return values


def _package(
    labels: Sequence[str], version: str, is_streaming: bool, golden: Golden | None
) -> packing.Package:
    kind = f"An int8 audio model with {len(labels)} classes" if labels else "An int8 model"
    return packing.Package(
        flavor=FLAVOR,
        sentence=f"{kind} as plain C",
        paragraph=f"Exported by edge_tf {version}; needs no other library.",
        header="spotter.h" if labels else "model.h",
        sizes_header="model.h",
        input_size=_input_size(is_streaming, golden),
        output_size="MODEL_OUTPUT_SIZE",
    )


def _input_size(is_streaming: bool, golden: Golden | None) -> str:
    """Size of a golden vector: one input, or a stream of them."""
    if not is_streaming or golden is None:
        return "MODEL_INPUT_SIZE"
    return f"{golden.features.shape[2]} * MODEL_INPUT_SIZE"


def _ends(info: ModelInfo, is_streaming: bool) -> list[dict[str, Any]]:
    """Inputs and outputs; states are internal to the program."""
    inputs, outputs = (t[:1] if is_streaming else t for t in (info.inputs, info.outputs))
    return [
        {
            "name": f"{what} {index}" if len(tensors) > 1 else what,
            "text": _end_text(tensor),
        }
        for what, tensors in (("input", inputs), ("output", outputs))
        for index, tensor in enumerate(tensors)
    ]


def _end_text(tensor: TensorInfo) -> str:
    text = f"{tensor.type.lower()} {list(tensor.shape)}"
    if not tensor.scales:
        return text
    return f"{text}, scale {tensor.scales[0]:.7g}, zero point {tensor.zero_points[0]}"


def _ram(compiled: compiler.Compiled, spotting: Spotting | None) -> dict[str, int]:
    """Bytes of static memory on a 32-bit device."""
    past = sum(state.byte_size for state in compiled.graph.states)
    ram = {"activations": compiled.plan.size - past}
    if past:
        ram["past frames" if compiled.streaming else "state"] = past
    if spotting is not None:
        config, classes = LogMel.from_dict(spotting.frontend), len(spotting.labels)
        words = math.ceil(config.window / 2) + 1
        smoothing = math.ceil(spotting.detector.smoothing * classes / 2)
        ram["front-end"] = 4 * words + 8 * (config.fft_size // 2 + 1)
        if not past:
            window = config.frames * config.mel_bands * config.feature_bytes
            ram["window of features"] = 4 * math.ceil(window / 4) + 8
        ram["detector"] = 4 * (smoothing + classes + math.ceil(classes / 4)) + 8
    return ram


def _loads(compiled: compiler.Compiled, spotting: Spotting | None) -> list[estimate.PartLoad]:
    ram = sum(_ram(compiled, spotting).values())
    return estimate.of_program(compiled, ram, _around(compiled, spotting))


def _around(compiled: compiler.Compiled, spotting: Spotting | None) -> estimate.Around | None:
    """What runs around the network, and how often."""
    if spotting is None:
        return None
    frames = spotting.frames_between(compiled.streaming)
    return estimate.Around(LogMel.from_dict(spotting.frontend), len(spotting.labels), frames)


def _manifest(
    model: bytes,
    info: ModelInfo,
    compiled: compiler.Compiled,
    target: Target,
    spotting: Spotting | None,
    vectors: _Vectors,
    version: str,
) -> dict[str, Any]:
    golden = vectors.golden
    return {
        "format_version": packing.FORMAT_VERSION,
        "flavor": FLAVOR,
        "edge_tf_version": version,
        "target": target.name,
        "passes": list(compiled.passes),
        "streaming": compiled.streaming,
        "model": {
            "sha256": packing.sha256(model),
            "bytes": len(model),
            "inputs": [packing.quantization(tensor) for tensor in info.inputs],
            "outputs": [packing.quantization(tensor) for tensor in info.outputs],
            "ops": info.op_versions(),
        },
        "labels": list(spotting.labels) if spotting else [],
        "frontend": spotting.frontend if spotting else None,
        "detector": spotting.detector.to_dict() if spotting else None,
        "detector_caveat": spotting.caveat if spotting else "",
        "memory": {
            "arena_bytes": compiled.plan.size,
            "lower_bound_bytes": compiled.plan.lower_bound,
            "scratch_bytes": max(compiled.scratch, default=0),
            "state_bytes": sum(state.byte_size for state in compiled.graph.states),
            "constant_bytes": compiled.constant_bytes,
            "ram": _ram(compiled, spotting),
        },
        "load": estimate.to_dict(
            _loads(compiled, spotting), _around(compiled, spotting), compiled.streaming
        ),
        "kernels": list(compiled.kernels),
        "kernel_sets": list(compiled.kernel_sets),
        "steps": [
            {"ops": source, "scratch_bytes": scratch}
            for source, scratch in zip(compiled.op_sources, compiled.scratch, strict=True)
        ],
        "golden": {
            "clips": len(golden) if golden else 0,
            "labels": golden.label_index.tolist() if golden and spotting else [],
            "wavs": len(spotting.sound.wav) if golden and spotting and spotting.sound else 0,
            "checked": vectors.checked,
            "about": vectors.text,
        },
    }
