"""--help: every flag in a group, required ones first, examples that work, and no TensorFlow."""

import fcntl
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from absl import flags

from pipelines import help_text
from pipelines.help_text import Group

ROOT = Path(__file__).resolve().parents[2]
# What each stage cannot do without; of two that exclude each other, one.
REQUIRED = {
    "ambient": ["out"],
    "benchmark": ["run_dir", "tflite"],
    "compare": ["runs", "against"],
    "compress": ["run_dir", "recipe"],
    "convert": ["run_dir"],
    "enroll": ["run_dir"],
    "evaluate": ["run_dir"],
    "export_android": ["run_dir"],
    "export_firmware": ["run_dir", "tflite", "list_ops"],
    "run": ["run_dir", "data_dir"],
    "stream": ["run_dir", "wav"],
    "synthesize": ["words", "out"],
    "train": ["run_dir", "data_dir"],
}
STAGES = sorted(
    source.stem
    for source in (ROOT / "pipelines").glob("*.py")
    if "__main__" in source.read_text(encoding="utf-8")
)
# Defines the flags of a stage, renders its help, then starts it with each of the given commands.
PROBE = """
import contextlib, importlib, json, sys
from absl import flags
from edge_tf.errors import UserError
from pipelines import help_text

stage = importlib.import_module(f"pipelines.{sys.argv[1]}")
stage.define_flags()
shown = {width: help_text.render(stage.__doc__, width) for width in (60, 80, 120)}
modules = sorted({name.split(".")[0] for name in sys.modules})

def parse(arguments):
    flags.FLAGS.unparse_flags()
    return flags.FLAGS([stage.__name__, *arguments])[1:]

def refusal(arguments):
    try:
        parse(arguments)
        with contextlib.redirect_stdout(sys.stderr):
            stage.main()
    except (flags.Error, UserError) as error:
        return str(error)

commands = json.load(sys.stdin)
print(json.dumps({
    "groups": {each.name: [flag.name for flag in members]
               for each, members in help_text.grouped().items()},
    "texts": {flag.name: flag.help for members in help_text.grouped().values() for flag in members},
    "shown": shown,
    "modules": modules,
    "left over": [parse(arguments) for arguments in commands["good"]],
    "refusals": [refusal(arguments) for arguments in commands["bad"]],
}))
"""


def doc(stage: str) -> str:
    source = (ROOT / "pipelines" / f"{stage}.py").read_text(encoding="utf-8")
    return source.split('"""')[1]


def examples(stage: str) -> list[list[str]]:
    """Arguments of the commands in the docstring of a stage."""
    joined = re.sub(r"(\\|(?<=\|))\n", " ", doc(stage))
    lines = [line for line in joined.splitlines() if line.startswith("    ")]
    commands = [line.split("| ")[-1].split() for line in lines]
    assert all(words[:3] == ["python", "-m", f"pipelines.{stage}"] for words in commands)
    return [shlex.split(" ".join(words[3:])) for words in commands]


def without(arguments: list[str], name: str) -> list[str]:
    return [argument for argument in arguments if not argument.startswith(f"--{name}=")]


def given(stage: str) -> list[str]:
    """Required flags that the first example gives."""
    return [
        name for name in REQUIRED[stage] if without(examples(stage)[0], name) != examples(stage)[0]
    ]


