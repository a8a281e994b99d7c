"""A run on episodes from training to the hop table, with a network of one convolution."""

import json
from pathlib import Path

import pytest

from edge_tf import run_dir
from edge_tf.conversion import stage as conversion
from edge_tf.data import tasks
from edge_tf.data.run_data import RunData
from edge_tf.errors import UserError
from edge_tf.evaluation import stage
from edge_tf.evaluation.hops.hop_table import HopTable
from edge_tf.fewshot import recogniser_file
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import TrainRecord
from edge_tf.training import stage as training
from edge_tf.training.fewshot import fewshot_fit
from firmware_export.boards.board import HOST
from pipelines import export_firmware
from tests.edge_tf.training.fewshot import fewshot_fit_test
from tests.edge_tf.training.fewshot.fewshot_fit_test import data as data  # a fixture
from tests.firmware_export.standalone.exports import self_test


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> RunDirectory:
    """A run that was trained and converted."""
    folder = tmp_path_factory.mktemp("chain")
    made = RunDirectory(folder / "run").create()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fewshot_fit, "build_model", fewshot_fit_test.network)
        training.train(made, fewshot_fit_test.ask(data))
    conversion.convert(made, data_of(made), 20)
    return made


def data_of(run: RunDirectory) -> RunData:
    return RunData(run, tasks.load, run.path.parent / "cache")


@pytest.fixture(scope="module")
def table(run) -> HopTable:
    return stage.evaluate(run, data_of(run), 100.0, error_clips=10, boards=(HOST,))


def test_all_integer_hops_have_the_same_bytes_and_so_the_same_figures(table):
    rows = {row.engine: row for row in table.rows}
    reference = rows["litert_reference"]
    for engine in ("tflite_micro", "emitted_c_host"):
        if not rows[engine].unavailable:
            assert rows[engine].differing_bytes == 0
            assert rows[engine].by_shots == reference.by_shots
    assert reference.by_shots is not None
    assert [one.shots for one in reference.by_shots] == [1, 5, 10]
    assert not table.failed


def test_the_emitted_c_hears_what_the_reference_hears(table):
    rows = {row.engine: row for row in table.rows}
    assert rows["emitted_c_host_pcm"].differing_bytes == 0
    assert rows["emitted_c_host_pcm"].by_shots == rows["litert_reference_integer"].by_shots


def test_the_report_tells_episodes_and_no_classes(run, table):
    report = json.loads((run / run_dir.REPORT_JSON).read_text())
    assert report["labels"] == ["down", "four", "left", "marvin", "right", "stop", "two"]
    assert report["confusion_matrix"] is None
    assert report["hops"][0]["by_shots"][1]["shots"] == 5
    assert not (run / run_dir.PREDICTIONS).exists()
    assert report["settings"]["stages"]["train"]["fewshot"]["test_digest"]


def test_a_threshold_is_chosen_and_tested(run, table):
    found = recogniser_file.load(run)
    assert found.words == ("cat", "eight", "up", "zero")
    assert found.chosen.accepted <= 0.01
    (_, five, _) = table.rows[0].by_shots
    assert 0.0 <= five.missed <= 1.0 and 0.0 <= five.accepted <= 1.0
    report = json.loads((run / run_dir.REPORT_JSON).read_text())
    assert report["hops"][0]["by_shots"][1]["missed"] == pytest.approx(five.missed)


def test_the_export_learns_words_with_what_was_chosen(run, table, tmp_path):
    """From the run to C that runs: the network's self-test, and the run's dummies and threshold."""
    manifest = export_firmware.export(run.path, tmp_path / "c", "standalone")
    chosen = recogniser_file.load(run).chosen
    told = manifest["learning"]
    assert (told["threshold"], told["unlike"]) == (chosen.score, chosen.unlike)
    assert told["dummies"] and told["about"].startswith("The threshold was chosen on cat, eight")
    status, line = self_test(tmp_path / "c", tmp_path)
    assert (status, line) == (0, "0 of 6 bytes differ")
    with pytest.raises(UserError, match="--background_labels has no effect"):
        export_firmware.export(run.path, tmp_path / "d", "standalone", background=["down"])


def test_a_threshold_of_another_network_is_refused(run, table, tmp_path):
    path = run / run_dir.RECOGNISER
    kept = path.read_text()
    path.write_text(kept.replace(recogniser_file.load(run).model_sha256, "0" * 64))
    try:
        with pytest.raises(UserError, match="was chosen for another network"):
            recogniser_file.load(run)
    finally:
        path.write_text(kept)


def test_clips_cannot_be_left_out_of_episodes(run):
    with pytest.raises(UserError, match="--max_clips takes clips out of the episodes"):
        stage.evaluate(run, data_of(run), 1.0, max_clips=50)


def test_other_episodes_than_announced_are_refused(run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    config["stages"]["train"]["fewshot"]["test_digest"] = "other"
    kept = (run / "config.json").read_text()
    (run / "config.json").write_text(json.dumps(config))
    try:
        with pytest.raises(UserError, match="are not those that its training announced"):
            stage.evaluate(run, data_of(run), 1.0)
    finally:
        (run / "config.json").write_text(kept)


def test_what_needs_classes_refuses_the_run(run):
    assert run.stage(TrainRecord).model.embedding
    with pytest.raises(UserError, match="has no classes: --stream does not take it"):
        run.refuse_embedding("--stream")
    RunDirectory(Path("nowhere")).refuse_embedding("pipelines.stream")
