"""Who speaks in a clip: patterns, and names as in Speech Commands."""

import re
import time

import hypothesis
import hypothesis.strategies as st
import pytest

from edge_tf.data.words.speakers import EXAMPLE, Speakers
from edge_tf.errors import UserError

_PLAIN = st.text(st.characters(whitelist_categories=["L"]), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("pattern", "path", "speaker"),
    [
        ("", "lamp/0a7c_nohash_3.wav", "0a7c"),
        ("", "lamp/anna-03.wav", None),
        (EXAMPLE, "lamp/anna-03.wav", "anna"),
        (EXAMPLE, "lamp/anna-03-b.wav", "anna"),  # as short as possible
        (EXAMPLE, "lamp/anna.wav", None),
        (EXAMPLE, "lamp/deep/anna-03.wav", None),
        ("*/{speaker}/*", "lamp/anna/03.wav", "anna"),
        ("*/*_{speaker}.wav", "lamp/03_anna.wav", "anna"),
        ("*/*_{speaker}.wav", "lamp/03_anna.WAV", None),
        ("{speaker}/*", "anna/x.wav", "anna"),
        ("*/take(.+){speaker}.wav", "lamp/take(.+)anna.wav", "anna"),  # only * is special
        ("*/{speaker}-*", "lamp/-03.wav", None),  # a speaker has a name
        ("*/{speaker}-*", "lamp/two\nlines-1.wav", "two\nlines"),
    ],
)
def test_the_speaker_of_a_path(pattern, path, speaker):
    speakers = Speakers(pattern)
    assert speakers.known(path) == speaker
    assert speakers.group(path) == (speaker or path.rpartition("/")[2])


@hypothesis.given(word=_PLAIN, speaker=_PLAIN, take=st.integers(0, 999))
def test_any_name_is_found_again(word, speaker, take):
    assert Speakers(EXAMPLE).known(f"{word}/{speaker}-{take}.wav") == speaker
    assert Speakers("*/{speaker}/*").known(f"{word}/{speaker}/{take}.wav") == speaker
    assert Speakers().known(f"{word}/{speaker}_nohash_{take}.wav") == speaker


@pytest.mark.parametrize(
    "pattern", ["*", "{speaker}", "*/*", "*/{speaker}-{speaker}", "a/b/c/{speaker}", "/{speaker}",
                "*/{speaker}****", "*/{speaker"]
)  # fmt: skip
def test_what_is_no_pattern_is_refused_with_one_that_works(pattern):
    with pytest.raises(UserError, match=re.escape(f"--speaker_pattern={pattern}")) as caught:
        Speakers(pattern)
    remedy = re.search("such as '(.*)' for (.*)", str(caught.value))
    assert remedy and Speakers(remedy[1]).known(remedy[2]) == "anna"


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(UserError, match=r"matches no clip, such as lamp/a\.wav; give a pattern"):
        Speakers(EXAMPLE).unknown(["lamp/a.wav", "lamp/b.wav"])
    assert Speakers(EXAMPLE).unknown(["lamp/a.wav", "lamp/b-1.wav"]) == ["lamp/a.wav"]
    assert Speakers().unknown(["lamp/a.wav"]) == ["lamp/a.wav"]


def test_no_pattern_takes_long():
    speakers = Speakers("*/{speaker}a*a*")
    began = time.perf_counter()
    assert speakers.known("w/" + "a" * 1 + "b" * 254) is None
    assert Speakers("*/{speaker}a*a*b").known("w/" + "a" * 255) is None
    assert time.perf_counter() - began < 1.0
