"""Kokoro's symbols of known words, as in the inventory that it was trained on."""

import pytest

from edge_tf.audio.espeak import Espeak
from edge_tf.data.synthesis.voices import kokoro_phonemes


@pytest.mark.parametrize(
    ("text", "american", "british"),
    [
        ("computer", "kəmpjˈuTəɹ", "kəmpjˈuːtə"),
        ("hey, lamp", "hˈA lˈæmp", "hˈA lˈamp"),
        ("church judge", "ʧˈɜɹʧ ʤˈʌʤ", "ʧˈɜːʧ ʤˈʌʤ"),
        ("nine boys", "nˈIn bˈYz", "nˈIn bˈYz"),
        ("no", "nˈO", "nˈQ"),
        ("now", "nˈW", "nˈW"),
    ],
)
def test_symbols_of_words(text, american, british):
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    with Espeak() as engine:
        for tag, accent, wanted in (
            ("en-us", "gmw/en-US", american),
            ("en-gb", "gmw/en-GB-x-rp", british),
        ):
            found = kokoro_phonemes.symbols(engine.phonemes(text, accent), tag)
            assert found.replace("a", "æ") == wanted.replace("a", "æ")


def test_a_foreign_r_is_rolled_and_any_other_is_not():
    words = [["ɹ", "ˈɛ", "r", "iː"]]
    assert kokoro_phonemes.symbols(words, "en-us", foreign=True) == "ɹˈɛri"
    assert kokoro_phonemes.symbols(words, "en-us") == "ɹˈɛɹi"


def test_what_the_network_does_not_know_is_left_out():
    assert kokoro_phonemes.symbols([["ǃ", "n"]], "en-us", "!") == "n!"
    assert kokoro_phonemes.symbols([["ǃ"]], "en-us") == ""


def test_numbers_have_boundaries_and_are_of_the_network():
    assert kokoro_phonemes.numbers("kˈA.") == [0, 53, 156, 24, 4, 0]