@pytest.fixture(scope="module")
def probes(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """What PROBE found, by stage."""
    folder = tmp_path_factory.mktemp("probes")
    found = {}
    for stage in STAGES:
        commands = {
            "good": examples(stage),
            "bad": [without(examples(stage)[0], name) for name in given(stage)],
        }
        done = subprocess.run(
            [sys.executable, "-c", PROBE, stage],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=json.dumps(commands),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        found[stage] = json.loads(done.stdout)
    assert list(folder.iterdir()) == []
    return found


def start(stage: str, **environment: str) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-m", f"pipelines.{stage}", "--help"],
        cwd=ROOT,
        env={**variables, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def longest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("stage", STAGES)
def test_every_flag_has_a_group_and_a_place_in_the_text(probes, stage):
    groups, shown = probes[stage]["groups"], probes[stage]["shown"]["80"]
    assert Group.OTHER.name not in groups
    for name in (name for names in groups.values() for name in names):
        assert len(re.findall(rf"^  --(?:\[no\])?{name}\b", shown, re.MULTILINE)) == 1
    titles = {f"{each.value}:" for each in Group}
    headings = [line for line in shown.splitlines() if line in titles]
    assert headings == [f"{Group[name].value}:" for name in groups]


@pytest.mark.parametrize("stage", STAGES)
def test_what_must_be_given_comes_first_and_is_refused_when_missing(probes, stage):
    assert next(iter(probes[stage]["groups"])) == Group.REQUIRED.name
    assert probes[stage]["groups"][Group.REQUIRED.name] == REQUIRED[stage]
    assert given(stage)
    for name, refusal in zip(given(stage), probes[stage]["refusals"], strict=True):
        assert name in refusal


@pytest.mark.parametrize("stage", STAGES)
def test_the_examples_parse_and_fit_a_terminal(probes, stage):
    assert probes[stage]["left over"] and not any(probes[stage]["left over"])
    for line in doc(stage).splitlines():
        assert not line.startswith("    ") or (
            len(line) <= 80 and line in probes[stage]["shown"]["80"]
        )


@pytest.mark.parametrize("stage", STAGES)
def test_lines_are_wrapped_to_any_width(probes, stage):
    for width, shown in probes[stage]["shown"].items():
        kept = [line for line in doc(stage).splitlines() if line.startswith("    ")]
        lines = [line for line in shown.splitlines() if line not in kept]
        assert longest("\n".join(lines)) <= int(width)


@pytest.mark.parametrize("stage", STAGES)
def test_help_loads_nothing_that_takes_time(probes, stage):
    slow = {"tensorflow", "tf_keras", "keras", "ai_edge_litert", "tensorflow_io", "soundfile"}
    slow |= {"scipy"}
    assert not slow & set(probes[stage]["modules"])


@pytest.mark.parametrize("stage", STAGES)
def test_texts_are_sentences_in_the_words_of_the_field(probes, stage):
    odd = (
        r"frames to come|\bhear[sd]?\b|\btold\b|\bbehind\b|\ban? (hour|step|frame|line|seed) *[.;,]"
    )
    for name, text in probes[stage]["texts"].items():
        assert text.endswith((".", ")")), name
        assert not re.search(odd, text), name
    assert not re.search(odd, doc(stage))


def test_the_width_is_the_terminals_and_80_without_one():
    assert 70 < longest(start("train")) <= 80
    assert 100 < longest(start("train", COLUMNS="110")) <= 110
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 66, 0, 0))
    command = [sys.executable, "-m", "pipelines.export_android", "--help"]
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    subprocess.run(command, cwd=ROOT, env=variables, stdout=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "--run_dir=DIR" in shown and 56 < longest(shown) <= 66


def test_a_reader_that_stops_early_is_no_error():
    command = [sys.executable, "-m", "pipelines.run", "--help"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as started:
        assert started.stdout is not None and started.stderr is not None
        started.stdout.close()
        assert (started.wait(60), started.stderr.read()) == (0, b"")


@pytest.fixture
def empty(monkeypatch) -> flags.FlagValues:
    """A command line of its own for a test."""
    values = flags.FlagValues()
    monkeypatch.setattr(help_text, "FLAGS", values)
    monkeypatch.setattr(help_text, "_groups", {})
    return values


def test_a_flag_of_no_group_is_shown_last(empty):
    flags.DEFINE_string("stray", None, "<FILE>: Not grouped.", flag_values=empty)
    with help_text.group(Group.OUTPUT):
        flags.DEFINE_string("out", None, "<DIR>: Grouped.", flag_values=empty)
    assert list(help_text.grouped()) == [Group.OUTPUT, Group.OTHER]
    shown = help_text.render("Does.", 80)
    assert shown.startswith("Does.\n\nOutput:\n  --out=DIR                 Grouped.\n\nOther:\n")


def test_the_inner_group_and_what_is_listed_first_win(empty):
    @help_text.group(Group.TRAINING)
    def define() -> None:
        flags.DEFINE_integer("epochs", 1, "Passes.", flag_values=empty)
        with help_text.group(Group.DATA):
            flags.DEFINE_string("data", None, "<DIR>: Data.", flag_values=empty)
        flags.DEFINE_string("model", None, "<FILE>: Model.", flag_values=empty)
        help_text.list_first("model")

    define()
    found = {
        group: [flag.name for flag in members] for group, members in help_text.grouped().items()
    }
    assert found == {Group.REQUIRED: ["model"], Group.DATA: ["data"], Group.TRAINING: ["epochs"]}


@pytest.mark.parametrize(
    ("define", "arguments", "entry"),
    [
        (flags.DEFINE_integer, (0, "Count."), ("x=N", "Count. (default: 0)")),
        (flags.DEFINE_float, (2.0, "Share."), ("x=X", "Share. (default: 2)")),
        (flags.DEFINE_float, (0.0, "Limit. Default: none."), ("x=X", "Limit. Default: none.")),
        (flags.DEFINE_string, (None, "<DIR>: Folder."), ("x=DIR", "Folder.")),
        (flags.DEFINE_string, ("en", "Tag."), ("x=TEXT", "Tag. (default: en)")),
        (flags.DEFINE_list, (["a", "b"], "Which."), ("x=LIST", "Which. (default: a, b)")),
        (flags.DEFINE_list, ([], "Which."), ("x=LIST", "Which.")),
        (flags.DEFINE_boolean, (False, "So."), ("[no]x", "So.")),
        (flags.DEFINE_boolean, (None, "So."), ("[no]x", "So.")),
        (flags.DEFINE_boolean, (True, "So."), ("[no]x", "So. (default: on)")),
        (flags.DEFINE_enum, ("b", ["a", "b"], "Which."), ("x=a|b", "Which. (default: b)")),
    ],
)
def test_a_flag_shows_its_values_and_its_default(empty, define, arguments, entry):
    define("x", *arguments, flag_values=empty)
    name, text = entry
    assert f"Other:\n{'  --' + name:<28}{text}\n\n" in help_text.render("", 80)


def test_a_long_name_has_a_line_of_its_own(empty):
    flags.DEFINE_enum("x", None, ["a" * 10, "b" * 10], "Which.", flag_values=empty)
    entry = f"  --x=aaaaaaaaaa|bbbbbbbbbb\n{'':28}Which.\n"
    assert entry in help_text.render("", 80)


def test_the_range_of_a_number_is_shown_where_it_says_something(empty):
    for name, bounds in (
        ("count", {"lower_bound": 0}),
        ("batch", {"lower_bound": 2}),
        ("share", {"lower_bound": 0, "upper_bound": 9}),
    ):
        flags.DEFINE_integer(name, 5, "Text.", flag_values=empty, **bounds)
    shown = help_text.render("", 80)
    assert "Text. (default: 5)\n" in shown
    assert "Text. (default: 5; at least 2)\n" in shown
    assert "Text. (default: 5; 0 to 9)\n" in shown


def test_a_default_is_not_torn_apart(empty):
    flags.DEFINE_integer("count", 12345, "Word " * 9 + "word.", flag_values=empty)
    assert f"word.\n{'':28}(default: 12345)" in help_text.render("", 80)
