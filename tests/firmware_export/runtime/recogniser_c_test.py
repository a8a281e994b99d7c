"""The recogniser in C against the Python one, in every integer."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.runtime import render
from firmware_export.runtime.recogniser import (
    MOST_TAKES,
    DummyGenerator,
    Recogniser,
    prototypes,
    squared_distances,
)
from tests.firmware_export.c_style_test import check_format
from tests.firmware_export.runtime import compiled, generators

SIZE, UNITS, DUMMIES, MOST_WORDS = 24, 8, 3, 4
_SHIM = """
#include "recogniser.h"

static recogniser_t recogniser;
static enrolment_t enrolment;

void reset(void);
void begin(void);
int take(const int8_t *embedding);
int add(void);
int drop(int word);
int find(const int8_t *embedding, int64_t *score);
const int16_t *prototype(int word);

void reset(void) { recogniser_reset(&recogniser); }
void begin(void) { enrolment_reset(&enrolment); }
int take(const int8_t *embedding) { return enrolment_add(&enrolment, embedding); }
int add(void) { return recogniser_add(&recogniser, &enrolment); }
int drop(int word) { return recogniser_remove(&recogniser, word); }
int find(const int8_t *embedding, int64_t *score) {
  return recogniser_find(&recogniser, embedding, score);
}
const int16_t *prototype(int word) { return recogniser.prototypes[word]; }
"""


def generator(shifts: tuple[int, int]) -> DummyGenerator:
    return generators.generator((SIZE, UNITS, DUMMIES), 0, shifts, (45, 40))


CONFIGS = {
    "without dummies": Recogniser(),
    "with dummies": Recogniser(generator((32, 28)), 768),
    "dummies far away": Recogniser(generator((32, 3)), 300),
    "no shift": Recogniser(generator((0, 0)), 256),
}


class Compiled:
    """recogniser.c, built for this machine with sanitizers of undefined behaviour."""

    def __init__(self, folder: Path, config: Recogniser) -> None:
        sources = render.recogniser_sources(config, SIZE, MOST_WORDS, "1.2.3")
        compiled.write(folder, {**sources, "shim.c": _SHIM})
        safe = ("-fsanitize=undefined", "-fno-sanitize-recover=all", "-static-libubsan")
        compiled.build(
            *(compiled.tool("gcc"), *compiled.C99, "-O1", *safe, "-shared", "-fPIC"),
            *(*sorted(folder.glob("*.c")), "-o", folder / "shim.so"),
        )
        self.library = ctypes.CDLL(str(folder / "shim.so"))
        self.library.prototype.restype = ctypes.POINTER(ctypes.c_int16)
        self.library.reset()

    def take(self, embedding: np.ndarray) -> int:
        return int(self.library.take(_pointer(embedding)))

    def learn(self, takes: np.ndarray) -> int:
        self.library.begin()
        for take in takes:
            assert self.take(take) == 0
        return int(self.library.add())

    def find(self, embedding: np.ndarray) -> tuple[int, int]:
        score = ctypes.c_int64()
        word = self.library.find(_pointer(embedding), ctypes.byref(score))
        return int(word), int(score.value)

    def prototype(self, word: int) -> list[int]:
        return self.library.prototype(word)[:SIZE]


def _pointer(row: np.ndarray) -> ctypes.c_void_p:
    assert row.dtype == np.int8 and row.flags.c_contiguous
    return ctypes.c_void_p(row.ctypes.data)


def embeddings(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-128, 128, size=(*shape, SIZE)).astype(np.int8)


@pytest.fixture(scope="module", params=CONFIGS)
def both(request, tmp_path_factory) -> tuple[Compiled, Recogniser]:
    folder = tmp_path_factory.mktemp("recogniser")
    return Compiled(folder, CONFIGS[request.param]), CONFIGS[request.param]


def test_c_gives_every_integer_of_python(both):
    """As words come, one after the other, with one take and with many, extreme ones included."""
    c, python = both
    c.library.reset()
    queries = np.concatenate([embeddings(30), np.full((1, SIZE), -128, np.int8)])
    takes = [embeddings(1), embeddings(5), np.full((3, SIZE), 127, np.int8), embeddings(7)]
    means = []
    for number, some in enumerate(takes):
        assert c.learn(some) == number
        means.append(prototypes(some[np.newaxis])[0])
        assert c.prototype(number) == means[-1].tolist()
        words = np.stack(means)
        distances = squared_distances(queries, words)
        score = -distances.min(axis=1).astype(np.int64)
        if python.dummies is not None:
            unknown = squared_distances(queries, python.dummies(words)).min(axis=1)
            score = 256 * unknown.astype(np.int64) + python.temperature * score
        expected = list(zip(distances.argmin(axis=1).tolist(), score.tolist(), strict=True))
        assert [c.find(query) for query in queries] == expected


def test_a_whole_episode_is_that_of_python(both):
    c, python = both
    c.library.reset()
    support, queries = embeddings(MOST_WORDS, 5, seed=1), embeddings(50, seed=2)
    assert [c.learn(takes) for takes in support] == [0, 1, 2, 3]
    nearest, score = python(support, queries)
    found = [c.find(query) for query in queries]
    assert found == list(zip(nearest.tolist(), score.tolist(), strict=True))


def test_a_word_that_is_removed_leaves_the_others_as_if_it_had_never_been(both):
    c, _ = both
    support, queries = embeddings(3, 4), embeddings(20)
    c.library.reset()
    for takes in support[[0, 2]]:
        c.learn(takes)
    without = [c.find(query) for query in queries]
    c.library.reset()
    for takes in support:
        c.learn(takes)
    kept = c.prototype(0), c.prototype(2)
    assert c.library.drop(1) == 0
    assert (c.prototype(0), c.prototype(1)) == kept
    assert [c.find(query) for query in queries] == without
    assert c.library.drop(2) == c.library.drop(-1) == -1
    assert c.library.drop(0) == c.library.drop(0) == 0
    assert c.find(queries[0]) == (-1, -(2**63))


def test_no_take_no_room_and_too_many_takes_are_refused(both):
    c, _ = both
    c.library.reset()
    c.library.begin()
    assert c.library.add() == -1
    (take,) = embeddings(1)
    assert [c.take(take) for _ in range(MOST_TAKES + 1)] == [0] * MOST_TAKES + [-1]
    assert [c.library.add() for _ in range(MOST_WORDS + 1)] == [0, 1, 2, 3, -1]
    assert c.prototype(0) == (8 * take.astype(int)).tolist()


@pytest.mark.parametrize("name", CONFIGS)
def test_the_source_is_formatted(name, tmp_path):
    sources = render.recogniser_sources(CONFIGS[name], SIZE, MOST_WORDS, "1.2.3")
    compiled.write(tmp_path, sources)
    check_format(sorted(tmp_path.iterdir()))


@pytest.mark.parametrize(("tool", "flags"), [("g++", ["-std=c++17"]), ("clang", ["-std=c99"])])
def test_other_compilers_take_it(tool, flags, tmp_path):
    sources = render.recogniser_sources(CONFIGS["with dummies"], SIZE, MOST_WORDS, "1.2.3")
    compiled.write(tmp_path, {**sources, "main.cc": '#include "recogniser.h"\n'})
    source = tmp_path / ("main.cc" if tool == "g++" else "recogniser.c")
    done = subprocess.run(
        [compiled.tool(tool), *flags, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", source],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_what_does_not_fit_is_refused():
    with pytest.raises(ExportError, match="an embedding of 513 values has distances"):
        render.recogniser_sources(Recogniser(), 513, 4, "1")
    with pytest.raises(ExportError, match="dummies are for 24 values, the embedding has 32"):
        render.recogniser_sources(CONFIGS["with dummies"], 32, 4, "1")
