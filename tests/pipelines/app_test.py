"""What every binary shares: exit statuses, one-line errors, help, and what it says on the way."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import errno, logging, sys, time
from absl import flags, logging as absl_logging
from edge_tf.errors import GateError, UserError
from firmware_export.errors import ExportError
from pipelines import app
flags.DEFINE_integer("count", 1, "How many.", lower_bound=1)
flags.DEFINE_enum("kind", "a", ["a", "b"], "Which.")
def main():
"""


def command(body: str, *arguments: str) -> list[str]:
    main = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return [sys.executable, "-c", f"{PRELUDE}{main}\napp.run(main)\n", *arguments]


def run(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(body, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_done_is_status_0_with_nothing_on_standard_error():
    done = run("print('result', flags.FLAGS.count)", "--count=3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "result 3\n", "")


@pytest.mark.parametrize(
    ("raised", "status", "line"),
    [
        ("UserError('x.wav: broken', 'mend it')", 2, "x.wav: broken; mend it"),
        ("UserError('a\\nb   c')", 2, "a b c"),
        ("ExportError('m.tflite: broken; mend it')", 2, "m.tflite: broken; mend it"),
        ("GateError('bytes differ')", 1, "bytes differ"),
        (
            "KeyboardInterrupt",
            130,
            "interrupted; run the same command again to continue after what is finished",
        ),
        (
            "OSError(errno.ENOSPC, 'full', '/run/float.keras')",
            2,
            "No space left on device: /run/float.keras; free some space or choose other folders "
            "(--run_dir, --cache_dir), then run the same command again",
        ),
        (
            "PermissionError(errno.EACCES, 'no', '/run')",
            2,
            "Permission denied: /run; check the path and its permissions, "
            "then run the same command again",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_line(raised, status, line):
    failed = run(f"raise {raised}")
    assert (failed.returncode, failed.stdout) == (status, "")
    assert failed.stderr == f"error: {line}\n"


def test_a_device_that_is_full_for_real():
    failed = run("with open('/dev/full', 'w') as out: out.write('x')")
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: No space left on device; free some space")
    assert failed.stderr.count("\n") == 1


def test_a_file_that_cannot_be_closed_on_a_full_disk_adds_no_traceback():
    """As zipfile does, which the Keras format is written with."""
    body = """
    class HalfWritten:
        def __del__(self):
            raise OSError(errno.ENOSPC, "No space left on device")
    half_written = HalfWritten()
    raise OSError(errno.ENOSPC, "No space left on device", "model.keras")
    """
    failed = run(body)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: No space left on device: model.keras; ")
    assert failed.stderr.count("\n") == 1


def test_tensorflow_tells_a_full_disk_in_words():
    body = """
    class ResourceExhaustedError(Exception):
        __module__ = "tensorflow.python.framework.errors_impl"
    raise ResourceExhaustedError(
        "{{function_node __wrapped__SaveV2}} /run/a b/ckpt-1.data.tempstate12; "
        "No space left on device [Op:SaveV2]"
    )
    """
    failed = run(body)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: No space left on device: /run/a b/ckpt-1.data; free")
    assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize("raised", ["ValueError('a mistake')", "OSError('no number')"])
def test_a_mistake_of_ours_keeps_its_traceback(raised):
    failed = run(f"raise {raised}")
    assert failed.returncode == 1
    assert "Traceback" in failed.stderr


def test_ctrl_c_is_status_130_in_one_line():
    # A shell that runs the tests in the background lets them, and what they start, ignore it.
    heeds = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    body = f"{heeds}print('ready', flush=True)\ntime.sleep(60)"
    with subprocess.Popen(
        command(body), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None and started.stdout.readline() == "ready\n"
        time.sleep(0.2)
        started.send_signal(signal.SIGINT)
        _, stderr = started.communicate(timeout=30)
    assert started.returncode == 130
    assert stderr.startswith("error: interrupted") and stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("argument", "cause"),
    [
        ("--no_such=1", "no_such"),
        ("--count=many", "--count=many"),
        ("--count=0", "--count=0"),
        ("--kind=c", "--kind=c"),
        ("--count", "count"),
        ("stray", "unexpected argument 'stray'"),
    ],
)
def test_a_wrong_flag_is_one_line_and_status_2(argument, cause):
    failed = run("raise SystemExit('main ran')", argument)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
    assert cause in failed.stderr


@pytest.mark.parametrize("argument", ["--help", "-h", "--helpshort", "-help", "--helpfull"])
def test_help_is_status_0_and_runs_nothing(argument):
    shown = run("raise SystemExit('main ran')", "--count=0", argument)
    assert (shown.returncode, shown.stderr) == (0, "")
    default = "(default: '1')" if argument == "--helpfull" else "(default: 1)"
    assert "--count" in shown.stdout and default in shown.stdout
    assert ("helpxml" in shown.stdout) == (argument == "--helpfull")


def test_notes_of_this_project_are_shown_and_other_libraries_are_quiet():
    body = """
    logging.getLogger("edge_tf.data").info("3 clips resampled")
    logging.getLogger("other").info("chatter")
    logging.getLogger("edge_tf.data").warning("1 file is short")
    absl_logging.info("more chatter")
    """
    assert run(body).stderr == "3 clips resampled\nwarning: 1 file is short\n"
    loud = run(body, "--verbosity=0").stderr
    assert "3 clips resampled" in loud and "more chatter" in loud


SHARED = ("run_dir", "data_dir", "split_lists", "test_dir", "cache_dir")
TRAINING = (
    *("task", "words", "data_seed", "download"),
    *("unknown_share", "speaker_pattern", "background_labels"),
    *("fold", "simulated_devices"),
    *("model", "tau", "epochs", "batch_size", "peak_rate", "seed"),
    *("padding", "mel_bands", "hop_ms", "clip_ms"),
)


@pytest.mark.parametrize(
    ("binary", "names"),
    [
        ("train", (*SHARED, *TRAINING)),
        ("convert", (*SHARED, "representative_clips", "graph")),
        ("evaluate", (*SHARED, "max_drop", "max_clips")),
        ("benchmark", (*SHARED, "steps", "clips", "out", "targets")),
        ("export_firmware", ("run_dir", "out", "flavor")),
        ("export_android", ("run_dir", "out")),
        ("run", (*SHARED, *TRAINING, "representative_clips", "graph", "max_drop", "max_clips")),
    ],
)
def test_help_lists_every_flag_of_a_binary_also_the_shared_ones(binary, names):
    shown = subprocess.run(
        [sys.executable, "-m", f"pipelines.{binary}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.returncode == 0
    for name in names:
        assert f"\n  --{name}=" in shown.stdout
