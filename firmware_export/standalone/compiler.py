"""Compiles a .tflite file to C source.

compiled = compiler.compile(tflite_model.read("model_int8.tflite"), "auto")
compiled.files["model.c"], compiled.plan.size
"""

import dataclasses
from collections.abc import Iterable, Sequence

import tflite_model
from firmware_export.standalone import (
    costs,
    emit,
    ends,
    kernel_files,
    kernel_structs,
    passes,
    reader,
    slides,
    target,
)
from firmware_export.standalone.graph import ir, planner
from firmware_export.standalone.graph.calls import Lowered
from firmware_export.standalone.ops.shared import kernel_choice
from firmware_export.standalone.passes import states
from firmware_export.standalone.target import Kernels, KernelSet
from tflite_model.info import ModelInfo

KERNELS = kernel_structs.KERNELS


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A model as C.

    Attributes:
      graph: after all passes.
      files: text of model.c, model.h and the kernels it needs, by name.
      kernels: stems of the kernels: "pointwise".
      kernel_sets: those that the files are of.
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
    kernels: tuple[str, ...]
    kernel_sets: tuple[KernelSet, ...]
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
    kernels: Kernels = "portable",
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
      kernels: the kernel set; "auto" for all, with memory for any of them.
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
    sets = target.sets(kernels)
    info = tflite_model.parse(model) if isinstance(model, bytes) else model
    names = tuple(passes_to_run)
    graph = ends.arrange(reader.read(info))
    if streaming:
        graph = states.bind(graph)
    graph = passes.run(graph, names)
    lowered = _shared([kernel_choice.lower(op, sets) for op in graph.ops])
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
    stems = sorted({stem for low in lowered for call in low.calls for stem in call.sources})
    return Compiled(
        graph=graph,
        files={**source.files, **kernel_files.texts(stems, emit.headers(steps), sets)},
        kernels=tuple(stems),
        kernel_sets=sets,
        plan=plan,
        passes=names,
        op_sources=tuple(op.source for op in graph.ops),
        scratch=scratch,
        constant_bytes=sum(source.op_constant_bytes),
        op_constant_bytes=source.op_constant_bytes,
        streaming=streaming,
        external=external,
    )


def _shared(lowered: list[Lowered]) -> list[Lowered]:
    """The same with kernels that are there anyway: see `Lowered.shared`."""
    present = {call.kernel for low in lowered for call in low.calls}

    return [
        low.shared if low.shared and {call.kernel for call in low.shared.calls} <= present else low
        for low in lowered
    ]


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
    if all(low.scratch == other.scratch for low, other in zip(lowered, small, strict=True)):
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
