"""What errors tell a user to do exists: stages, their flags, targets of make, packages.

Read from the sources, so that a remedy that is written tomorrow is checked as well.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_tf.run_dir import _MADE_BY, RunDirectory

ROOT = Path(__file__).resolve().parent.parent
ERRORS = ("UserError", "ExportError", "UnavailableError", "TFLiteError", "GateError")
WARNINGS = ("warning", "info")
# Flags of other programs, in messages about those.
OTHERS = {"force-reinstall"}


def _text(node: ast.AST) -> str:
    """A message as far as the source has it; values become a word."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        call = node.value
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "command_of":
            stage = _text(call.args[0])
            return f"python -m pipelines.{stage} --run_dir=RUN" if stage else "VALUE"
        return "VALUE"
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return ""


def _messages() -> Iterator[tuple[str, str]]:
    for top in ("edge_tf", "pipelines", "firmware_export", "tflite_model"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in (*ERRORS, *WARNINGS):
                    text = "; ".join(map(_text, node.args))
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text


MESSAGES = dict(_messages())


@pytest.fixture(scope="module")
def flags() -> dict[str, set[str]]:
    """The flags of each stage."""
    probe = (
        "import importlib, sys\n"
        "from absl import flags\n"
        "stage = importlib.import_module(f'pipelines.{sys.argv[1]}')\n"
        "stage.define_flags()\n"
        "print(*flags.FLAGS)"
    )
    found = {}
    for path in (ROOT / "pipelines").glob("*.py"):
        if "__main__" in path.read_text(encoding="utf-8"):
            command = [sys.executable, "-c", probe, path.stem]
            out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            found[path.stem] = set(out.stdout.split())
    return found


def _named(text: str) -> set[str]:
    return set(re.findall(r"--([a-z]\w+)", text))


def test_flags_and_stages_exist(flags):
    assert len(MESSAGES) > 200
    every = set().union(*flags.values())
    every |= {f"no{name}" for name in every}
    for where, text in MESSAGES.items():
        assert _named(text) - OTHERS <= every, f"{where}: {text}"
        for stage, rest in re.findall(r"pipelines\.(\w+)((?: --\S+)*)", text):
            assert stage in flags, f"{where}: {text}"
            assert _named(rest) <= flags[stage], f"{where}: {text}"


def test_the_command_that_makes_a_file_has_these_flags(flags, tmp_path):
    run = RunDirectory(tmp_path)
    for command in {run.command_of(made_by) for made_by in _MADE_BY.values()}:
        found = re.fullmatch(r"python -m pipelines\.(\w+)(.*)", command)
        assert found and _named(found[2]) <= flags[found[1]], command


def test_targets_of_make_exist():
    from edge_tf.data.synthesis import lexicon
    from edge_tf.data.synthesis.voices import kokoro, registry

    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = " ".join(MESSAGES.values())
    text += (ROOT / "firmware_export" / "oracle" / "micro.py").read_text(encoding="utf-8")
    text += f" run: {lexicon.INSTALL} run: {kokoro.INSTALL} {registry.NEURAL_HINT}"
    named = set(re.findall(r"run: make ([\w-]+)", text))
    assert {"setup", "android-tools", "voices"} <= named <= targets


def test_pip_installs_what_the_project_names():
    """edge_tf itself is in no registry: its extras cannot be installed by its name."""
    from edge_tf.audio import espeak

    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.fullmatch(r"python -m pip install '(.+)'", espeak.INSTALL)
    assert found and f'"{found[1]}"' in project
    assert not [text for text in MESSAGES.values() if "install edge_tf" in text]
