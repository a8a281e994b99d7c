"""recogniser.json: what it says, and that it is read back."""

import dataclasses

import pytest

from edge_tf import files, run_dir
from edge_tf.errors import UserError
from edge_tf.fewshot import recogniser_file
from edge_tf.fewshot.recogniser_file import RecogniserFile
from edge_tf.fewshot.threshold import Chosen
from edge_tf.run_dir import RunDirectory
from firmware_export import packing
from tests.firmware_export import models

CHOSEN = Chosen(-70_000, 12_345, 0.0098, 0.612, 0.0095, 0.714)
CONTENT = RecogniserFile(
    model_sha256=packing.sha256(models.fully_connected()),
    shots=5,
    words=("cat", "up"),
    chosen=CHOSEN,
)


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    made = RunDirectory(tmp_path / "run").create()
    (made / run_dir.INT8_MODEL).write_bytes(models.fully_connected())
    return made


def test_it_is_read_back(run):
    recogniser_file.save(run, CONTENT)
    assert recogniser_file.load(run) == CONTENT


def test_it_says_what_it_costs():
    assert CONTENT.text() == (
        "chosen on cat, up with 5 takes each: 0.98 % of other words are taken for one, 61.2 % of "
        "the words for themselves"
    )
    assert CONTENT.takes_text().startswith("takes are refused that are further than 12,345 from")


def test_without_it_evaluate_is_named(run):
    with pytest.raises(UserError, match=r"recogniser.json is missing; .*pipelines.evaluate"):
        recogniser_file.load(run)


def test_what_is_damaged_or_of_another_network_is_refused(run):
    recogniser_file.save(run, dataclasses.replace(CONTENT, model_sha256="0"))
    with pytest.raises(UserError, match=r"was chosen for another network; .*pipelines.evaluate"):
        recogniser_file.load(run)
    files.write_json(run / run_dir.RECOGNISER, {"shots": "five"})
    with pytest.raises(UserError, match=r"recogniser\.json"):
        recogniser_file.load(run)
