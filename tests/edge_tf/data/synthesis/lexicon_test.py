"""Words from a list, with phonemes of espeak-ng."""

import importlib

import pytest

from edge_tf.data.synthesis import lexicon, phonetics
from edge_tf.errors import UserError


def test_words_of_a_file_are_cleaned_and_stay_in_order(tmp_path):
    path = tmp_path / "words"
    path.write_text("The\nof\n\nx\nI'm\nthe\n3rd\nwell-known\n-\nmüsli\n", encoding="utf-8")
    assert lexicon.common_words("en", path) == ["the", "of", "i'm", "well-known", "müsli"]
    assert lexicon.common_words("en", path, count=2) == ["the", "of"]


@pytest.mark.parametrize(("content", "message"), [(b"1\n2\n", "no words"), (b"\xff\xfe", "UTF-8")])
def test_files_without_words_are_refused(tmp_path, content, message):
    (tmp_path / "words").write_bytes(content)
    with pytest.raises(UserError, match=message):
        lexicon.common_words("en", tmp_path / "words")


def test_the_remedy_is_told_where_there_is_no_list(monkeypatch):
    real = importlib.import_module

    def without(name: str) -> object:
        if name == "wordfreq":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(lexicon.importlib, "import_module", without)
    with pytest.raises(UserError, match="run: python -m pip install 'wordfreq"):
        lexicon.common_words("en")


def test_frequent_words_come_first():
    pytest.importorskip("wordfreq", reason="needs the extra 'synthesis'")
    words = lexicon.common_words("en", count=2000)
    assert len(words) == 2000 and words.index("the") < 3
    assert words.index("water") < words.index("coffee")
    with pytest.raises(UserError, match="no words of --language=xx"):
        lexicon.common_words("xx")


def test_pronunciations():
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    found = lexicon.pronounce(["computer", "hey lamp"], "en")
    assert [phonetics.decode(one.phonemes) for one in found] == ["kəmpjuɾɚ", "heɪlæmp"]
    assert found[1].text == "hey lamp"
    with pytest.raises(UserError, match="does not speak it"):
        lexicon.pronounce(["x"], "xx")
