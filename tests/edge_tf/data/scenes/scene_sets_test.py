"""Data sets of scenes: layouts, folds, splits that share nothing, devices, and what is refused."""

import collections
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio import devices
from edge_tf.data import sound_files, waveform_cache
from edge_tf.data.dataset import Dataset, Split
from edge_tf.data.scenes import scene_sets
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import tone, write
from tests.edge_tf.data.scenes.scene_folders import (
    ALL_DEVICES,
    SCENES,
    TRAINING_DEVICES,
    make_esc50,
    make_esc_folders,
    make_tau,
)


def paths(dataset: Dataset, split: Split) -> list[str]:
    return [clip.path for clip in dataset.splits[split]]


def sources(dataset: Dataset, split: Split) -> set[str]:
    """The second part of the names: location of TAU's (after the city), source of ESC's."""
    return {Path(path).name.split("-")[1] for path in paths(dataset, split)}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(("year", "pieces"), [(2020, 1), (2022, 2)])
def test_tau_follows_the_official_split_and_knows_the_devices(tmp_path, year, pieces):
    data = scene_sets.load(make_tau(tmp_path, year))
    assert data.labels == SCENES and data.noise == ()
    # Of four locations one is held out for validation.
    sizes = {split: len(clips) for split, clips in data.splits.items()}
    of_split = {"training": 2 * 3 * 6, "validation": 2 * 6, "testing": 2 * 9}
    assert sizes == {split: pieces * count for split, count in of_split.items()}
    assert data.devices("training") == data.devices("validation") == TRAINING_DEVICES
    assert data.devices("testing") == ALL_DEVICES
    for split, clips in data.splits.items():
        assert len(set(data.counts(split).values())) == 1
        for clip in clips:
            assert clip.path.endswith(f"-{clip.device}.wav") and clip.simulated == 0
            assert data.labels[clip.label] in clip.path
    listed = (tmp_path / "evaluation_setup" / "fold1_test.csv").read_text().split("\n")[1:-1]
    assert paths(data, "testing") == listed
    assert data.description == "scenes, TAU layout, fold 1, seed 0, 0 simulated devices"


def test_validation_of_tau_is_whole_locations(tmp_path):
    root = make_tau(tmp_path)
    for seed in range(5):
        data = scene_sets.load(root, seed=seed)
        places = {
            split: {re.findall(r"-(\d{4})-", path)[0] for path in paths(data, split)}
            for split in data.splits
        }
        assert {split: len(found) for split, found in places.items()} == {
            "training": 6,
            "validation": 2,
            "testing": 2,
        }
        assert len(set.union(*places.values())) == 10


@pytest.mark.parametrize("make", [make_esc50, make_esc_folders])
@pytest.mark.parametrize("fold", [1, 5])
def test_a_fold_of_esc_is_tested_as_it_is_and_through_six_devices(tmp_path, make, fold):
    data = scene_sets.load(make(tmp_path), fold)
    assert data.labels == ("dog", "rain")
    assert {split: len(clips) for split, clips in data.splits.items()} == {
        "training": 2 * 14,
        "validation": 2 * 2,  # of 16, a tenth
        "testing": 2 * 4 * 7,
    }
    for split in data.splits:
        in_fold = {Path(path).name.startswith(f"{fold}-") for path in paths(data, split)}
        assert in_fold == {split == "testing"}
    assert data.devices("training") == data.devices("validation") == ("recorded",)
    versions = collections.defaultdict(list)
    for clip in data.splits["testing"]:
        versions[clip.path].append((clip.simulated, clip.device))
    expected = [(0, "recorded"), *((n, f"sim{n}") for n in range(1, 7))]
    assert list(versions.values()) == [expected] * 8
    assert not any(c.simulated for s in ("training", "validation") for c in data.splits[s])


