"""Scenes on real recordings, as a user starts it: from clips to firmware, devices in the table."""

import json
from pathlib import Path

import pytest

import tflite_model
from tests.edge_tf.data.scenes.scene_folders import ALL_DEVICES, make_tau
from tests.pipelines.bad_input_test import refused_early
from tests.pipelines.run_test import BOARDS
from tests.pipelines.starting import start
from tflite_model import sparsity

DEVICES = ["recorded", "sim1", "sim2"]
BUDGET_KB = 6


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("scenes_cache")


@pytest.fixture(scope="module")
def finished(real_scenes, tmp_path_factory, cache) -> tuple[Path, str]:
    """A short run with ResNorm in the front-end: its folder and what it printed."""
    run = tmp_path_factory.mktemp("scenes") / "run"
    done = start(
        "run",
        "--task=scenes",
        f"--data_dir={real_scenes}",
        "--fold=2",
        "--simulated_devices=2",
        f"--run_dir={run}",
        f"--cache_dir={cache}",
        "--epochs=3",
        "--device_augmentation=0.5",
        "--equalizer_augmentation=0.5",
        "--max_clips=60",
        "--error_clips=0",
        "--representative_clips=60",
        "--max_drop=100",  # it learns little in so short a time; bytes are what is asked for
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return run, done.stdout


def report(run: Path) -> dict:
    return json.loads((run / "report.json").read_text())


def test_every_hop_that_must_agrees_in_every_byte(finished):
    rows = {row["engine"]: row for row in report(finished[0])["hops"]}
    exact = ["tflite_micro", *(f"emitted_c_{b}{s}" for b in BOARDS for s in ("", "_pcm"))]
    assert set(exact) <= set(rows)
    for name in exact:
        row = rows[name]
        if row["unavailable"]:
            assert "apt-get install" in row["unavailable"]
            continue
        assert row["bit_exact_required"] and row["differing_bytes"] == 0
        assert row["total_bytes"] == 10 * row["clips"]


def test_the_front_end_of_floats_and_that_of_integers_decide_alike(finished):
    rows = {row["engine"]: row for row in report(finished[0])["hops"]}
    assert abs(rows["litert_reference_integer"]["change_points"]) <= 5.0


def test_devices_have_rows_and_training_heard_one_of_them(finished):
    run, printed = finished
    assert "by recording device" in printed
    for row in report(run)["hops"]:
        if row["unavailable"]:
            continue
        each = row["by_device"]["each"]
        assert [one["device"] for one in each] == DEVICES
        assert [one["is_seen"] for one in each] == [True, False, False]
        assert sum(one["clips"] for one in each) == row["clips"]
        assert all(one["clips"] and one["log_loss"] > 0 for one in each)


def test_the_run_says_what_made_it(finished):
    stages = json.loads((finished[0] / "config.json").read_text())["stages"]
    trained = stages["train"]
    assert trained["model"] == {"name": "bc_resnet_asc", "tau": 1.0}
    assert (trained["data"]["fold"], trained["data"]["simulated_devices"]) == (2, 2)
    frontend = json.loads((finished[0] / "frontend.json").read_text())["frontend"]
    assert (frontend["normalization"], frontend["norm_lambda"]) == ("residual", 0.1)
    assert (frontend["mel_bands"], frontend["window"], frontend["hop"]) == (64, 1024, 480)
    assert frontend["clip_samples"] == 80_000  # as long as the clips are
    assert trained["augmentation"]["device_probability"] == 0.5


def test_both_flavours_are_there(finished):
    assert (finished[0] / "firmware" / "src" / "model_runner.cpp").exists()
    header = (finished[0] / "firmware_c" / "src" / "frontend.h").read_text()
    assert "int16_t" in header  # frames wait for the statistics of their window
    assert (finished[0] / "labels.txt").read_text().split()[0] == "baby_cry"


def test_statistics_within_the_graph(real_scenes, tmp_path, cache):
    """RFN at the input and behind each stage, as ops: every engine gives the same bytes."""
    run = tmp_path / "run"
    done = start(
        "run",
        "--task=scenes",
        f"--data_dir={real_scenes}",
        f"--run_dir={run}",
        f"--cache_dir={cache}",
        "--simulated_devices=0",
        "--norm=relaxed",
        "--norm_at=input,stages",
        "--mix_style=0.5",
        "--mel_bands=32",
        "--epochs=1",
        "--max_clips=20",
        "--error_clips=0",
        "--representative_clips=40",
        "--max_drop=100",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ops = tflite_model.read(run / "model_int8.tflite").op_counts()
    assert ops["RSQRT"] == 10 and ops["SUB"] == 10  # two statistics at five places
    rows = report(run)["hops"]
    compared = [row for row in rows if row["bit_exact_required"] and not row["unavailable"]]
    assert len(compared) >= 4
    assert all(row["differing_bytes"] == 0 for row in compared)
    assert all(row["by_device"] is None for row in rows)  # all were recorded by one


def test_recordings_of_several_devices_and_a_budget(tmp_path):
    """The layout of TAU Urban: devices come from names, those that training lacks are unseen.

    The budget is counted in the graph that convert then makes, without a flag.
    """
    root = make_tau(tmp_path / "tau", seconds=0.6)
    run, cache_dir = tmp_path / "run", f"--cache_dir={tmp_path / 'cache'}"
    flags = ["--task=scenes", f"--data_dir={root}", "--device_translation=0.5", "--mel_bands=32"]
    budget = ["--recipe=prune_qat", "--epochs=2", f"--target_nonzero_kb={BUDGET_KB}"]
    judging = ["--max_drop=100", "--error_clips=0", "--boards=host"]
    for stage, more in (
        ("train", [*flags, "--epochs=1"]),
        ("compress", budget),
        ("convert", ["--representative_clips=20"]),
        ("evaluate", judging),
    ):
        done = start(stage, f"--run_dir={run}", cache_dir, *more)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (run / "translator.keras").exists()
    size = sparsity.parameter_size(tflite_model.read(run / "model_int8.tflite"))
    assert 0.95 * BUDGET_KB < size.nonzero_kb <= BUDGET_KB
    assert f"{size.nonzero_bytes:,} bytes" in done.stdout  # the gate's line
    assert json.loads((run / "config.json").read_text())["stages"]["convert"]["graph"] == "plain"
    rows = report(run)["hops"]
    assert not [row for row in rows if "cortex" in row["engine"]]
    for row in rows:
        each = row["by_device"]["each"]
        assert [one["device"] for one in each] == list(ALL_DEVICES)
        assert [one["device"] for one in each if not one["is_seen"]] == ["s4", "s5", "s6"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--task=scenes", "--words=a,b"], "--words cannot be combined with --task=scenes"),
        (["--task=scenes", "--mel_bands=40"], "it accepts multiples of 32"),
        (["--task=scenes", "--streaming"], "cannot run on streams"),
        (["--task=scenes", "--norm_at=output"], "--norm_at=output is not valid"),
        (["--task=scenes", "--norm_at=frontend,input"], "would apply the norm twice"),
        (["--task=scenes", "--model=ds_cnn", "--norm_at=stages"], "has no norms inside"),
        (["--task=scenes", "--norm=none", "--norm_lambda=0.2"], "--norm_lambda needs a norm"),
        (["--task=scenes", "--mix_style=0.5"], "has removed"),
        (
            ["--task=scenes", "--device_responses=x"],
            "--device_responses has no effect without --device_augmentation",
        ),
        (["--task=words", "--device_augmentation=0.5"], "is only for scenes"),
        (["--task=words", "--streaming", "--norm=residual"], "needs a whole window"),
        (["--task=words", "--fold=2"], "--fold cannot be combined with --task=words"),
        (["--task=scenes", "--fold=6"], "fold"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(flags, told, real_scenes, tmp_path):
    run = tmp_path / "run"
    assert told in refused_early("train", f"--data_dir={real_scenes}", f"--run_dir={run}", *flags)
    assert not run.exists()
