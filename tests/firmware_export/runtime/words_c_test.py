"""words.c against Python: every integer of the recogniser, and every byte of a blob."""

import ctypes
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

from firmware_export.boards import building
from firmware_export.errors import ExportError
from firmware_export.runtime import render_words
from firmware_export.runtime.recogniser import (
    MOST_TAKES,
    DummyGenerator,
    Recogniser,
    prototypes,
)
from firmware_export.runtime.words import MOST_WORDS, Words, WordsError
from tests.firmware_export.c_style_test import check_format
from tests.firmware_export.runtime import compiled, generators

SIZE, UNITS, DUMMIES = 22, 8, 3  # no multiple of four
NETWORK = bytes(range(100, 116))
OK, FULL, NO_TAKE, BAD_NAME, SAME_NAME, NOT_THERE, NO_ROOM = range(7)
NO_BLOB, OTHER_VERSION, OTHER_NETWORK, DAMAGED = range(7, 11)
_SHIM = """
#include "words.h"

static words_t words;

void reset(void);
int add(const char *name, const int32_t *sums, int32_t takes);
int drop(int32_t word);
void find(const int8_t *embedding, words_found_t *found);
const int16_t *prototype(int word);
const char *name_of(int word);
int count(void);
int save(uint8_t *blob, size_t room, size_t *bytes);
int load(const uint8_t *blob, size_t bytes);

void reset(void) { words_reset(&words); }
int add(const char *name, const int32_t *sums, int32_t takes) {
  return words_add(&words, name, sums, takes);
}
int drop(int32_t word) { return words_remove(&words, word); }
void find(const int8_t *embedding, words_found_t *found) { words_find(&words, embedding, found); }
const int16_t *prototype(int word) { return words.prototypes[word]; }
const char *name_of(int word) { return words.names[word]; }
int count(void) { return words.count; }
int save(uint8_t *blob, size_t room, size_t *bytes) {
  return words_save(&words, blob, room, bytes);
}
int load(const uint8_t *blob, size_t bytes) { return words_load(&words, blob, bytes); }
"""


class FoundInC(ctypes.Structure):
    _fields_ = (
        ("word", ctypes.c_int32),
        ("distance", ctypes.c_int32),
        ("score", ctypes.c_int64),
    )


def generator(shifts: tuple[int, int]) -> DummyGenerator:
    return generators.generator((SIZE, UNITS, DUMMIES), 0, shifts, (45, 40))


CONFIGS = {
    "without dummies": Recogniser(),
    "with dummies": Recogniser(generator((32, 28)), 768),
    "dummies far away": Recogniser(generator((32, 3)), 300),
    "no shift": Recogniser(generator((0, 0)), 256),
}


class Compiled:
    """words.c, built for this machine with sanitizers of undefined behaviour."""

    def __init__(self, folder: Path, config: Recogniser) -> None:
        sources = render_words.words_sources(config, SIZE, NETWORK, "1.2.3")
        compiled.write(folder, {**sources, "shim.c": _SHIM})
        safe = ("-fsanitize=undefined", "-fno-sanitize-recover=all", "-static-libubsan")
        compiled.build(
            *(compiled.tool("gcc"), *compiled.C99, "-O1", *safe, "-shared", "-fPIC"),
            *(*sorted(folder.glob("*.c")), "-o", folder / "shim.so"),
        )
        self.library = ctypes.CDLL(str(folder / "shim.so"))
        self.library.prototype.restype = ctypes.POINTER(ctypes.c_int16)
        self.library.name_of.restype = ctypes.c_char_p
        self.library.reset()

    def learn(self, takes: np.ndarray, name: str | bytes | None = None) -> int:
        """The status of a word of (takes, SIZE) int8."""
        if name is None:
            name = f"word {self.library.count()}"
        raw = name if isinstance(name, bytes) else name.encode()
        sums = takes.sum(axis=0, dtype=np.int32)
        return int(self.library.add(raw, ctypes.c_void_p(sums.ctypes.data), len(takes)))

    def find(self, embedding: np.ndarray) -> tuple[int, int, int]:
        """Word, distance, score."""
        assert embedding.dtype == np.int8 and embedding.flags.c_contiguous
        found = FoundInC()
        self.library.find(ctypes.c_void_p(embedding.ctypes.data), ctypes.byref(found))
        return found.word, found.distance, found.score

    def prototype(self, word: int) -> list[int]:
        return self.library.prototype(word)[:SIZE]

    @property
    def names(self) -> list[str]:
        return [self.library.name_of(at).decode() for at in range(self.library.count())]

    def save(self, room: int = 5_000) -> bytes:
        blob, written = ctypes.create_string_buffer(room), ctypes.c_size_t()
        status = self.library.save(blob, ctypes.c_size_t(room), ctypes.byref(written))
        assert (status == OK) == (written.value > 0)
        return blob.raw[: written.value]

    def load(self, blob: bytes) -> int:
        return int(self.library.load(blob, ctypes.c_size_t(len(blob))))