@pytest.mark.parametrize("make", [make_esc50, make_esc_folders])
def test_no_source_of_esc_is_in_two_splits(tmp_path, make):
    root = make(tmp_path)
    chosen = set()
    for seed in range(5):
        data = scene_sets.load(root, fold=2, seed=seed)
        found = [sources(data, split) for split in data.splits]
        assert sum(map(len, found)) == len(set.union(*found)) == 2 * 15
        chosen.add(frozenset(found[1]))
    assert len(chosen) > 1  # the seed chooses the validation, and only it
    again = scene_sets.load(root, fold=2, seed=0)
    assert again == scene_sets.load(root, fold=2, seed=0)
    assert again.splits["testing"] == data.splits["testing"]


def test_rows_of_the_table_are_the_task(tmp_path):
    """As ESC-10 is made of ESC-50: the audio of the other rows stays where it is."""
    root = make_esc50(tmp_path, ("dog", "rain", "cow"))
    table = root / "meta" / "esc50.csv"
    rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join(row for row in rows if ",cow," not in row))
    assert scene_sets.load(root).labels == ("dog", "rain")


def test_validation_takes_the_smallest_source_where_none_fits(tmp_path):
    root = make_esc_folders(tmp_path)
    table = root / "folds.csv"
    rows = table.read_text().splitlines()
    # One source a class and fold, of two clips: a tenth of the eight that are not tested is one.
    table.write_text("\n".join([rows[0], *(r for r in rows if re.match(r"\d-10\d\d\d0-", r))]))
    data = scene_sets.load(root, fold=1)
    assert paths(data, "validation") == [
        f"{label}/2-10{n}020-{take}.wav" for n, label in enumerate(data.labels) for take in "AB"
    ]


@pytest.mark.parametrize("given", [0, 2])
@pytest.mark.parametrize("make", [make_tau, make_esc50])
def test_as_many_simulated_devices_as_asked(tmp_path, make, given):
    root = make(tmp_path)
    data, plain = scene_sets.load(root, 1, given), scene_sets.load(root, 1, 0)
    assert len(data.splits["testing"]) == (1 + given) * len(plain.splits["testing"])
    assert {c.simulated for c in data.splits["testing"]} == set(range(given + 1))
    assert data.splits["training"] == plain.splits["training"]


def test_the_test_is_heard_through_the_simulated_devices(tmp_path):
    data = scene_sets.load(make_esc_folders(tmp_path / "esc"), simulated_devices=2)
    waves = waveform_cache.load(data, "testing", 16_000, 320, tmp_path / "cache")
    assert waves.devices[:4] == ("recorded", "sim1", "sim2", "recorded")
    assert waves.names[0] == waves.names[1] == waves.names[2] != waves.names[3]
    assert waves.labels[:3].tolist() == [0, 0, 0]
    for number in (1, 2):
        heard = devices.apply(np.array(waves.samples[0]), devices.simulated(number, 16_000))
        np.testing.assert_array_equal(waves.samples[number], heard)
        assert (waves.samples[number] != waves.samples[0]).any()
    assert (
        sum(waves.notes["heard through a simulated device"].values()) == len(waves.labels) * 2 // 3
    )


@pytest.mark.parametrize(
    ("make", "expected"), [(lambda root: make_tau(root, 2022, 0.1), 100), (make_esc50, 20)]
)
def test_the_length_of_the_clips_is_that_of_the_first(tmp_path, make, expected):
    assert scene_sets.clip_ms(make(tmp_path)) == expected


def test_a_source_in_two_folds_is_warned_of(tmp_path, caplog):
    root = make_esc_folders(tmp_path)
    edit(root / "folds.csv", "1-100010-A,dog,1", "1-100010-A,dog,2")
    scene_sets.load(root)
    assert "1 locations or sources of the test fold are also in other folds (100010)" in caplog.text


def test_a_whole_data_set_has_nothing_to_tell(tmp_path):
    assert scene_sets.load(make_esc_folders(tmp_path / "esc")).notes == ()
    assert scene_sets.load(make_tau(tmp_path / "tau")).notes == ()


