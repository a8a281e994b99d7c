"""Which synthesizers are used, and what is said of those that are not."""

import pytest

from edge_tf.data.synthesis.voices import registry
from edge_tf.errors import UserError
from tests.edge_tf.data.synthesis.tones import Tones


class Missing(Tones):
    def missing(self) -> str:
        return f"{self.name} is not installed; run: make voices"


@pytest.fixture(autouse=True)
def synthesizers(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Tones("espeak"), Missing("kokoro")
    monkeypatch.setattr(registry, "SYNTHESIZERS", {"espeak": one, "kokoro": other})


def names(*wanted: str) -> list[str]:
    return [synthesizer.name for synthesizer in registry.chosen(wanted, "en")]


def test_without_names_all_that_are_installed():
    assert names() == ["espeak"]
    assert names("espeak", "espeak") == ["espeak"]


def test_the_neural_voices_are_named_where_they_are_not_installed():
    assert registry.hint(names()).endswith("run: make voices")
    assert registry.hint(["espeak", "kokoro"]) == ""
    registry.SYNTHESIZERS["kokoro"] = Tones("kokoro")
    assert registry.hint(["espeak"]) == ""


def test_what_cannot_be_used_is_refused_with_the_remedy():
    with pytest.raises(UserError, match="--synthesizers=kokoro: kokoro is not installed; run"):
        names("kokoro")
    with pytest.raises(UserError, match="there is no 'piper'; name some of espeak, kokoro"):
        names("piper")
    registry.SYNTHESIZERS["espeak"] = Tones("espeak", voices=0)
    with pytest.raises(UserError, match="espeak does not speak it"):
        names("espeak")
    with pytest.raises(UserError, match="no synthesizer speaks it"):
        names()