def embeddings(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-128, 128, size=(*shape, SIZE)).astype(np.int8)


def expected(python: Recogniser, words: np.ndarray, queries: np.ndarray) -> list[tuple]:
    found = python.find(words, queries)
    rows = (found.word.tolist(), found.distance.tolist(), found.score.tolist())
    return list(zip(*rows, strict=True))


@pytest.fixture(scope="module", params=CONFIGS)
def both(request, tmp_path_factory) -> tuple[Compiled, Recogniser]:
    folder = tmp_path_factory.mktemp("words")
    return Compiled(folder, CONFIGS[request.param]), CONFIGS[request.param]


def test_c_gives_every_integer_of_python(both):
    """As words come, one after the other, with one take and with many, extreme ones included."""
    c, python = both
    c.library.reset()
    queries = np.concatenate([embeddings(30), np.full((1, SIZE), -128, np.int8)])
    takes = [embeddings(1), embeddings(5), np.full((3, SIZE), 127, np.int8), embeddings(7)]
    means = []
    for number, some in enumerate(takes):
        assert c.learn(some) == OK
        means.append(prototypes(some[np.newaxis])[0])
        assert c.prototype(number) == means[-1].tolist()
        assert [c.find(query) for query in queries] == expected(python, np.stack(means), queries)


def test_a_whole_episode_is_that_of_python(both):
    c, python = both
    c.library.reset()
    support, queries = embeddings(4, 5, seed=1), embeddings(50, seed=2)
    assert [c.learn(takes) for takes in support] == [OK] * 4
    nearest, score = python(support, queries)
    found = [(word, score) for word, _, score in map(c.find, queries)]
    assert found == list(zip(nearest.tolist(), score.tolist(), strict=True))


def test_a_new_word_leaves_the_outputs_of_the_others_as_they_were(both):
    """Prototypes and distances in every bit; dummies, and with them scores, are of all words."""
    c, python = both
    c.library.reset()
    for takes in embeddings(3, 4):
        c.learn(takes)
    before = [c.prototype(word) for word in range(3)]
    queries = embeddings(60)
    found = [c.find(query) for query in queries]
    assert c.learn(embeddings(6, seed=9)) == OK
    assert [c.prototype(word) for word in range(3)] == before
    stayed = 0
    for old, query in zip(found, queries, strict=True):
        word, distance, score = c.find(query)
        if word < 3:
            stayed += 1
            assert (word, distance) == old[:2]
            assert python.dummies is not None or score == old[2]
    assert stayed > 20


def test_a_word_that_is_removed_leaves_the_others_as_if_it_had_never_been(both):
    c, _ = both
    support, queries = embeddings(3, 4), embeddings(20)
    c.library.reset()
    for number in (0, 2):
        c.learn(support[number], f"word {number}")
    without, blob = [c.find(query) for query in queries], c.save()
    c.library.reset()
    for number in range(3):
        c.learn(support[number], f"word {number}")
    kept = c.prototype(0), c.prototype(2)
    assert c.library.drop(1) == OK
    assert (c.prototype(0), c.prototype(1)) == kept
    assert [c.find(query) for query in queries] == without
    assert c.save() == blob
    assert c.library.drop(2) == c.library.drop(-1) == NOT_THERE
    assert c.library.drop(0) == c.library.drop(0) == OK
    assert c.find(queries[0]) == (-1, 2**31 - 1, -(2**63))