def test_sounds_in_no_fold_are_counted(tmp_path, caplog):
    root = make_esc_folders(tmp_path)
    other = sound_files.OTHER_EXTENSIONS[-1]
    write(root / "dog" / "mine.wav", tone(200.0, seconds=0.02))
    (root / "rain" / f"x{other}").touch()
    (root / "rain" / "notes.txt").touch()
    data = scene_sets.load(root)
    assert (
        f"2 sound files are left out (1 in no fold, such as dog/mine.wav, 1 {other})"
        in (data.notes[0])
    )
    assert data.notes[0] in caplog.text
    (root / "rain" / f"x{other}").unlink()  # the remedy
    with (root / "folds.csv").open("a") as table:
        table.write("mine,dog,1\n")
    notes = scene_sets.load(root).notes
    assert len(notes) == 1 and "the sources of 1 of 41 clips are not known" in notes[0]
    assert "name clips FOLD-SOURCE-TAKE" in notes[0]
    (root / "dog" / "mine.wav").rename(root / "dog" / "1-7-A.wav")  # its remedy
    edit(root / "folds.csv", "mine,dog", "1-7-A,dog")
    assert scene_sets.load(root).notes == ()


@pytest.mark.parametrize("suffix", sound_files.EXTENSIONS)
def test_clips_of_esc_folders_may_have_any_format_that_can_be_read(tmp_path, suffix):
    root = make_esc_folders(tmp_path)
    (root / "dog" / "1-100010-A.wav").rename(root / "dog" / f"1-100010-A{suffix}")
    paths = {clip.path for clip in scene_sets.load(root).splits["testing"]}
    assert f"dog/1-100010-A{suffix}" in paths


TAU_META = "meta.csv"
TRAIN, EVALUATE = (f"evaluation_setup/fold1_{name}.csv" for name in ("train", "evaluate"))
FIRST = "audio/airport-lisbon-1000-40000-a.wav"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda r: (r / TAU_META).unlink(), r"meta\.csv cannot be read \(No such file"),
        (lambda r: (r / TRAIN).unlink(), r"fold1_train\.csv cannot be read \(No such file"),
        (lambda r: (r / FIRST).unlink(), rf"lacks 1 of 66 listed clips, such as {FIRST}; unpack"),
        (
            lambda r: edit(r / TRAIN, "\tairport", "\tairprot"),
            r"train\.csv, line 2: .* is 'airprot', in meta\.csv 'airport'",
        ),
        (
            lambda r: edit(r / EVALUATE, "lisbon-1004", "lisbon-1005"),
            r"evaluate\.csv, line 2: .*lisbon-1005.* is not in meta\.csv",
        ),
        (
            lambda r: edit(r / TAU_META, "40000-a.wav", "40000.wav"),
            r"meta\.csv, line 2: .*40000\.wav does not end in a device; expected names such",
        ),
        (
            lambda r: edit(r / TAU_META, "lisbon-1000\ta", "lisbon-1000\tb"),
            r"meta\.csv, line 2: .* is of device a, but source_label is 'b'",
        ),
        (
            lambda r: edit(r / TAU_META, "\tlisbon-1000\ta\n", "\tlisbon-1000\n"),
            r"meta\.csv, line 2: no source_label; expected filename, scene_label, identifier",
        ),
        (
            lambda r: edit(r / TRAIN, "filename\tscene_label", "filename,scene_label"),
            r"train\.csv has no column 'filename'; name .* separated by tabs",
        ),
        (
            lambda r: edit(r / EVALUATE, "filename\tscene_label\n", f"{FIRST}\n"),
            "evaluate.csv has no column 'filename'",
        ),
        (
            lambda r: edit(r / EVALUATE, "scene_label\n", f"scene_label\n{FIRST}\tairport\n"),
            r"evaluate\.csv, line 2: .* is listed twice",
        ),
        (
            lambda r: edit(r / TAU_META, "audio/airport", "/audio/airport"),
            r"meta\.csv, line 2: '/audio/.*' leaves --data_dir",
        ),
        (
            lambda r: (r / TRAIN).write_text(
                "\n".join(x for x in (r / TRAIN).read_text().split("\n") if "street" not in x)
            ),
            "the training split has no clips of 'street_traffic'; each class needs three",
        ),
    ],
)
def test_a_tau_that_is_damaged_is_told(tmp_path, damage: Callable[[Path], object], message):
    root = make_tau(tmp_path)
    damage(root)
    with pytest.raises(UserError, match=message):
        scene_sets.load(root)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "2-100020-A,dog,2",
            "2-100020-A,dog,0",
            r"folds\.csv, line 6: '0' is not a fold; expected",
        ),
        ("2-100020-A,dog,2", "2-100020-A,dog,two", r"line 6: 'two' is not a fold"),
        ("2-100020-A,dog,2", "2-100020-A,dog", r"line 6: no fold; expected name, class, fold"),
        ("2-100020-A,dog,2", "2-100020-A,dog,2,3", r"line 6: more cells than columns"),
        ("2-100020-A,dog,2", "2-100020-A,..,2", "line 6: '../2-100020-A' leaves --data"),
        ("2-100020-A,dog,2", "1-100010-A,dog,2", r"line 6: dog/1-100010-A\.wav is listed twice"),
        ("2-100020-A,dog,2", "2-100020-A,dig,2", "the training split has no clips of 'd.g'"),
        ("2-100020-A,dog,2", f"{'x' * 200_000},dog,2", r"folds\.csv, line 6: field larger"),
        ("2-100020-A,dog,2", "2-100020-X,dog,2", r"lacks 1 of 40 .*such as dog/2-100020-X\.wav"),
    ],
)
def test_rows_of_esc_that_make_no_sense_are_told(tmp_path, old, new, message):
    root = make_esc_folders(tmp_path)
    edit(root / "folds.csv", old, new)
    with pytest.raises(UserError, match=message):
        scene_sets.load(root)


