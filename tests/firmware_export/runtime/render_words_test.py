"""What C of learnt words says of itself; words_c_test.py and others test what it computes."""

import dataclasses

import pytest

from firmware_export.errors import ExportError
from firmware_export.runtime import render_words
from firmware_export.runtime.takes import Verdict
from tests.firmware_export.runtime.enroller_c_test import CONFIG, learning


def test_codes_and_limits_are_those_of_python():
    given = learning(True, True)
    made = render_words.sources(given, CONFIG, "1.2.3", True)
    assert set(made) == set(render_words.ALL)
    for verdict in Verdict:
        assert f"ENROLLER_{verdict.name} = {verdict.value}" in made["enroller.h"]
    assert f"#define RECOGNISER_THRESHOLD INT64_C({given.stream.threshold})" in made["recogniser.h"]
    assert "about 120 ms after it" in made["recogniser.h"]
    assert "Chosen by a test." in made["recogniser.h"]


def test_features_of_whole_windows_are_refused():
    config = dataclasses.replace(CONFIG, normalization="relaxed", norm_lambda=0.5)
    with pytest.raises(ExportError, match="normalization=relaxed"):
        render_words.sources(learning(False, False), config, "1", False)
