"""Gives an exported folder names of its own, so that several fit into one firmware.

Templates are written with the default names: model_invoke(), MODEL_INPUT_SIZE, spotter.h,
edge_tf_model. With the prefix "lamp" they become lamp_model_invoke(), LAMP_MODEL_INPUT_SIZE,
lamp_spotter.h and edge_tf_lamp, in sources, build files, examples and README.md. What is renamed
follows from the rendered files: whatever their headers declare, macros that a build may define,
files of src/, programs that CMake builds, and the library.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from firmware_export.errors import ExportError

LIBRARY = "edge_tf_model"

_LONGEST = 24
_PREFIX = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while bool true false catch class delete explicit export friend "
    "mutable namespace new operator private protected public template this throw try typeid "
    "typename using virtual and or not xor asm".split()
)
# Not ours, not text, or the same whatever it is called.
_KEPT = frozenset({"LICENSE", "plan.svg"})
_C = (".h", ".c", ".cpp")

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_TUNABLE = re.compile(r"^#ifn?def (\w+)\n(?:.*\n)*?#define \1\b", re.MULTILINE)
_ENUMERATORS = re.compile(r"\benum\b[^{;]*\{([^{}]*)\}")
_ENUMERATOR = re.compile(r"(?:^|,)\s*(\w+)")
_TAG = re.compile(r"\b(?:struct|union|enum)\s+(\w+)(?:\s*@)?")
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)")
_BRACES = re.compile(r"\{[^{}]*\}")
# The end of a declaration, or of a function's body (@), which no name follows.
_END = re.compile(r";|@(?!\s*\w+\s*;)")
_POINTER = re.compile(r"\(\s*\*\s*(\w+)\s*\)")
_FUNCTION = re.compile(r"\b(\w+)\s*\(")
_LAST = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)*$")
_PROGRAM = re.compile(r"\badd_executable\(\s*(\w+)")
# Not the name of a file, which is renamed apart.
_WORD = re.compile(r"\b[A-Za-z_]\w*\b(?!\.(?:h|c|cpp)\b)")
_OF_LIBRARY = re.compile(r"(edge[-_]tf[-_])model(?![A-Za-z0-9])|(EDGE_TF_)MODEL(?![A-Za-z0-9])")


def check(prefix: str) -> None:
    """Checks a prefix of the user's.

    Raises:
      ExportError: it cannot begin names in C, or would be mistaken for another export's.
    """
    ask = "give a word like lamp: lower-case letters, digits and single underscores"
    if not _PREFIX.fullmatch(prefix) or len(prefix) > _LONGEST:
        raise ExportError(f"--prefix={prefix} cannot begin names in C; {ask}, up to {_LONGEST}")
    if prefix in _KEYWORDS:
        raise ExportError(f"--prefix={prefix} is a keyword of C or C++; {ask}")
    if prefix == "edge" or prefix.startswith("edge_"):
        raise ExportError(f"--prefix={prefix} is for kernels; {ask}")
    if prefix == "model":
        raise ExportError(f"--prefix={prefix} gives the library the name of exports without; {ask}")


def renamed(files: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    """A folder with names of its own.

    Args:
      files: contents by relative path, with the default names; without manifest.json.
      prefix: that `check` accepts; "" changes nothing.
    """
    if not prefix:
        return dict(files)
    texts = {name: data.decode("utf-8") for name, data in files.items() if name not in _KEPT}
    rename = _Renaming(texts, prefix)
    return {
        rename.path(name): rename.text(texts[name]).encode("utf-8") if name in texts else data
        for name, data in files.items()
    }


def declared(header: str, only_for_linker: bool = False) -> Iterator[str]:
    """Names that a header declares, macros apart.

    Args:
      header: C as this project writes it: functions, externs, typedefs, enums.
      only_for_linker: without the names of types and enumerators.
    """
    text = _DIRECTIVE.sub("", _COMMENT.sub(" ", header)).replace('extern "C" {', "")
    for body in _ENUMERATORS.findall(text) if not only_for_linker else ():
        yield from _ENUMERATOR.findall(body)
    while _BRACES.search(text):
        text = _BRACES.sub("@", text)
    for declaration in _END.split(text.replace("}", "")):
        words = " ".join(_ATTRIBUTE.sub("", declaration).partition("=")[0].split())
        if words in ("", "enum", "struct", "union") or (
            only_for_linker and words.startswith("static ")
        ):
            continue
        is_type = words.startswith("typedef ") or _TAG.fullmatch(words) is not None
        if only_for_linker and (is_type or "@" in words):
            continue
        yield from _TAG.findall(words) if not only_for_linker else ()
        for pattern in (_POINTER, _LAST) if is_type else (_FUNCTION, _LAST):
            found = pattern.search(words)
            if found:
                yield found[1]
                break


class _Renaming:
    """The new names of a folder's files and of what is in them."""

    def __init__(self, texts: Mapping[str, str], prefix: str) -> None:
        self._prefix = prefix
        self._stems = set()
        names = set()
        for name, text in texts.items():
            path = PurePosixPath(name)
            names |= set(_PROGRAM.findall(text)) if name == "CMakeLists.txt" else set()
            if path.parent.as_posix() != "src":
                continue
            if path.name.startswith("edge_"):
                # Kernels of this folder alone: two exports may have different ones.
                names |= set(declared(text, only_for_linker=True)) if path.suffix == ".h" else set()
                continue
            self._stems.add(path.stem)
            names |= {macro for macro in _TUNABLE.findall(text) if not macro.startswith("EDGE_")}
            if path.suffix == ".h":
                names |= {*declared(text), *_DEFINE.findall(text)}
        self._names = names
        stems = "|".join(map(re.escape, sorted(self._stems)))
        self._file = re.compile(rf"(?<![\w.-])({stems})(?=\.(?:h|c|cpp)\b)")

    def text(self, text: str) -> str:
        text = self._file.sub(lambda match: self._with_prefix(match[1]), text)
        text = _WORD.sub(lambda match: self._word(match[0]), text)
        return _OF_LIBRARY.sub(self._library, text)

    def path(self, name: str) -> str:
        """Files of src/ are renamed, and what is named like a program."""
        path = PurePosixPath(name)
        if path.parent.as_posix() == "src":
            own = path.stem in self._stems
            return f"{path.parent}/{self._with_prefix(path.name)}" if own else name
        # As in texts: the names of C files are not words.
        stem = path.stem if path.suffix in _C else self._word(path.stem)
        folders = [self._word(part) for part in path.parent.parts]
        return PurePosixPath(*folders, f"{stem}{path.suffix}").as_posix()

    def _word(self, word: str) -> str:
        return self._with_prefix(word) if word in self._names else word

    def _with_prefix(self, name: str) -> str:
        return f"{self._prefix.upper() if name.isupper() else self._prefix}_{name}"

    def _library(self, match: re.Match[str]) -> str:
        return f"{match[1]}{self._prefix}" if match[1] else f"{match[2]}{self._prefix.upper()}"
