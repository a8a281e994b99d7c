"""A word learnt from sound on emulated boards, and recognised there: the bytes of Python."""

from pathlib import Path

import pytest

from tests.firmware_export import learners, learning_board


@pytest.fixture(scope="module")
def firmware(tmp_path_factory) -> tuple[bytes, Path]:
    """The network, and the exported folder."""
    model = learners.model()
    out = tmp_path_factory.mktemp("learns") / "firmware"
    learners.export(model, out, True)
    return model, out


@pytest.mark.parametrize(
    "name",
    [
        "host",
        pytest.param("cortex-m4", marks=pytest.mark.firmware),
        pytest.param("cortex-m55", marks=pytest.mark.firmware),
        pytest.param("rv32", marks=pytest.mark.firmware),
    ],
)
def test_a_word_is_learnt_and_recognised_as_in_python(name, firmware, tmp_path):
    """Verdicts of the takes, the blob, and sample, distance and score of each word."""
    model, out = firmware
    found = learning_board.run(name, out, learners.TAKES, learners.SOUND, tmp_path)
    verdicts, words, told = learners.expected(model, True)
    assert found.status == 0 and found.verdicts == verdicts == ["TAKEN", "SILENT", "TAKEN"]
    assert found.blob == words.to_bytes()
    assert found.told == told and len(told) > 1
