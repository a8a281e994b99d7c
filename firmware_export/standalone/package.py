"""Exports a model as a folder of plain C: no interpreter, no heap, no floating point."""

import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tflite_model
from firmware_export import folder, identity, naming, packing
from firmware_export.errors import ExportError
from firmware_export.golden import Golden
from firmware_export.line_width import folder as width
from firmware_export.linkage import Linkage
from firmware_export.standalone import (
    cascade,
    compiler,
    manifest,
    plan_svg,
    shared_kernels,
    template_values,
)
from firmware_export.standalone import passes as all_passes
from firmware_export.standalone import vectors as golden_vectors
from firmware_export.standalone.enrolling import Enrolling
from firmware_export.standalone.spotting import Spotting
from firmware_export.standalone.target import AUTO, Target
from firmware_export.standalone.vectors import Vectors

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


def export(
    model: bytes,
    out_dir: Path,
    version: str,
    *,
    spotting: Spotting | None = None,
    enrolling: Enrolling | None = None,
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
      enrolling: in its place, what learns words; the model gives embeddings.
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
    cascade.check(spotting, streaming is not None, linkage)
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
    second = None
    if spotting is not None:
        kernels_version = shared_kernels.version(target).id
        second = cascade.compile(form, spotting, target, passes, version, kernels_version)
    sources = {
        f"src/{name}": text.encode()
        for name, text in {**compiled.files, **(second.files if second else {})}.items()
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
            resumes=second is not None,
        )
    if enrolling is not None:
        runtime = enrolling.files(form, version, streaming is not None, linkage.external)
    around = spotting or enrolling
    vectors = golden_vectors.of_model(model, info, golden)
    values = {
        **template_values.of_export(form, compiled, target, around, vectors, version, second),
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
    files = width.wrapped(naming.renamed(marked, linkage.prefix), linkage.prefix)
    told = manifest.of_export(exported, form, compiled, target, around, vectors, version, second)
    told |= {
        "prefix": linkage.prefix,
        "arena": linkage.arena,
        "kernels_version": shared_kernels.version(target).text,
        "shares_kernels": linkage.kernels is not None,
        "files": packing.listed(files),
    }
    if linkage.kernels is not None:
        shared_kernels.write(linkage.kernels, target, version, force)
    folder.write(out_dir, files, told, force)
    return told


def _c_files(names: Iterable[str], spotting: Spotting | None, vectors: Vectors) -> list[str]:
    """The C files of src/, as build files list them."""
    names = [*names]
    if spotting is not None:
        names += [*_SPOTTER, *_LABELS]
    if vectors.golden is not None:
        names += _SELF_TEST
    paths = [Path(name) for name in names]
    return sorted(p.name for p in paths if p.parent == Path("src") and p.suffix == ".c")
