"""What manifest.json tells of a folder of plain C."""

from typing import Any

from firmware_export import packing
from firmware_export.runtime import words
from firmware_export.standalone import memory
from firmware_export.standalone.cascade import CompiledSecond
from firmware_export.standalone.compiler import Compiled
from firmware_export.standalone.enrolling import Enrolling
from firmware_export.standalone.load import exported
from firmware_export.standalone.spotting import Spotting
from firmware_export.standalone.target import Target
from firmware_export.standalone.vectors import Vectors
from tflite_model.info import ModelInfo

FLAVOR = "standalone"


def of_export(
    model: bytes,
    info: ModelInfo,
    compiled: Compiled,
    target: Target,
    around: Spotting | Enrolling | None,
    vectors: Vectors,
    version: str,
    second: CompiledSecond | None = None,
) -> dict[str, Any]:
    """Sizes, ops and memory of an export, as manifest.json has them.

    Args:
      model: the .tflite file that is exported.
      info: the same, parsed.
      compiled: the same, compiled.
      target: the core.
      around: labels, front-end and detector, or what learns words; None for a network alone.
      vectors: golden vectors.
      version: of edge_tf.
      second: of the detector; None: it has none.
    """
    golden = vectors.golden
    spotting = around if isinstance(around, Spotting) else None
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
        "frontend": around.frontend if around else None,
        "detector": spotting.detector.to_dict() if spotting else None,
        "detector_caveat": spotting.caveat if spotting else "",
        "learning": _learning(around) if isinstance(around, Enrolling) else None,
        "memory": {
            "arena_bytes": compiled.plan.size,
            "lower_bound_bytes": compiled.plan.lower_bound,
            "scratch_bytes": max(compiled.scratch, default=0),
            "state_bytes": sum(state.byte_size for state in compiled.graph.states),
            "constant_bytes": compiled.constant_bytes,
            "ram": memory.static_ram(compiled, around, second),
        },
        "load": exported.to_dict(compiled, around, second),
        "second_stage": _second(second),
        "kernels": list(compiled.kernels),
        "kernel_sets": list(compiled.kernel_sets),
        "steps": [
            {"ops": source, "scratch_bytes": scratch}
            for source, scratch in zip(compiled.op_sources, compiled.scratch, strict=True)
        ],
        "golden": {
            "clips": len(golden) if golden else 0,
            "labels": golden.label_index.tolist() if golden and spotting else [],
            "wavs": len(around.sound.wav) if golden and around and around.sound else 0,
            "checked": vectors.checked,
            "about": vectors.text,
        },
    }


def _learning(enrolling: Enrolling) -> dict[str, Any]:
    learning = enrolling.learning
    return {
        "network": learning.identity.hex(),
        "embedding": learning.size,
        "dummies": learning.recogniser.dummies is not None,
        "threshold": learning.stream.threshold,
        "unlike": learning.unlike,
        "frames_per_decision": learning.stream.frames,
        "most_words": words.MOST_WORDS,
        "constant_bytes": enrolling.constant_bytes,
        "about": learning.about,
    }


def _second(stage: CompiledSecond | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    second, compiled = stage.second, stage.compiled
    return {
        "sha256": packing.sha256(second.model),
        "bytes": len(second.model),
        "config": second.config.to_dict(),
        "hits_per_hour": second.hits_per_hour,
        "arena_bytes": compiled.plan.size,
        "constant_bytes": compiled.constant_bytes,
        "kernels": list(compiled.kernels),
    }
