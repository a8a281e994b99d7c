"""Compression as a user starts it: the whole chain on real speech, and what is refused at once."""

import json
import shutil

import pytest

import tflite_model
from edge_tf import files
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.run_dir import RunDirectory
from tests.edge_tf import recorded
from tests.pipelines.bad_input_test import refused_early, tree
from tests.pipelines.conftest import CONVERSION, TRAINING
from tests.pipelines.starting import start
from tflite_model import sparsity

RECIPE = ("--recipe=pqk", "--sparsity=0.7")


@pytest.fixture(scope="module")
def finished(words_chain, real_data, tmp_path_factory):
    """A trained run -> pqk -> convert -> evaluate -> export: its folder, what the chain printed.

    Emulated boards but one have had their turn in the chain without compression.
    """
    run = shutil.copytree(words_chain / "run", tmp_path_factory.mktemp("chain") / "run")
    flags = [
        f"--data_dir={real_data}",
        *TRAINING,
        *CONVERSION,
        *RECIPE,
        "--compress_epochs=2",
        f"--run_dir={run}",
        f"--cache_dir={words_chain / 'cache'}",
        "--error_clips=40",
        "--boards=host,cortex-m4",
        # It learns little from 40 clips a word, so no accuracy is asked for; bytes are.
        "--max_drop=100",
    ]
    done = start("run", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return run, done.stdout


def test_given_again_everything_is_left_as_it_is(finished, words_chain, real_data):
    """float.keras in particular, which the compression belongs to."""
    run, printed = finished
    assert "[1/6] train\nalready finished, nothing to do: trained 8 epochs" in printed
    here = (f"--run_dir={run}", f"--cache_dir={words_chain / 'cache'}")
    training = (f"--data_dir={real_data}", *TRAINING)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for stage, flags in (
        ("train", training),
        ("compress", (*RECIPE, "--epochs=2")),
        ("convert", CONVERSION),
    ):
        again = start(stage, *here, *flags)
        assert again.returncode == 0, again.stderr
        assert again.stdout.startswith("already finished, nothing to do: ")
    other = start("run", *here, *training, *RECIPE, "--compress_epochs=3")
    assert other.returncode == 2
    assert "(--compress_epochs: 2 recorded, 3 given); give --compress_epochs=2, or" in other.stderr
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_the_chain_tells_its_stages_and_has_the_compressed_hops(finished):
    run, printed = finished
    assert "[2/6] compress" in printed and "[3/6] convert" in printed
    report = json.loads((run / "report.json").read_text())
    rows = {row["engine"]: row for row in report["hops"]}
    assert list(rows)[:4] == ["keras", "keras_compressed", "keras_quantized", "litert_reference"]
    for engine in ("tflite_micro", "emitted_c_host", "emitted_c_cortex_m4"):
        assert rows[engine]["differing_bytes"] == 0 and rows[engine]["total_bytes"] > 500
    gates = {gate["name"]: gate["verdict"] for gate in report["gates"]}
    # Judged on 400 clips and more.
    assert gates["Keras, int8 simulated is within 0.5 points of int8"] == "not judged"
    assert (run / "firmware_c").is_dir() and (run / "firmware").is_dir()
    assert [epoch.get("phase") for epoch in report["learning_curve"]] == [
        *([None] * 8),
        *("prune_qat", "in_network_teacher"),
    ]


def test_the_zeros_asked_for_are_in_the_file_and_in_the_report(finished):
    run, _ = finished
    data = (run / "model_int8.tflite").read_bytes()
    counted = sparsity.count(data, tflite_model.parse(data, "model"))
    share = counted.share("CONV_2D")
    assert share is not None and share > 0.68
    report = json.loads((run / "report.json").read_text())
    assert report["sparsity"]["conv_2d"] == share
    assert report["settings"]["stages"]["compress"]["recipes"] == ["pqk"]
    assert report["settings"]["stages"]["convert"]["source"] == "compressed.keras"


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    """As far as flags are concerned, a trained run."""
    return as_trained(tmp_path / "run")


def as_trained(path, labels=("a", "b"), padding="causal") -> RunDirectory:
    run = RunDirectory(path).create()
    frontend = FrontendConfig(padding=padding).to_dict()
    files.write_text(run / "labels.txt", "".join(f"{label}\n" for label in labels))
    files.write_json(run / "frontend.json", {"frontend": frontend})
    (run / "float.keras").write_bytes(b"nothing")
    run.record(recorded.trained(labels=labels, frontend=FrontendConfig(padding=padding)))
    return run


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--recipe=squash",), "--recipe has 'squash'; choose from prune, qat, prune_qat, distill"),
        (("--recipe=prune", "--sparsity=1"), "--sparsity=1 is not in [0, 1); 0.8 sets 80 %"),
        (("--recipe=distill",), "--recipe=distill needs a teacher; name a larger run: --teacher"),
        (("--recipe=prune", "--prune=all"), "--prune has 'all'; choose from pointwise, stem, dep"),
        (("--recipe=prune", "--prune_by=all"), "--prune_by=all: value should be one of <layer|net"),
        (
            ("--recipe=prune", "--target_nonzero_kb=61", "--sparsity=0.5"),
            "--target_nonzero_kb and --sparsity cannot be combined; leave one of them out",
        ),
        (("--recipe=prune", "--target_nonzero_kb=0"), "--target_nonzero_kb=0 must be above 0"),
        (("--recipe=prune", "--target_nonzero_kb=-1"), "--target_nonzero_kb=-1 must be above 0"),
        (
            ("--recipe=prune", "--target_nonzero_kb=61", "--prune=stem,depthwise"),
            "--target_nonzero_kb cannot be met by depthwise kernels; leave depthwise out of --pru",
        ),
        (("--recipe=psg", "--bits=9"), "--bits=9 is not in 2 to 8"),
        (("--recipe=qat", "--sparsity=0.5"), "--sparsity changes nothing without a recipe that"),
        (("--recipe=prune", "--bits=4"), "--bits changes nothing without --recipe=psg; leave it"),
        (("--recipe=qat", "--temperature=3"), "--temperature changes nothing without --teacher_r"),
        (("--recipe=qat", "--teacher_run=OUT/none"), "none does not exist; make it with: python"),
    ],
)
def test_bad_flags_are_told_in_one_line_before_tensorflow_loads(run, tmp_path, flags, message):
    before = tree(run.path)
    given = [flag.replace("OUT", str(tmp_path)) for flag in flags]
    assert message in refused_early("compress", f"--run_dir={run.path}", *given)
    assert tree(run.path) == before


def test_a_run_without_a_float_model_names_the_command(run):
    (run / "float.keras").unlink()
    told = refused_early("compress", f"--run_dir={run.path}", "--recipe=qat")
    assert "float.keras is missing; make it with: python -m pipelines.train" in told


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"labels": ("a", "c")}, "has different labels from"),
        ({"padding": "reflect"}, "has a different front-end from"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(run, tmp_path, made, message):
    as_trained(tmp_path / "teacher", **made)
    flags = ("--recipe=distill", f"--teacher_run={tmp_path / 'teacher'}")
    assert message in refused_early("compress", f"--run_dir={run.path}", *flags)


def test_the_chain_refuses_a_recipe_before_it_trains(tmp_path):
    told = refused_early("run", f"--run_dir={tmp_path / 'new'}", "--recipe=squash")
    assert "--recipe has 'squash'" in told and not (tmp_path / "new").exists()
