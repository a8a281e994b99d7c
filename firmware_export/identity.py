"""Marks the files of an exported folder as parts of one export.

Two exports with the same names must not be mixed silently, neither by the compiler, which takes
the first header of a name, nor by the linker, which takes the first member of a name from static
libraries. So src/ gets model_id.h and model_id.c; each header includes the former, and each file
compares the export's hash with its own.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from firmware_export import templating

_NAMES = ("model_id.h", "model_id.c")
FILES = tuple(f"src/{name}" for name in _NAMES)

_QUOTED = re.compile(r'(?:^#include "\w+\.h"\n)+', flags=re.MULTILINE)
_CPLUSPLUS = "#ifdef __cplusplus\n"


def marked(files: Mapping[str, bytes], model_sha256: str, version: str) -> dict[str, bytes]:
    """All files of a folder, with the check in each C file of src/ that is no kernel.

    Args:
      files: contents by relative path.
      model_sha256: of the .tflite file.
      version: of edge_tf, for the file headers.
    """
    code = b"".join(files[name] for name in sorted(files) if name.startswith("src/"))
    export_id = hashlib.sha256(code).hexdigest()[:8]
    values = {"version": version, "model_sha256": model_sha256, "export_id": export_id}
    environment = templating.environment("identity")
    made = {
        path: environment.get_template(f"{name}.jinja").render(values).encode("utf-8")
        for path, name in zip(FILES, _NAMES, strict=True)
    }
    return {**{name: _marked(name, text, export_id) for name, text in files.items()}, **made}


def _marked(name: str, content: bytes, export_id: str) -> bytes:
    path = PurePosixPath(name)
    if path.parent.as_posix() != "src" or path.name.startswith("edge_"):
        return content
    text = content.decode("utf-8")
    if path.suffix == ".h":
        return _header(text, export_id).encode("utf-8")
    if path.suffix in (".c", ".cpp"):
        own = f'#include "{path.stem}.h"\n'
        assert own in text, name
        check = _check(export_id, "this file and model_id.h are of two exports: copy all of one")
        return text.replace(own, f"{own}\n{check}", 1).encode("utf-8")
    return content


def _header(text: str, export_id: str) -> str:
    """A header that includes model_id.h, in the order of clang-format."""
    include = '#include "model_id.h"\n'
    head, cplusplus, tail = text.partition(_CPLUSPLUS)
    quoted = _QUOTED.search(head)
    if quoted:
        lines = sorted([*quoted[0].splitlines(keepends=True), include])
        head = head[: quoted.start()] + "".join(lines) + head[quoted.end() :]
    else:
        head += f"{include}\n"
    remedy = "two exports have the same names: export one of them with --prefix=NAME"
    return f"{head}{_check(export_id, remedy)}\n{cplusplus}{tail}"


def _check(export_id: str, message: str) -> str:
    return f'#if MODEL_EXPORT_ID != 0x{export_id}u\n#error "{message}"\n#endif\n'
