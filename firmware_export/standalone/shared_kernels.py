"""The kernels as a component of their own, edge_kernels, which several models share."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware_export import folder, packing, templating
from firmware_export.errors import ExportError
from firmware_export.line_width import folder as width
from firmware_export.standalone import kernel_files
from firmware_export.standalone.target import Target, sets

FLAVOR = "kernels"
# Raised by hand when what a kernel is called with changes; the hash after it tells every change.
RELEASE = "1.0.0"

_VERSION = ("edge_kernels_version.h", "edge_kernels_version.c")


@dataclasses.dataclass(frozen=True)
class KernelsVersion:
    """Equal if and only if the kernels are.

    Attributes:
      id: eight hexadecimal digits of the kernels' SHA-256.
    """

    id: str

    @property
    def text(self) -> str:
        """As a semantic version: "1.0.0+1a2b3c4d"."""
        return f"{RELEASE}+{self.id}"


@functools.cache
def version(target: Target) -> KernelsVersion:
    """Of all kernels for a target, whichever a model calls."""
    digest = hashlib.sha256()
    for name, text in sorted(kernel_files.every(sets(target.kernels)).items()):
        digest.update(f"{name}\0{text}\0".encode())
    return KernelsVersion(digest.hexdigest()[:8])


def version_files(target: Target) -> dict[str, bytes]:
    """edge_kernels_version.h and .c, by their paths in a folder."""
    environment = templating.environment("kernels_version")
    values = {"kernels": version(target)}
    return {
        f"src/{name}": environment.get_template(f"{name}.jinja").render(values).encode("utf-8")
        for name in _VERSION
    }


def check_apart(kernels: Path, model: Path) -> None:
    """Checks that neither folder is in the other: each is replaced as a whole.

    Raises:
      ExportError: one is.
    """
    ours, theirs = Path(kernels).resolve(), Path(model).resolve()
    if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
        raise ExportError(
            f"--kernels={kernels} and the model's folder {model} are in each other: models share "
            "the kernels, so name a folder beside them, like --kernels=edge_kernels"
        )


def write(out_dir: Path, target: Target, edge_tf_version: str, force: bool = False) -> bool:
    """Writes the component, all of it or nothing; one of the same version stays as it is.

    Args:
      out_dir: new, empty, or an earlier component.
      target: the core; all models in a firmware have the same.
      edge_tf_version: for the manifest.
      force: delete what was added to or changed in an earlier component.

    Returns:
      Whether it was written.

    Raises:
      ExportError: `out_dir` has files that no export wrote, or is an export of something else, or
        for another target.
    """
    wanted = version(target)
    found = _found(out_dir)
    if found.get("flavor", FLAVOR) != FLAVOR:
        raise ExportError(
            f"{out_dir} is an export of a model; name another folder with --kernels=DIR"
        )
    if found.get("target", target.name) != target.name:
        raise ExportError(
            f"{out_dir} has kernels for {found['target']}, not {target.name}: give all models of a "
            "firmware the same --target, or name another folder with --kernels=DIR"
        )
    if found.get("kernels_version") == wanted.text and not folder.would_lose(out_dir):
        return False
    kernels = {
        f"src/{name}": text.encode("utf-8")
        for name, text in kernel_files.every(sets(target.kernels)).items()
    }
    sources = {**kernels, **version_files(target)}
    values = {
        "kernels": wanted,
        "target": target.name,
        "sources": sorted(Path(name).name for name in sources if name.endswith(".c")),
    }
    own = {packing.LICENSE: packing.license_text(), **_build_files(values)}
    files = {**sources, **width.wrapped(own)}
    manifest = {
        "format_version": packing.FORMAT_VERSION,
        "flavor": FLAVOR,
        "edge_tf_version": edge_tf_version,
        "target": target.name,
        "kernels_version": wanted.text,
        "files": packing.listed(files),
    }
    folder.write(out_dir, files, manifest, force, option="--kernels")
    return True


def _build_files(values: Mapping[str, Any]) -> dict[str, bytes]:
    environment = templating.environment("kernels")
    return {
        name.removesuffix(".jinja"): environment.get_template(name).render(values).encode("utf-8")
        for name in sorted(environment.list_templates(extensions=["jinja"]))
    }


def _found(out_dir: Path) -> dict[str, Any]:
    """The manifest that is there, or {}."""
    try:
        found = json.loads((Path(out_dir) / folder.MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
