"""A file of words: read back, refused if it is another's, and the same bytes as a C header."""

import subprocess

import numpy as np
import pytest

from edge_tf.errors import UserError
from edge_tf.fewshot import words_file
from firmware_export.runtime.words import Words
from tests.firmware_export.c_style_test import check_format
from tests.firmware_export.runtime import compiled

EMPTY = Words(3, bytes(16))
WORDS = EMPTY.with_word("lights", np.array([1, -2, 3], np.int16)).with_word(
    'a "*/', np.array([0, 0, 8], np.int16)
)


def test_words_are_read_back(tmp_path):
    path = tmp_path / "my.words"
    assert words_file.load(path, EMPTY) is EMPTY
    words_file.save(path, WORDS)
    assert path.read_bytes() == WORDS.to_bytes()
    assert words_file.load(path, EMPTY).names == WORDS.names


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no file of words"),
        (WORDS.to_bytes()[:-1], "it is damaged"),
        (Words(3, bytes(15) + b"1").to_bytes(), "its words were learnt with another network"),
    ],
)
def test_what_is_none_is_refused_in_a_line(tmp_path, content, why):
    (tmp_path / "my.words").write_bytes(content)
    with pytest.raises(UserError, match=rf"my\.words cannot be used: {why}"):
        words_file.load(tmp_path / "my.words", EMPTY)


def test_the_header_has_the_bytes_of_the_file(tmp_path):
    path = tmp_path / "my-words.h"
    words_file.save_header(path, WORDS)
    check_format([path])
    main = '#include <stdio.h>\n#include "my-words.h"\n'
    main += "int main(void) { fwrite(my_words, 1, sizeof my_words, stdout); return 0; }\n"
    (tmp_path / "main.c").write_text(main)
    compiled.build(compiled.tool("gcc"), *compiled.C99, tmp_path / "main.c", "-o", tmp_path / "it")
    done = subprocess.run([tmp_path / "it"], capture_output=True, timeout=60, check=True)
    assert done.stdout == WORDS.to_bytes()


@pytest.mark.parametrize("name", ["words.c", "1.h", "words"])
def test_a_header_without_a_name_in_c_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"must end in a name like words\.h"):
        words_file.save_header(tmp_path / name, WORDS)
    assert not list(tmp_path.iterdir())
