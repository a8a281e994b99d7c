"""Line breaks of a whole folder."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from firmware_export.line_width import c_code, text

_C = (".c", ".h", ".cpp", ".ino")


def wrapped(files: Mapping[str, bytes], prefix: str = "") -> dict[str, bytes]:
    """A folder whose C, CMakeLists.txt and README.md keep within the width.

    Rows of tables, labels and whatever has no place to break stay as they are.

    Args:
      files: contents by relative path.
      prefix: of their names.
    """
    return {name: _wrapped(PurePosixPath(name), content, prefix) for name, content in files.items()}


def _wrapped(path: PurePosixPath, content: bytes, prefix: str) -> bytes:
    if path.suffix in _C:
        return c_code.wrapped(content.decode("utf-8"), prefix).encode("utf-8")
    if path.suffix == ".md":
        return text.markdown(content.decode("utf-8"), prefix).encode("utf-8")
    if path.name == "CMakeLists.txt":
        return text.cmake(content.decode("utf-8")).encode("utf-8")
    return content