@pytest.mark.parametrize(
    ("make", "fold", "there"), [(make_tau, 2, "1"), (make_esc50, 6, "1, 2, 3, 4, 5")]
)
def test_a_fold_that_does_not_exist_is_told(tmp_path, make, fold, there):
    with pytest.raises(
        UserError, match=rf"--fold={fold}: .* has no such fold; choose from {there}"
    ):
        scene_sets.load(make(tmp_path), fold)


def test_what_is_no_data_set_is_told(tmp_path):
    with pytest.raises(UserError, match="none is not a folder"):
        scene_sets.load(tmp_path / "none")
    with pytest.raises(UserError, match=r"not a data set of scenes; expected meta\.csv \(TAU"):
        scene_sets.clip_ms(tmp_path)
    (tmp_path / "folds.csv").write_bytes(b"name,class,fold\n\xff\n")
    with pytest.raises(UserError, match=r"folds\.csv cannot be read \('utf-8'"):
        scene_sets.load(tmp_path)
    (tmp_path / "folds.csv").write_text("name,class,fold\n\n")
    with pytest.raises(UserError, match=r"folds\.csv lists no clips"):
        scene_sets.load(tmp_path)
    with pytest.raises(UserError, match="has only one class"):
        scene_sets.load(make_esc_folders(tmp_path / "one", ("dog",)))


@pytest.mark.real_data
def test_the_five_folds_of_esc_10(real_scenes):
    tested: list[str] = []
    for fold in range(1, 6):
        data = scene_sets.load(real_scenes, fold, simulated_devices=0)
        sizes = {split: set(data.counts(split).values()) for split in data.splits}
        assert len(data.labels) == 10
        assert sizes == {"training": {29}, "validation": {3}, "testing": {8}}
        found = [sources(data, split) for split in data.splits]
        assert sum(map(len, found)) == len(set.union(*found))
        tested += paths(data, "testing")
    assert len(tested) == len(set(tested)) == 400
    assert scene_sets.clip_ms(real_scenes) == 5_000


@pytest.mark.real_data
def test_real_sounds_are_decoded_in_the_order_of_their_devices(real_scenes, tmp_path):
    data = scene_sets.load(real_scenes, simulated_devices=1)
    few = dataclasses.replace(data, splits={"testing": data.splits["testing"][:6]})
    waves = waveform_cache.load(few, "testing", 16_000, 80_000, tmp_path)
    assert waves.devices == ("recorded", "sim1") * 3
    loud = np.abs(waves.samples.astype(np.int32)).max(axis=1)
    assert (loud > 100).all()
    assert (waves.samples[::2] != waves.samples[1::2]).mean() > 0.1
