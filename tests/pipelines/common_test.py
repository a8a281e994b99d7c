"""The data flags: what is recorded of them, what is refused, and records of earlier versions."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_tf import files, records, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import tasks
from edge_tf.data.dataset import Dataset
from edge_tf.data.words.fewshot_words import WORDS
from edge_tf.run_records import FrontendFile
from edge_tf.settings import DataFlags
from tests.edge_tf.data.scenes.scene_folders import make_esc_folders, make_tau
from tests.edge_tf.data.words.word_folders import make
from tests.edge_tf.recorded import data_flags as recorded_flags
from tests.edge_tf.recorded import trained

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json
from edge_tf import files, records, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from pipelines import app, common
common.define_run_dir()
common.define_data()
app.run(lambda: print(json.dumps(records.to_json(common.data_flags()))))
"""
NEW = {"rules": 2}  # and what runs on words have besides, if it is not as it always was
OF_WORDS: dict[str, object] = {"words": [], "split_lists": None, "test_dir": None, "data_seed": 0}


def data_flags(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    places = (f"--run_dir={folder / 'run'}", f"--data_dir={folder}")
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *places, *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def recorded(folder: Path, *flags: str) -> dict[str, object]:
    done = data_flags(folder, *flags)
    assert (done.returncode, done.stderr) == (0, "")
    values: dict[str, object] = json.loads(done.stdout)
    return values


def load(values: dict[str, object]) -> Dataset:
    """The data of a run whose config.json has these values."""
    return tasks.load(records.from_json(values, DataFlags, "config.json"))


def test_runs_on_words_are_recorded_as_before_there_were_scenes(tmp_path):
    values = recorded(tmp_path, "--task=words")
    assert values == {
        "data_dir": str(tmp_path),
        "task": "words",
        **OF_WORDS,
        **NEW,
        "unknown_share": None,
    }


def test_published_tasks_keep_their_share_of_unknown_words(tmp_path):
    for task in ("kws12", "kws35"):
        values = recorded(tmp_path, f"--task={task}")
        assert values == {"data_dir": str(tmp_path), "task": task, **OF_WORDS, **NEW}


def test_what_is_given_of_a_folder_of_words_is_recorded_and_loads(tmp_path):
    make(tmp_path, ("lamp", "music", "noise"))
    given = {"unknown_share": 0.5, "speaker_pattern": "*/{speaker}_*", "background": ["noise"]}
    flags = (*(f"--{name}={given[name]}" for name in list(given)[:2]), "--background_labels=noise")
    values = recorded(tmp_path, "--task=words", "--words=lamp,noise", *flags)
    expected = {**OF_WORDS, **given, **NEW, "words": ["lamp", "noise"]}
    assert values == {"data_dir": str(tmp_path), "task": "words", **expected}
    assert load(values).counts("training") == {
        "_silence_": 2,
        "_unknown_": 1,
        "lamp": 2,
        "noise": 2,
    }


def test_a_recorded_run_on_words_still_loads(tmp_path):
    root = make(tmp_path, ("lamp", "music"))
    dataset = load({"data_dir": str(root), "task": "words", **OF_WORDS})
    assert dataset.labels == ("_silence_", "lamp", "music")


AGAIN = """
from pipelines import app, common
common.define_run_dir()
common.define_data_again()
app.run(lambda: print(len(common.run_data(common.run_directory()).clips("testing").names)))
"""


def again(*flags: str) -> subprocess.CompletedProcess[str]:
    """A stage after training, which reads the run's data."""
    command = [sys.executable, "-c", AGAIN, *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_lists_and_test_folders_that_have_moved_are_named_to_later_stages(tmp_path):
    root = make(tmp_path / "data", ("lamp", "stop"), noise=False)
    lists = tmp_path / "lists"
    lists.mkdir()
    for number, split in enumerate(("training", "validation", "testing")):
        speaker = ("00000001", "00000000", "00000002")[number]
        rows = "".join(f"{w}\t{w}/{speaker}_nohash_0.wav\t\t\n" for w in ("lamp", "stop"))
        (lists / f"{split}.tsv").write_text("label\tclip\tstart\tgain\n" + rows)
    test = make(tmp_path / "test", ("lamp", "stop"), noise=False)
    run = run_dir.RunDirectory(tmp_path / "run").create()
    (run / run_dir.LABELS).write_text("lamp\nstop\n")
    front = FrontendFile(frontend=FrontendConfig())
    files.write_json(run / run_dir.FRONTEND, records.to_json(front))
    given = {"data_dir": str(root), "split_lists": str(lists), "test_dir": str(test)}
    run.record(trained(data=recorded_flags(**given), labels=("lamp", "stop")))
    flags = [f"--run_dir={run.path}", f"--cache_dir={tmp_path / 'cache'}"]
    for name, place in given.items():
        flags.append(f"--{name}={Path(place).rename(tmp_path / f'moved {name}')}")
    assert again(*flags).stdout == "{'lamp': 6, 'stop': 6}\n"
    refused = again(*flags[:4])
    assert refused.returncode == 2 and "or give the --test_dir they have moved to" in refused.stderr
    refused = again(*flags[:3], flags[4])
    assert refused.returncode == 2 and "name it again if it has moved" in refused.stderr
    run.record(trained(data=recorded_flags(flags[2].partition("=")[2]), labels=("lamp", "stop")))
    refused = again(*flags)
    assert (
        refused.returncode == 2
        and "was trained without --split_lists; leave it out" in refused.stderr
    )


@pytest.mark.parametrize("number", [-1, 2])
def test_a_run_on_scenes_is_recorded_and_loads(tmp_path, number):
    root = make_esc_folders(tmp_path)
    flags = ("--fold=3", "--data_seed=1") + (f"--simulated_devices={number}",) * (number != -1)
    values = recorded(root, "--task=scenes", *flags)
    scenes = {"fold": 3, "simulated_devices": number}
    expected = {"data_dir": str(root), "task": "scenes", **OF_WORDS, **scenes, "data_seed": 1}
    assert values == expected
    clips = load(values).splits["testing"]
    assert all("/3-" in clip.path for clip in clips)
    assert len({clip.device for clip in clips}) == 1 + (6 if number == -1 else number)


def test_tau_has_unseen_devices_of_its_own(tmp_path):
    values = recorded(make_tau(tmp_path), "--task=scenes")
    assert not any(clip.simulated for clip in load(values).splits["testing"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--task=scenes", "--words=yes"),
            "--words cannot be combined with --task=scenes; leave one out",
        ),
        (
            ("--task=scenes", "--split_lists=x"),
            "--split_lists cannot be combined with --task=scenes",
        ),
        (("--task=scenes", "--test_dir=x"), "--test_dir cannot be combined with --task=scenes"),
        (("--task=scenes", "--download=0.02"), "--download cannot be combined with --task=scenes"),
        (
            ("--task=kws12", "--fold=2"),
            "--fold cannot be combined with --task=kws12; leave one out",
        ),
        (
            ("--task=words", "--simulated_devices=3"),
            "--simulated_devices cannot be combined with --task",
        ),
        (
            ("--task=words", "--split_lists=x", "--words=a"),
            "--words has no effect with --split_lists, which lists each clip; leave one out",
        ),
        (("--task=kws35", "--unknown_share=2"), "--unknown_share cannot be combined with --task"),
        (
            ("--task=scenes", "--background_labels=x"),
            "--background_labels cannot be combined with --task=scenes",
        ),
        (("--task=scenes", "--data_dir="), "--data_dir is missing; give a data set of scenes"),
        (("--task=scenes", "--fold=0"), "--fold=0"),
        (("--task=scenes", "--simulated_devices=101"), "--simulated_devices=101"),
    ],
)
def test_flags_of_another_task_are_refused(tmp_path, flags, message):
    failed = data_flags(tmp_path, *flags)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
    assert message in failed.stderr


AGAIN = """
from edge_tf.run_dir import RunDirectory
from pipelines import app, common
common.define_run_dir()
common.define_data_again()
app.run(lambda: print(common.run_data(common.run_directory())._dataset.counts("testing")))
"""


def test_data_lists_and_test_set_that_moved_are_found_by_their_flags(tmp_path):
    """The flags that errors of later stages name."""
    from edge_tf import files
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.data.dataset import SPLITS
    from edge_tf.data.words import folder_of_words
    from edge_tf.run_dir import RunDirectory
    from tests.edge_tf import recorded as records_of

    root = make(tmp_path / "data", ("lamp", "music"))
    whole = folder_of_words.load(root, "words")
    lists = tmp_path / "lists"
    lists.mkdir()
    for split in SPLITS:
        rows = [
            f"{whole.labels[clip.label]}\t{clip.path}\t\t"
            for clip in whole.splits[split]
            if clip.path and clip.start is None
        ]
        (lists / f"{split}.tsv").write_text("\n".join(["label\tclip\tstart\tgain", *rows, ""]))
    test = tmp_path / "test"
    for label in ("lamp", "music"):
        (test / label).mkdir(parents=True)
        first = next((root / label).iterdir())
        (test / label / "one.wav").write_bytes(first.read_bytes())
    run = RunDirectory(tmp_path / "run").create()
    files.write_text(run / "labels.txt", "lamp\nmusic\n")
    files.write_json(run / "frontend.json", {"frontend": FrontendConfig().to_dict()})
    flags = records_of.data_flags(root, split_lists=str(lists), test_dir=str(test))
    run.record(records_of.trained(data=flags, labels=("lamp", "music")))
    for path in (root, lists, test):
        path.rename(path.with_name(f"new {path.name}"))

    def again(*names: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        places = (f"--{name}={tmp_path / f'new {folder}'}" for name, folder in names)
        return subprocess.run(
            [sys.executable, "-c", AGAIN, f"--run_dir={run.path}", *places],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )

    data, listed, tested = ("data_dir", "data"), ("split_lists", "lists"), ("test_dir", "test")
    failed = again(data, tested)
    assert failed.returncode == 2 and "--split_lists names a folder" in failed.stderr
    failed = again(data, listed)
    assert failed.returncode == 2 and f"--test_dir={test} has no clips" in failed.stderr
    found = again(data, listed, tested)
    assert (found.returncode, found.stdout) == (0, "{'lamp': 1, 'music': 1}\n")
    run.record(records_of.trained(data=records_of.data_flags(root), labels=("lamp", "music")))
    failed = again(data, tested)
    assert failed.returncode == 2 and "was trained without --test_dir; leave it" in failed.stderr


def test_auxiliary_words_of_the_data_itself_move_with_it(tmp_path):
    root = make(tmp_path / "data", (*(w for words in WORDS.values() for w in words), "tree"))
    flags = recorded_flags(str(root), task="fewshot", auxiliary=(str(root),))
    labels = load(records.to_json(flags)).labels
    run = run_dir.RunDirectory(tmp_path / "run").create()
    (run / run_dir.LABELS).write_text("".join(f"{label}\n" for label in labels))
    front = FrontendFile(frontend=FrontendConfig())
    files.write_json(run / run_dir.FRONTEND, records.to_json(front))
    run.record(trained(data=flags, labels=labels))
    moved = root.rename(tmp_path / "moved")
    given = (f"--run_dir={run.path}", f"--cache_dir={tmp_path / 'cache'}")
    found = again(*given, f"--data_dir={moved}")
    assert "tree" in labels and found.stdout.startswith("{"), found.stderr
    refused = again(*given)
    assert refused.returncode == 2 and f"--data_dir={root} is not a folder" in refused.stderr
