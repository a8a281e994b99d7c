"""Damaged files are other files, the same in every run, and zips stay zips."""

import io
import json
import random
import zipfile

import numpy as np
import pytest

from fuzzing.run_files import damaged


def archive() -> bytes:
    made = io.BytesIO()
    np.savez(made, wav=np.zeros((2, 9), np.int16))
    return made.getvalue()


@pytest.mark.parametrize("content", [json.dumps({"a": [1, {"b": 2}]}).encode(), b"go\nup", b""])
def test_the_same_seed_gives_the_same_damage(content):
    found = [damaged(content, random.Random(seed)) for seed in range(50)]
    assert found == [damaged(content, random.Random(seed)) for seed in range(50)]
    assert len(set(found)) > 25


def test_most_archives_are_damaged_inside_where_no_checksum_tells():
    whole = 0
    for seed in range(100):
        try:
            with zipfile.ZipFile(io.BytesIO(damaged(archive(), random.Random(seed)))) as file:
                whole += file.testzip() is None
        except Exception:
            continue  # damaged outside, in whatever way
    assert whole > 60
