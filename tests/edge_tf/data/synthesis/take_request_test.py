"""Requests for takes: accents are of English, a share, and absent from older records."""

import pytest

from edge_tf import records
from edge_tf.data.synthesis.take_request import TakeRequest, make_take_request
from edge_tf.errors import UserError


@pytest.mark.parametrize("language", ["en", "en-gb"])
def test_accents_are_a_share_of_the_speakers_of_english(language):
    assert make_take_request(["lamp"], 10, language=language, accents=0.4).accents == 0.4


@pytest.mark.parametrize(
    ("accents", "language", "message"),
    [
        (1.5, "en", "--accents=1.5 is out of range; give 0 to 1"),
        (-0.1, "en", "--accents=-0.1 is out of range; give 0 to 1"),
        (0.4, "de", "--accents are of English, not of --language=de; leave one out"),
    ],
)
def test_what_cannot_be_said_is_one_line(accents, language, message):
    with pytest.raises(UserError) as error:
        make_take_request(["lamp"], 10, language=language, accents=accents, unknown_words=["house"])
    assert str(error.value) == message


def test_a_request_without_accents_is_recorded_as_before_they_existed():
    plain = make_take_request(["lamp"], 10)
    document = records.to_json(plain)
    assert "accents" not in document
    assert records.from_json(document, TakeRequest, "takes.json", "request") == plain