def test_what_cannot_be_a_word_is_refused(both):
    c, _ = both
    c.library.reset()
    take = embeddings(1)
    assert c.learn(take[:0]) == NO_TAKE
    assert c.learn(np.repeat(take, MOST_TAKES + 1, axis=0)) == NO_TAKE
    assert c.learn(np.repeat(take, MOST_TAKES, axis=0)) == OK
    assert c.prototype(0) == (8 * take[0].astype(int)).tolist()
    assert c.learn(take, "word 0") == SAME_NAME
    for name in (b"", b"a" * 16, b"a\nb", b"\x7f"):
        assert c.learn(take, name) == BAD_NAME
    assert [c.learn(take) for _ in range(MOST_WORDS)] == [OK] * (MOST_WORDS - 1) + [FULL]
    assert c.learn(take, "one too many") == FULL


def test_blobs_are_those_of_python_and_are_read_back(both):
    c, _ = both
    c.library.reset()
    words = Words(SIZE, NETWORK)
    assert c.save() == words.to_bytes()
    for name in ("lights", "caf\u00e9 au lait", "a" * 15):
        takes = embeddings(4, seed=len(name))
        assert c.learn(takes, name) == OK
        words = words.with_word(name, prototypes(takes[np.newaxis])[0])
        assert c.save() == words.to_bytes()
    queries = embeddings(20)
    found, blob = [c.find(query) for query in queries], c.save()
    assert len(blob) == 28 + 3 * (16 + 2 * SIZE) + 4
    assert c.save(len(blob)) == blob
    assert c.save(len(blob) - 1) == b""
    c.library.reset()
    assert c.load(blob + b"\xff" * 100) == OK  # a page of flash is longer
    assert c.names == words.names
    assert [c.find(query) for query in queries] == found
    assert c.save() == blob


def resealed(blob: bytes) -> bytes:
    """With a checksum that fits."""
    return blob[:-4] + zlib.crc32(blob[:-4]).to_bytes(4, "little")


def changed(blob: bytes, at: int, *values: int) -> bytes:
    return blob[:at] + bytes(values) + blob[at + len(values) :]


def whole() -> bytes:
    words = Words(SIZE, NETWORK)
    for name in ("lights", "door"):
        words = words.with_word(name, prototypes(embeddings(1, 3, seed=len(name)))[0])
    return words.to_bytes()


