"""An export that learns words: its files, that it compiles, and that it hears as Python does."""

import json
import re
from pathlib import Path

import pytest

from firmware_export.errors import ExportError
from firmware_export.linkage import Linkage
from firmware_export.standalone import package
from firmware_export.standalone.enrolling import Enrolling
from tests.firmware_export import learners
from tests.firmware_export.c_style_test import check_export
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.standalone.exports import (
    MODEL_ONLY,
    SELF_TEST,
    build_with_cmake,
    kernels_of,
    run,
)

LEARNING = {
    "examples/learn_words.c",
    *(
        f"src/{name}.{end}"
        for name in ("embedder", "enroller", "frontend", "recogniser", "words")
        for end in "ch"
    ),
}
FORMS = {
    "stream": (True, Linkage()),
    "window": (False, Linkage()),
    "of the caller, with a prefix": (True, Linkage("lamp", "external")),
}


@pytest.fixture(scope="module")
def model() -> bytes:
    return learners.model()


@pytest.fixture(scope="module", params=FORMS)
def form(request, model, tmp_path_factory) -> tuple[Path, bool, str]:
    """The folder, whether it is for streams, and the prefix."""
    streams, linkage = FORMS[request.param]
    out = tmp_path_factory.mktemp("learning") / "firmware"
    learners.export(model, out, streams, linkage=linkage)
    return out, streams, linkage.prefix


def test_the_folder_has_what_learns_and_nothing_that_spots(form):
    out, streams, prefix = form
    content = folder_content(out)
    manifest = json.loads(content.pop("manifest.json"))
    if not prefix:
        assert set(content) == MODEL_ONLY | SELF_TEST | LEARNING | kernels_of(manifest, content)
    assert manifest["streaming"] == streams and manifest["detector"] is None
    assert manifest["learning"]["embedding"] == learners.SIZE
    # 8 values, 8 hidden ones, 3 dummies: two layers of int16 with biases of int64.
    assert manifest["learning"]["constant_bytes"] == 2 * (8 * 8 + 8 * 24) + 8 * (8 + 24)
    assert "768 bytes of weights more" in content["README.md"].decode()
    assert manifest["golden"]["wavs"] == 1 and manifest["labels"] == []
    readme = content["README.md"].decode()
    assert f"{prefix}_enroller_begin" in readme if prefix else "enroller_begin" in readme
    for name, data in content.items():
        assert "{{" not in data.decode() and "{%" not in data.decode(), name


def test_c_has_one_style(form):
    out, _, prefix = form
    if not prefix:  # which makes names longer, so that a formatter would break other lines
        check_export(out)


def test_headers_are_those_of_cpp_too(form, tmp_path):
    """Twice each."""
    source = form[0] / "src"
    headers = sorted(path.name for path in source.glob("*.h"))
    (tmp_path / "user.cpp").write_text("".join(f'#include "{name}"\n' for name in headers * 2))
    strict = ("-std=c++11", "-Wall", "-Wextra", "-Werror", f"-I{source}", "-fsyntax-only")
    done = run("g++", *strict, tmp_path / "user.cpp")
    assert done.returncode == 0, done.stderr


def test_programs_learn_and_hear_as_python_does(form, model, tmp_path):
    """The self-test, and the example with real files: verdicts, words and distances."""
    out, streams, prefix = form
    build = build_with_cmake(out, tmp_path / "build")
    done = run(build / (f"{prefix}_self_test" if prefix else "self_test"))
    assert done.returncode == 0 and "self-test: 0 bytes differ" in done.stdout
    names = []
    for number, take in enumerate(learners.TAKES):
        names.append(tmp_path / f"{number}.raw")
        take.astype("<i2").tofile(names[-1])
    sound = tmp_path / "sound.raw"
    learners.SOUND.astype("<i2").tofile(sound)
    with sound.open() as given:
        program = f"{prefix}_learn_words" if prefix else "learn_words"
        done = run(build / program, "lights", *names, stdin=given)
    assert done.returncode == 0, done.stdout
    verdicts, _, told = learners.expected(model, streams)
    said = {"TAKEN": "taken", "SILENT": "silent"}
    lines = [f"{name}: {said[v]}" for name, v in zip(names, verdicts, strict=True)]
    lines += [f"lights, distance {distance}" for _, distance, _ in told]
    assert verdicts == ["TAKEN", "SILENT", "TAKEN"] and len(told) > 1
    assert done.stdout.splitlines() == lines


def test_what_does_not_fit_is_refused(model, tmp_path):
    given = learners.learning(model, False)
    config = learners.CONFIG.to_dict()
    for enrolling, message in (
        (Enrolling(given, {**config, "mel_bands": 20}), "the front-end makes"),
        (Enrolling(given, {**config, "normalization": "relaxed", "norm_lambda": 0.5}), "relaxed"),
    ):
        with pytest.raises(ExportError, match=re.escape(message)):
            package.export(model, tmp_path / "out", "1", enrolling=enrolling)
    other = learners.WindowModel((1, *learners.CONFIG.feature_shape))
    short = other.end(other.mean(other.pointwise(other.input, 6), 1), learners.SIZE + 1)
    with pytest.raises(ExportError, match=r"outputs \(1, 9\), the recogniser takes 8 values"):
        package.export(short, tmp_path / "out", "1", enrolling=Enrolling(given, config))
    assert not (tmp_path / "out").exists()
