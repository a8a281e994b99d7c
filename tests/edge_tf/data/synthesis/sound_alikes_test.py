"""Known sound-alikes are near the top; the wake word itself is not among them."""

import pytest

from edge_tf.data.synthesis import lexicon, sound_alikes

COMMON = (
    *("the", "to", "her", "here", "can", "come", "camp", "user", "water", "people", "compute"),
    *("commuter", "computers", "computing", "house", "hey", "lamb", "land", "day", "camp", "damp"),
    *("clamp", "music", "future", "lamp", "garden", "seven", "window", "hay", "ramp", "stop"),
)


@pytest.fixture(scope="module")
def words() -> list[lexicon.Pronounced]:
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    return lexicon.pronounce(COMMON, "en")


def test_what_sounds_like_computer(words):
    wanted = lexicon.pronounce(["computer"], "en")[0]
    found = sound_alikes.sound_alikes(wanted, words, 10)
    texts = [one.text for one in found]
    assert texts[0] == "commuter"
    assert "compute her" in texts[:5]
    assert not {"computer", "computers"} & set(texts)  # they hold it
    assert [one.distance for one in found] == sorted(one.distance for one in found)
    assert len(found) == 10 and {one.kind for one in found} == {"soundalike"}
    assert sum(" " in text for text in texts) == 5  # pairs


def test_what_sounds_like_a_phrase(words):
    wanted = lexicon.pronounce(["hey lamp"], "en")[0]
    texts = [one.text for one in sound_alikes.sound_alikes(wanted, words, 8)]
    assert {"hey lamb", "hey land", "clamp"} & set(texts)
    assert "hey lamp" not in texts and "hay lamp" not in texts  # said alike


def test_no_word_is_in_many_pairs(words):
    wanted = lexicon.pronounce(["hey lamp"], "en")[0]
    pairs = [
        one.text.split() for one in sound_alikes.sound_alikes(wanted, words, 20) if " " in one.text
    ]
    used = [word for pair in pairs for word in set(pair)]
    assert pairs and max(map(used.count, used)) <= 2


def test_fewer_words_than_asked_for_are_no_error(words):
    wanted = lexicon.pronounce(["hey lamp"], "en")[0]
    assert sound_alikes.sound_alikes(wanted, words[:1], 5)
    assert sound_alikes.sound_alikes(wanted, [], 5) == []


def test_parts_of_phrases():
    assert sound_alikes.part_texts("lamp") == []
    assert sound_alikes.part_texts("hey lamp") == ["hey", "lamp"]
    assert sound_alikes.part_texts("turn it off") == ["turn it", "it off", "turn", "it", "off"]
    assert sound_alikes.part_texts("go go") == ["go"]


def test_one_word_replaced(words):
    own = lexicon.pronounce(["hey lamp", "hey", "lamp"], "en")
    found = sound_alikes.replaced("hey lamp", own, words, 6, seed=0)
    assert len({one.text for one in found}) == len(found) == 6
    for one in found:
        first, second = one.text.split()
        assert (first == "hey") != (second == "lamp")
        assert one.distance > 0.5
    assert sound_alikes.replaced("hey lamp", own, words, 6, seed=0) == found
    assert sound_alikes.replaced("hey lamp", own, words, 6, seed=1) != found
    assert sound_alikes.replaced("lamp", own, words, 6, seed=0) == []


def test_parts_tell_their_distance():
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    own = lexicon.pronounce(["hey lamp", "hey", "lamp"], "en")
    found = {one.text: one for one in sound_alikes.parts("hey lamp", own)}
    assert set(found) == {"hey", "lamp"} and found["hey"].distance > found["lamp"].distance > 2
