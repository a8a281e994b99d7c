"""Compiles a .tflite file to C source.

compiled = compiler.compile(tflite_model.read("model_int8.tflite"), "dsp")
compiled.files["model.c"], compiled.plan.size
"""

import dataclasses
import functools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import tflite_model
from firmware_export.standalone import costs, emit, ends, kernel_structs, passes, reader, slides
from firmware_export.standalone.graph import ir, planner
from firmware_export.standalone.graph.calls import Lowered
from firmware_export.standalone.passes import states
from firmware_export.standalone.target import KERNEL_SETS, KernelSet
from tflite_model.info import ModelInfo

KERNELS = kernel_structs.KERNELS
_ARITHMETIC = "edge_requantize.h"
_INCLUDE = re.compile(r'^#include "(\w+\.h)"', flags=re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A model as C.

    Attributes:
      graph: after all passes.
      files: text of model.c, model.h and the kernels it needs, by name.
      plan: memory plan of the activations.
      passes: names of the passes that ran.
      op_sources: what runs, in order, named by the file's ops: "op 3 CONV_2D, op 4 LOGISTIC".
      scratch: bytes of scratch memory for each of these.
      constant_bytes: bytes of weights and parameters, in flash.
      op_constant_bytes: the same for each op; what several share counts for the first.
      streaming: whether the model has the streaming form: model_push_frame() takes a frame.
      external: whether the caller gives the buffer of activations.
    """

    graph: ir.Graph
    files: dict[str, str]
    plan: planner.Plan
    passes: tuple[str, ...]
    op_sources: tuple[str, ...]
    scratch: tuple[int, ...]
    constant_bytes: int
    op_constant_bytes: tuple[int, ...]
    streaming: bool
    external: bool


def compile(
    model: ModelInfo | bytes,
    kernels: KernelSet = "portable",
    passes_to_run: Iterable[str] = passes.ALL,
    keep: bool = False,
    profile: bool = False,
    streaming: bool = False,
    version: str = "0",
    model_sha256: str = "",
    external: bool = False,
    kernels_version: str = "",
) -> Compiled:
    """Compiles a model.

    Args:
      model: as read by tflite_model, or the file's bytes.
      kernels: the kernel set.
      passes_to_run: names; see `passes.select`.
      keep: for tests: no activation is overwritten, and model_arena() returns all of them. Meant
        for passes that do not change tensors; tensors that a pass has fused are missing.
      profile: model_invoke() calls model_op_done(), which the program provides, after each op.
      streaming: the model has the streaming form: its states become memory of the program, and
        model_push_frame() takes a frame.
      version: of edge_tf, for the file headers.
      model_sha256: of the file, for the header of model.h.
      external: the caller gives the buffer of activations to every function.
      kernels_version: what EDGE_KERNELS_VERSION must be when model.c is compiled; "" for no check.

    Raises:
      ExportError: the model cannot be compiled; names the op and the tensor.
      ValueError: there is no such kernel set.
    """
    if kernels not in KERNEL_SETS:
        raise ValueError(f"kernel set {kernels!r} is not one of {', '.join(KERNEL_SETS)}")
    info = tflite_model.parse(model) if isinstance(model, bytes) else model
    names = tuple(passes_to_run)
    graph = ends.arrange(reader.read(info))
    if streaming:
        graph = states.bind(graph)
    graph = passes.run(graph, names)
    lowered = [op.lower(kernels) for op in graph.ops]
    for call in (call for low in lowered for call in low.calls):
        kernel_structs.check(call, KERNELS)
    lowered, plan = _planned(graph, lowered, reuse=not keep)
    steps = [emit.Step(op, low) for op, low in zip(graph.ops, lowered, strict=True)]
    scratch = tuple(low.scratch for low in lowered)
    head = {
        "version": version,
        "model_sha256": model_sha256,
        "expose_arena": keep,
        "profile": profile,
        "pushes_frames": streaming,
        "external": external,
        "kernels_version": kernels_version,
    }
    source = emit.emit(graph, steps, plan, head)
    stems = {stem for low in lowered for call in low.calls for stem in call.sources}
    return Compiled(
        graph=graph,
        files={**source.files, **_kernel_files(stems, emit.headers(steps), kernels)},
        plan=plan,
        passes=names,
        op_sources=tuple(op.source for op in graph.ops),
        scratch=scratch,
        constant_bytes=sum(source.op_constant_bytes),
        op_constant_bytes=source.op_constant_bytes,
        streaming=streaming,
        external=external,
    )


def _planned(
    graph: ir.Graph, lowered: list[Lowered], reuse: bool
) -> tuple[list[Lowered], planner.Plan]:
    """The memory plan, and each op's form: that with less scratch where memory is at its peak.

    Only if that pays: see `costs.price`.
    """

    def plan(forms: Sequence[Lowered]) -> planner.Plan:
        scratch = [form.scratch for form in forms]
        return planner.plan(graph, scratch, slides.find(graph, forms), reuse)

    fast = plan(lowered)
    small = [low.smaller or low for low in lowered]
    if small == lowered:
        return lowered, fast
    least = plan(small)
    extra = [low.scratch - other.scratch for low, other in zip(lowered, small, strict=True)]
    mixed = [
        low if least.used(position) + extra[position] <= least.size else other
        for position, (low, other) in enumerate(zip(lowered, small, strict=True))
    ]

    def price(choice: tuple[list[Lowered], planner.Plan]) -> float:
        return costs.price(choice[1].size, sum(map(costs.instructions, choice[0])))

    return min([(lowered, fast), (mixed, plan(mixed)), (small, least)], key=price)


def every_kernel(kernels: KernelSet) -> dict[str, str]:
    """The text of all kernels that models for a kernel set may call, by the name of the file."""
    sources = (path for name in ("portable", kernels) for path in (KERNELS / name).glob("*.c"))
    headers = sorted(path.name for path in KERNELS.glob("*.h"))
    return _kernel_files({path.stem for path in sources}, headers, kernels)


def _kernel_files(
    stems: Iterable[str], headers: Iterable[str], kernels: KernelSet
) -> dict[str, str]:
    """The text of these kernels, and of the headers they include, by name."""
    files = {f"edge_{stem}.c": _text(_find(f"{stem}.c", kernels)) for stem in sorted(stems)}
    missing = {_ARITHMETIC, *headers}
    while missing:
        files.update({name: _text(_find(name, kernels)) for name in sorted(missing)})
        included = {name for text in files.values() for name in _INCLUDE.findall(text)}
        missing = included - set(files)
    return files


def _find(name: str, kernels: KernelSet) -> Path:
    """A file of this set, else the shared one."""
    folders = (KERNELS / kernels, KERNELS / "portable", KERNELS)
    return next(folder / name for folder in folders if (folder / name).is_file())


@functools.cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