FAULTS = {
    "erased flash": (b"\xff" * 400, NO_BLOB),
    "nothing": (b"", NO_BLOB),
    "another magic": (resealed(changed(whole(), 0, 0)), NO_BLOB),
    "a later version": (resealed(changed(whole(), 4, 2)), OTHER_VERSION),
    "embeddings of another size": (resealed(changed(whole(), 6, SIZE + 1)), OTHER_NETWORK),
    "another network": (resealed(changed(whole(), 20, 0)), OTHER_NETWORK),
    "more words than bytes": (resealed(changed(whole(), 8, 3)), DAMAGED),
    "65,535 words": (resealed(changed(whole(), 8, 0xFF, 0xFF)), DAMAGED),
    "reserved bytes in use": (resealed(changed(whole(), 10, 1)), DAMAGED),
    "a flipped bit": (changed(whole(), 60, whole()[60] ^ 4), DAMAGED),
    "another checksum": (whole()[:-1] + bytes([whole()[-1] ^ 1]), DAMAGED),
    "a name without an end": (resealed(changed(whole(), 28, *b"a" * 16)), DAMAGED),
    "an empty name": (resealed(changed(whole(), 28, *b"\0" * 16)), DAMAGED),
    "a name with a tail": (resealed(changed(whole(), 40, 65)), DAMAGED),
    "a control character": (resealed(changed(whole(), 29, 10)), DAMAGED),
    "two words of a name": (
        resealed(changed(whole(), 28 + 16 + 2 * SIZE, *b"lights")),
        DAMAGED,
    ),
    "a prototype out of range": (resealed(changed(whole(), 44, 0xFF, 0x7F)), DAMAGED),
    "a prototype below the range": (resealed(changed(whole(), 44, 0xFF, 0xFB)), DAMAGED),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_blob_that_is_none_is_refused_and_changes_nothing(both, name):
    c, _ = both
    blob, status = FAULTS[name]
    c.library.reset()
    c.learn(embeddings(2), "here before")
    before = c.save()
    assert c.load(blob) == status
    assert c.save() == before
    with pytest.raises(WordsError):
        Words.from_bytes(blob, SIZE, NETWORK)


def test_no_prefix_of_a_blob_is_one_and_no_flipped_bit_passes(both):
    c, _ = both
    blob = whole()
    for length in range(len(blob)):
        assert c.load(blob[:length]) in (NO_BLOB, DAMAGED)
    for at in range(len(blob)):
        assert c.load(changed(blob, at, blob[at] ^ (1 << at % 8))) != OK
    assert c.load(blob) == OK


_LOADER = """
#include <stdio.h>
#include <stdlib.h>

#include "words.h"

int main(void) {
  static words_t words;
  int bytes;
  while (scanf("%d", &bytes) == 1) {
    uint8_t *const blob = malloc((size_t)bytes);
    for (int i = 0; i < bytes; ++i) {
      unsigned byte;
      if (scanf("%x", &byte) != 1) return 1;
      blob[i] = (uint8_t)byte;
    }
    printf("%d ", (int)words_load(&words, blob, (size_t)bytes));
    free(blob);
  }
  return 0;
}
"""


def test_no_byte_behind_a_blob_is_read(tmp_path):
    """Each from memory of its own, of just its length, which a sanitizer watches."""
    sources = render_words.words_sources(CONFIGS["with dummies"], SIZE, NETWORK, "1.2.3")
    compiled.write(tmp_path, {**sources, "main.c": _LOADER})
    compiled.build(
        *(compiled.tool("gcc"), "-std=c99", "-O1", *building.SANITIZE, "-Wall", "-Werror"),
        *(*sorted(tmp_path.glob("*.c")), "-o", tmp_path / "load"),
    )
    rng = np.random.default_rng(0)
    blob, blobs = whole(), [content for content, _ in FAULTS.values()]
    blobs += [blob[:length] for length in range(0, len(blob) + 1, 3)]
    for _ in range(300):
        noisy = bytearray(blob)
        for at in rng.integers(4, len(noisy), 2):
            noisy[at] = rng.integers(256)
        blobs.append(resealed(bytes(noisy)))
    text = "\n".join(f"{len(one)} {one.hex(' ')}" for one in [*blobs, blob])
    done = subprocess.run(
        [tmp_path / "load"], input=text, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[:2_000]
    statuses = [int(word) for word in done.stdout.split()]
    assert len(statuses) == len(blobs) + 1 and statuses[-1] == OK
    assert statuses[: len(FAULTS)] == [status for _, status in FAULTS.values()]


def test_more_words_than_there_is_room_for_are_refused(both):
    c, _ = both
    words = Words(SIZE, NETWORK)
    for number in range(MOST_WORDS + 1):
        words = words.with_word(f"w{number}", np.zeros(SIZE, np.int16))
    assert c.load(words.to_bytes()) == FULL
    assert c.load(words.without("w0").to_bytes()) == OK


@pytest.mark.parametrize("name", CONFIGS)
def test_the_source_is_formatted(name, tmp_path):
    sources = render_words.words_sources(CONFIGS[name], SIZE, NETWORK, "1.2.3")
    compiled.write(tmp_path, sources)
    check_format(sorted(tmp_path.iterdir()))


@pytest.mark.parametrize(("tool", "flags"), [("g++", ["-std=c++17"]), ("clang", ["-std=c99"])])
def test_other_compilers_take_it(tool, flags, tmp_path):
    sources = render_words.words_sources(CONFIGS["with dummies"], SIZE, NETWORK, "1.2.3")
    compiled.write(tmp_path, {**sources, "main.cc": '#include "words.h"\n'})
    source = tmp_path / ("main.cc" if tool == "g++" else "words.c")
    done = subprocess.run(
        [compiled.tool(tool), *flags, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", source],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_what_does_not_fit_is_refused():
    with pytest.raises(ExportError, match="an embedding of 513 values has distances"):
        render_words.words_sources(Recogniser(), 513, NETWORK, "1")
    with pytest.raises(ExportError, match="dummies are for 22 values, the embedding has 32"):
        render_words.words_sources(CONFIGS["with dummies"], 32, NETWORK, "1")
