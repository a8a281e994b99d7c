"""flite as a synthesizer."""

import numpy as np
import pytest

from edge_tf.data.synthesis.voices import flite
from edge_tf.data.synthesis.voices.flite import FliteVoices
from edge_tf.errors import UserError

FLITE = FliteVoices()


def test_takes_of_every_voice():
    if reason := FLITE.missing():
        pytest.skip(reason)
    voices = FLITE.voices("en")
    assert [voice.name for voice in voices] == ["slt", "awb", "kal16", "rms"]
    for voice in voices:
        take = FLITE.render("computer", voice, 0)
        assert 0.3 < len(take) / 16000 < 1.6 and np.abs(take).max() > 0.05
    faster = FLITE.render("computer", voices[0], 0, rate=1.3)
    assert len(faster) < 0.9 * len(FLITE.render("computer", voices[0], 0))
    higher = FLITE.render("computer", voices[0], 0, pitch=1.2)
    assert len(higher) == pytest.approx(len(FLITE.render("computer", voices[0], 0)), rel=0.05)
    assert FLITE.voices("de") == [] and FLITE.version()[0].isdigit()


def test_what_is_missing_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(flite.shutil, "which", lambda _: None)
    with pytest.raises(UserError, match="apt-get install flite"):
        FLITE.voices("en")
