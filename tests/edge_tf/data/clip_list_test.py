"""The list of a run's clips: what changed since training is named."""

import dataclasses
import os

import numpy as np
import pytest

from edge_tf.data import clip_list
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.errors import UserError

LABELS = ("yes", "no")


def waves(*clips: tuple[str, int, int]) -> Waveforms:
    """Clips of a name, a label and a sound each."""
    digests = np.array([[sound] * 16 for _, _, sound in clips], np.uint8)
    return Waveforms(
        samples=np.zeros((len(clips), 1), np.int16),
        labels=np.array([label for _, label, _ in clips], np.int32),
        names=tuple(name for name, _, _ in clips),
        is_silence=np.zeros(len(clips), bool),
        devices=("",) * len(clips),
        fingerprint="",
        notes={},
        digests=digests,
    )


BEFORE = (("a.wav", 0, 1), ("b.wav", 1, 2), ("c.wav", 1, 3))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEFORE[::-1], "their order or number is another"),
        ((("a.wav", 0, 9), *BEFORE[1:]), "1 changed, such as a.wav, which has another sound"),
        ((("a.wav", 1, 1), *BEFORE[1:]), "1 changed, such as a.wav, which is no and was yes"),
        (BEFORE[1:], "1 missing, such as a.wav"),
        ((*BEFORE, ("d.wav", 0, 4)), "1 new, such as d.wav"),
        (
            (("a.wav", 0, 9), ("d.wav", 0, 4), ("e.wav", 0, 5)),
            "1 changed, such as a.wav, which has another sound, 2 missing, such as b.wav, "
            "2 new, such as d.wav",
        ),
    ],
)
def test_what_changed(tmp_path, now, expected):
    path = tmp_path / "clips.json"
    clip_list.save(path, {"testing": waves(*BEFORE)}, LABELS)
    assert clip_list.difference(path, "testing", waves(*now), LABELS) == expected


def test_a_name_that_is_not_unicode_and_a_damaged_list(tmp_path):
    path = tmp_path / "clips.json"
    odd = waves((os.fsdecode(b"caf\xe9.wav"), 0, 1))
    clip_list.save(path, {"training": odd}, LABELS)
    again = dataclasses.replace(odd, digests=odd.digests + 1)
    assert "caf\\xe9.wav" in clip_list.difference(path, "training", again, LABELS)
    path.write_text('{"training": [["a.wav", 1]]}')
    with pytest.raises(UserError, match=r"clips\.json: .*; restore it"):
        clip_list.difference(path, "training", odd, LABELS)
