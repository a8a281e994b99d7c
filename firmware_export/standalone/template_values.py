"""What the templates of a folder of plain C are filled with."""

import json
from typing import Any

from firmware_export import packing
from firmware_export.frontend.config import LogMel
from firmware_export.golden import Golden, frames_first
from firmware_export.standalone import costs, ends, manifest, memory
from firmware_export.standalone.cascade import CompiledSecond
from firmware_export.standalone.compiler import Compiled
from firmware_export.standalone.enrolling import Enrolling
from firmware_export.standalone.load import exported
from firmware_export.standalone.load import text as load_text
from firmware_export.standalone.spotting import Spotting
from firmware_export.standalone.target import AUTO, GENERIC, Target
from firmware_export.standalone.vectors import Vectors
from tflite_model.info import ModelInfo, TensorInfo


def of_export(
    form: ModelInfo,
    compiled: Compiled,
    target: Target,
    around: Spotting | Enrolling | None,
    vectors: Vectors,
    version: str,
    second: CompiledSecond | None = None,
) -> dict[str, Any]:
    """Values for the templates of a folder.

    Args:
      form: the network, in the form that is exported.
      compiled: the same, compiled.
      target: the core.
      around: labels, front-end and detector, or what learns words; None for a network alone.
      vectors: golden vectors.
      version: of edge_tf.
      second: of the detector; None: it has none.
    """
    spotting = around if isinstance(around, Spotting) else None
    labels = spotting.labels if spotting else ()
    ram = memory.static_ram(compiled, around, second)
    loads = exported.on_parts(compiled, around, second)
    is_streaming = compiled.streaming
    values: dict[str, Any] = {
        "version": version,
        "package": _package(around, version, is_streaming, vectors.golden),
        "streaming": is_streaming,
        "keeps_state": bool(compiled.graph.states) and not is_streaming,
        "has_inner": ends.find(compiled.graph) is not None,
        "input_type": compiled.graph.inputs[0].c_type,
        "output_type": compiled.graph.outputs[0].c_type,
        "second": second and second.second,
        "second_constant_bytes": second.compiled.constant_bytes if second else 0,
        "second_load": load_text.second_rows(loads),
        "second_first_s": next((load.second.first_answer_s for load in loads if load.second), 0),
        "second_last_s": next((load.second.last_answer_s for load in loads if load.second), 0),
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
        "learns": isinstance(around, Enrolling),
        "golden": None,
        "golden_text": vectors.text,
        "golden_bytes": 0,
        "wav_rows": [],
        "frontend_json": "",
        **packing.label_values(labels),
    }
    if vectors.golden is not None:
        text = "" if around else vectors.text
        golden = vectors.golden.in_frames() if is_streaming else vectors.golden
        values |= {**packing.golden_values(golden), "golden_checked_against": text}
    if isinstance(around, Enrolling):
        values |= around.values()
    if spotting is not None:
        frontend = LogMel.from_dict(spotting.frontend)
        frames = spotting.frames_between(is_streaming)
        values |= {
            "sample_rate": frontend.sample_rate,
            "frames_between": frames,
            "inferences_text": f"{frontend.sample_rate / frontend.hop / frames:.3g}",
        }
    if around is not None:
        values["frontend_json"] = json.dumps(around.frontend, indent=2, ensure_ascii=False)
        if around.sound is not None and vectors.golden is not None:
            features = around.sound.features
            if is_streaming:
                features = frames_first(features)
            values |= packing.sound_values(around.sound.wav, features)
            values["golden_bytes"] += around.sound.wav.nbytes + around.sound.features.nbytes
    return values


def _package(
    around: Spotting | Enrolling | None, version: str, is_streaming: bool, golden: Golden | None
) -> packing.Package:
    kind, header = "An int8 model", "model.h"
    if isinstance(around, Spotting):
        kind, header = f"An int8 audio model with {len(around.labels)} classes", "spotter.h"
    elif around is not None:
        kind, header = "An int8 audio model that learns words from a few takes", "recogniser.h"
    return packing.Package(
        flavor=manifest.FLAVOR,
        sentence=f"{kind} as plain C",
        paragraph=f"Exported by edge_tf {version}; needs no other library.",
        header=header,
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
