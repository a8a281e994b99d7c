"""train --task=fewshot as a user starts it, and the stages that do not take such a run."""

import dataclasses
import json
from pathlib import Path

import pytest

from edge_tf import records
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import EpisodeShape, FewShotTraining, ModelConfig
from tests.edge_tf import recorded
from tests.pipelines.bad_input_test import refused_early
from tests.pipelines.starting import start

SMALL = ("--tau=0.25", "--epochs=1", "--episodes=2", "--nostreaming")


@pytest.mark.slow
def test_the_stages_run_on_real_speech(real_data, tmp_path):
    """From training to a learnt word; a second training tells of the same episodes."""
    run, cache = tmp_path / "run", f"--cache_dir={tmp_path / 'cache'}"
    asked = ("--task=fewshot", f"--data_dir={real_data}", f"--run_dir={run}", cache, *SMALL)
    trained = start("train", *asked, f"--auxiliary={real_data}")
    assert trained.returncode == 0, trained.stderr
    assert "5 of down, four, left, marvin, right, stop, two; 1, 5, 10 takes" in trained.stdout
    assert "open-set accuracy" in trained.stdout
    record = json.loads((run / "config.json").read_text())["stages"]["train"]
    assert record["fewshot"]["auxiliary_classes"] > 10
    assert record["fewshot"]["test_digest"][:12] in trained.stdout
    other = start("train", *asked[:2], f"--run_dir={tmp_path / 'other'}", cache, *SMALL)
    assert record["fewshot"]["test_digest"][:12] in other.stdout, other.stderr
    converted = start("convert", f"--run_dir={run}", cache, "--representative_clips=20")
    assert converted.returncode == 0, converted.stderr
    judging = ("--boards=host", "--error_clips=0", "--max_drop=100")
    evaluated = start("evaluate", f"--run_dir={run}", cache, *judging)
    assert evaluated.returncode == 0, evaluated.stderr
    assert "AUROC %" in evaluated.stdout
    assert "% of other words are taken for one" in evaluated.stdout
    exported = start("export_firmware", f"--run_dir={run}")
    assert exported.returncode == 0, exported.stderr
    assert exported.stdout.startswith(f"firmware (standalone): {run / 'firmware_c'}: model ")
    takes = ",".join(map(str, sorted((real_data / "marvin").iterdir())[:8]))
    learnt = start("enroll", f"--run_dir={run}", "--word=it", f"--wav={takes}", "--least_takes=1")
    assert learnt.returncode == 0, learnt.stderr
    assert learnt.stdout.count(": taken\n") + learnt.stdout.count(": refused: ") == 8
    assert (run / "learnt.words").stat().st_size > 32
    again = start("train", *asked, f"--auxiliary={real_data}")
    assert "already finished, nothing to do" in again.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run that says what it is and has nothing else."""
    made = RunDirectory(tmp_path_factory.mktemp("few") / "run").create()
    fewshot = FewShotTraining("dproto", EpisodeShape(5, 5, 25, 25), 100, "")
    record = recorded.trained(model=ModelConfig(embedding=True), fewshot=fewshot)
    made.record(dataclasses.replace(record))
    assert records.to_json(record)["model"]["embedding"]
    return made.path


@pytest.mark.parametrize(
    "command",
    [
        ("export_android", "--run_dir={}"),
        ("compress", "--run_dir={}", "--recipe=qat"),
        ("stream", "--run_dir={}", "--wav=-"),
        ("benchmark", "--run_dir={}"),
        ("compare", "--runs={}", "--against={}"),
    ],
    ids=lambda command: command[0],
)
def test_stages_that_need_classes_say_so_at_once(run, command):
    stage, *flags = command
    told = refused_early(stage, *(flag.format(run) for flag in flags))
    assert f"has no classes: pipelines.{stage} does not take it" in told


def test_words_are_learnt_in_plain_c_alone(run):
    told = refused_early("export_firmware", f"--run_dir={run}", "--flavor=tflm")
    assert "--flavor=tflm does not learn words" in told and "--flavor=standalone" in told


@pytest.mark.parametrize(
    ("stage", "flags", "message"),
    [
        ("train", ("--batch_size=10",), "--batch_size has no effect with --task=fewshot"),
        ("train", ("--model=ds_cnn",), "--model=ds_cnn has no embedding; use --model=bc_resnet"),
        ("train", ("--words=yes",), "--words cannot be combined with --task=fewshot"),
        ("train", ("--task=kws12", "--method=proto"), "--method cannot be combined with"),
        ("run", (), "pipelines.run does not take --task=fewshot"),
    ],
)
def test_flags_that_do_not_fit_are_refused(tmp_path, stage, flags, message):
    places = (f"--data_dir={tmp_path}", f"--run_dir={tmp_path / 'run'}")
    assert message in refused_early(stage, *places, "--task=fewshot", *flags)
