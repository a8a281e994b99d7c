"""espeak-ng as a synthesizer: the same arguments give the same samples."""

import numpy as np
import pytest

from edge_tf.data.synthesis.voices.espeak import FEMALE_VARIANTS, MALE_VARIANTS, EspeakVoices

ESPEAK = EspeakVoices()


@pytest.fixture(autouse=True)
def installed() -> None:
    if reason := ESPEAK.missing():
        pytest.skip(reason)


def test_a_take_depends_on_its_arguments_alone():
    voice = ESPEAK.voices("en-us")[0]
    first = ESPEAK.render("lamp", voice, 3)
    ESPEAK.render("music", voice, 4)
    np.testing.assert_array_equal(ESPEAK.render("lamp", voice, 3), first)
    assert first.dtype == np.float32 and 0.05 < np.abs(first).max() <= 1
    assert not np.array_equal(ESPEAK.render("lamp", voice, 4), first)


def test_rate_makes_a_take_shorter():
    voice = ESPEAK.voices("en-us")[0]
    lengths = [len(ESPEAK.render("computer", voice, 0, rate)) for rate in (0.8, 1.0, 1.4)]
    assert lengths[0] > lengths[1] > lengths[2] > 3000


def test_accents_of_a_variant_share_its_timbre():
    voices = ESPEAK.voices("en")
    assert {voice.timbres for voice in voices} == {(v,) for v in FEMALE_VARIANTS + MALE_VARIANTS}
    assert len(voices) > 4 * len(FEMALE_VARIANTS + MALE_VARIANTS)
    assert ESPEAK.voices("xx") == []
    assert ESPEAK.blend(voices[0], voices[1], 0.5) is None
