"""Folders of words: the published tasks and splits, names of any kind, and what is refused."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest

from edge_tf.data import sound_files
from edge_tf.data.dataset import SPLITS
from edge_tf.data.words import folder_of_words
from edge_tf.data.words.folder_of_words import COMMANDS, Options
from edge_tf.data.words.splits import hash_split
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import tone, write
from tests.edge_tf.data.words.word_folders import SPEAKERS, make

EXTRA = ("bed", "cat", "wow")


def published_split(name: str) -> str:
    """which_set() of the Speech Commands paper's code, in other words: 27 bits of the SHA-1."""
    speaker = name.split("_nohash_")[0] if "_nohash_" in name else name
    bits = int.from_bytes(hashlib.sha1(speaker.encode()).digest()[-4:], "big") & (2**27 - 1)
    share = bits / (2**27 - 1)
    return "validation" if share < 0.1 else "testing" if share < 0.2 else "training"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("026290a7_nohash_0.wav", "validation"),  # these three as in the official lists
        ("022cd682_nohash_0.wav", "testing"),
        ("004ae714_nohash_1.wav", "training"),
        ("bbd0bbd0_nohash_7.wav", "training"),
        ("00000018_nohash_0.wav", "testing"),
    ],
)
def test_hash_of_known_speakers(name, split):
    assert hash_split(name) == split == published_split(name)


@hypothesis.given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0")))
def test_hash_is_the_published_one(speaker):
    names = [f"{speaker}_nohash_{take}.wav" for take in (0, 1, 99)]
    assert {hash_split(name) for name in names} == {published_split(names[0])}
    assert hash_split(f"word/{names[0]}") == hash_split(names[0])


def test_hash_shares_are_ten_percent():
    splits = [hash_split(f"{number:08x}_nohash_0.wav") for number in range(20_000)]
    assert splits.count("validation") / 20_000 == pytest.approx(0.1, abs=0.01)
    assert splits.count("testing") / 20_000 == pytest.approx(0.1, abs=0.01)


def test_percentages_can_be_chosen():
    assert hash_split("026290a7_nohash_0.wav", validation=0, testing=100) == "testing"
    assert hash_split("026290a7_nohash_0.wav", validation=0, testing=0) == "training"


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> Path:
    """The ten commands and three other words."""
    return make(tmp_path_factory.mktemp("commands"), (*COMMANDS, *EXTRA))


def test_kws12_as_published(commands):
    data = folder_of_words.load(commands, "kws12")
    assert data.labels == ("_silence_", "_unknown_", *sorted(COMMANDS))
    for split in SPLITS:
        # silence and unknown are cut to the mean of the ten words
        assert data.counts(split) == dict.fromkeys(data.labels, 2)
        unknown = [c.path for c in data.splits[split] if c.label == 1]
        assert {path.split("/")[0] for path in unknown} <= set(EXTRA)
    assert data.noise == ("_background_noise_/hum.wav",)
    assert data.description == "kws12, split by speaker hash, seed 0"


def test_unknown_and_silence_are_the_rounded_mean_of_the_words(tmp_path):
    root = make(tmp_path, ("aa", "bb", "cc", "other"), takes=3)
    for speaker in SPEAKERS["training"]:  # 6 clips of "aa" become 4: (4 + 6 + 6) / 3 = 5.33
        (root / "aa" / f"{speaker}_nohash_2.wav").unlink()
    options = Options(unknown_share=1.0)
    counts = folder_of_words.load(root, "words", ["aa", "bb", "cc"], options).counts("training")
    assert counts == {"_silence_": 5, "_unknown_": 5, "aa": 4, "bb": 6, "cc": 6}


def test_silence_is_digital_in_training_and_noise_elsewhere(commands):
    data = folder_of_words.load(commands, "kws12")
    for split in SPLITS:
        silence = [clip for clip in data.splits[split] if clip.label == 0]
        if split == "training":
            assert all(clip.path == "" and clip.start is None for clip in silence)
        else:
            assert all(clip.path in data.noise for clip in silence)
            assert all(clip.start is not None and 0 <= clip.start <= 0.5 for clip in silence)
            assert all(0 <= clip.gain <= 1 for clip in silence)


def test_the_same_seed_gives_the_same_task_and_another_does_not(tmp_path):
    root = make(tmp_path, ("aa", "bb", "c", "d", "e"), takes=4)
    options = [Options(seed=seed, unknown_share=1.0) for seed in (3, 3, 4)]
    load = [folder_of_words.load(root, "words", ["bb", "aa"], each) for each in options]
    assert load[0] == load[1]
    assert load[0].splits != load[2].splits


def test_speakers_are_in_one_split_only(commands):
    data = folder_of_words.load(commands, "kws12")
    speakers = {
        split: {re.sub("_nohash_.*", "", Path(c.path).name) for c in clips if c.start is None}
        - {""}
        for split, clips in data.splits.items()
    }
    assert speakers == {split: set(names) for split, names in SPEAKERS.items()}


def test_kws35_takes_every_folder_and_nothing_else(commands):
    data = folder_of_words.load(commands, "kws35")
    assert data.labels == tuple(sorted((*COMMANDS, *EXTRA)))
    assert data.counts("testing") == dict.fromkeys(data.labels, 2)


def test_words_and_their_others(commands):
    data = folder_of_words.load(commands, "words", ["yes", "cat"])
    assert data.labels == ("_silence_", "_unknown_", "cat", "yes")
    every = folder_of_words.load(commands, "words")
    assert every.labels == ("_silence_", *sorted((*COMMANDS, *EXTRA)))


@pytest.mark.parametrize(("task", "words"), [("words", ("aa", "bb")), ("kws12", COMMANDS)])
def test_without_noise_silence_is_made_and_said(tmp_path, caplog, task, words):
    root = make(tmp_path / "data", (*words, "other"), noise=False)
    given = words if task == "words" else ()
    data = folder_of_words.load(root, task, given, Options(cache=tmp_path / "cache"))
    assert data.labels[:2] == ("_silence_", "_unknown_")
    assert data.description.endswith("synthetic background noise")
    assert "has no background noise: the class _silence_" in caplog.text
    assert any("no background noise" in note for note in data.notes)
    assert [Path(path).stem for path in data.noise][:3] == ["white", "pink", "brown"]
    for split in SPLITS:
        silence = [clip for clip in data.splits[split] if clip.label == 0]
        assert len(silence) == 2
        assert {clip.path in data.noise for clip in silence} == {split != "training"}


def test_kws35_stays_as_published_without_noise(tmp_path):
    root = make(tmp_path, ("aa", "bb"), noise=False)
    data = folder_of_words.load(root, "kws35")
    assert (data.labels, data.noise, data.notes) == (("aa", "bb"), (), ())


def test_runs_from_before_read_a_folder_as_then(tmp_path):
    root = make(tmp_path, ("aa", "bb", "noise", "_unknown_"), noise=False)
    write(root / "aa" / "00000001_nohash_9.flac", tone(300, seconds=0.01))
    data = folder_of_words.load(root, "words", options=Options(rules=1, unknown_share=1.0))
    assert data.labels == ("aa", "bb", "noise")
    assert data.counts("training")["aa"] == 2


def test_labels_with_spaces_and_any_script(tmp_path):
    root = make(tmp_path, ("turn on", "größe", "сто́п", "停"), noise=False)
    data = folder_of_words.load(root, "words", ["turn on", "größe"])
    assert data.labels == ("_silence_", "_unknown_", "größe", "turn on")
    assert all((root / c.path).is_file() for c in data.splits["testing"])


def test_an_accent_may_be_written_either_way(tmp_path):
    decomposed = "gro\u0308ße"
    root = make(tmp_path, (decomposed, "stop", "x"), noise=False)
    data = folder_of_words.load(root, "words", ["gr\u00f6ße", "stop"])
    assert decomposed in data.labels


def test_capitals_and_hidden_files(tmp_path):
    root = make(tmp_path, ("aa", "bb"))
    write(root / "aa" / "00000001_nohash_9.WAV", tone(300, seconds=0.01))
    write(root / "_background_noise_" / "LOUD.WAV", tone(300))
    for hidden in ("aa/._00000001_nohash_9.wav", ".cache/x.wav", "_background_noise_/._hum.wav"):
        write(root / hidden, tone(300, seconds=0.01))
    (root / "aa" / "notes.txt").write_text("not sound")
    (root / "README.md").write_text("not a folder")
    data = folder_of_words.load(root, "words")
    assert data.labels == ("_silence_", "aa", "bb")
    assert data.counts("training")["aa"] == 3
    assert [Path(path).name for path in data.noise] == ["LOUD.WAV", "hum.wav"]


def test_a_folder_with_an_underscore_is_left_out_aloud(tmp_path, caplog):
    root = make(tmp_path, ("aa", "bb", "_x"))
    assert folder_of_words.load(root, "words").labels == ("_silence_", "aa", "bb")
    assert "_x is left out" in caplog.text
    with pytest.raises(UserError, match=r"begin with _ or [.] are not words"):
        folder_of_words.load(root, "words", ["aa", "_x"])


def write_lists(root: Path, validation: str, testing: str) -> None:
    (root / "validation_list.txt").write_bytes(validation.encode())
    (root / "testing_list.txt").write_bytes(testing.encode())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_official_lists_win_over_the_hash(tmp_path, end, bom):
    root = make(tmp_path, ("aa", "bb"), {"training": ("00000001", "00000003", "00000004")})
    write_lists(
        root,
        bom + "".join(f"{word}/00000003_nohash_0.wav{end}" for word in ("aa", "bb")),
        bom + end.join(f"{word}/00000004_nohash_0.wav" for word in ("aa", "bb")),
    )
    data = folder_of_words.load(root, "words")
    assert data.description.startswith("words, official lists")
    for split, speaker in zip(SPLITS, (1, 3, 4), strict=True):
        words = [c.path for c in data.splits[split] if c.label > 0]
        assert words == [f"{word}/{speaker:08}_nohash_0.wav" for word in ("aa", "bb")]


def test_a_listed_clip_that_was_removed_is_counted(tmp_path, caplog):
    caplog.set_level("INFO")
    root = make(tmp_path, ("aa", "bb"))
    listed = {
        split: "".join(f"{w}/{s}_nohash_0.wav\n" for w in ("aa", "bb") for s in SPEAKERS[split])
        for split in ("validation", "testing")
    }
    write_lists(root, listed["validation"], listed["testing"] + "aa/gone_nohash_0.wav\n")
    folder_of_words.load(root, "words")
    assert "1 of 9 listed clips are not in" in caplog.text


@pytest.mark.parametrize(
    ("validation", "testing", "message"),
    [
        ("aa/00000001_nohash_0.wav", "aa/00000001_nohash_0.wav", "is in validation_list.txt too"),
        ("/abs/x.wav", "../aa/00000001_nohash_0.wav", "name no existing clip"),
        ("aa\\00000001_nohash_0.wav", "", "name no existing clip"),
        ("", "\n", "are empty"),
        ("aa/00000001_nohash_0.wav", "aa/00000003_nohash_0.wav", "validation split has no clips"),
    ],
)
def test_lists_that_make_no_split_are_refused(tmp_path, validation, testing, message):
    root = make(tmp_path, ("aa", "bb"))
    write_lists(root, validation, testing)
    with pytest.raises(UserError, match=message):
        folder_of_words.load(root, "words")


def test_one_list_of_two_and_a_list_that_is_no_text_are_refused(tmp_path):
    root = make(tmp_path, ("aa", "bb"))
    (root / "validation_list.txt").write_text("aa/00000000_nohash_0.wav\n")
    with pytest.raises(UserError, match=r"exists without testing_list\.txt; add"):
        folder_of_words.load(root, "words")
    (root / "testing_list.txt").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(UserError, match=r"testing_list\.txt is not UTF-8"):
        folder_of_words.load(root, "words")


def test_the_official_test_folder_replaces_the_test(commands, tmp_path):
    data = folder_of_words.load(commands, "words", ["yes", "no"])
    for label in data.labels:
        write(tmp_path / label / "a.WAV", tone(300))
        write(tmp_path / label / "b.wav", tone(300))
    replaced = folder_of_words.with_test_folder(data, tmp_path)
    assert replaced.counts("testing") == dict.fromkeys(data.labels, 2)
    assert replaced.splits["training"] == data.splits["training"]
    assert all(Path(clip.path).is_absolute() for clip in replaced.splits["testing"])
    assert replaced.description.endswith(f"test set {tmp_path.name}")
    for file in (tmp_path / "no").iterdir():
        file.unlink()
    with pytest.raises(UserError, match="has no clips of 'no'; put them in"):
        folder_of_words.with_test_folder(data, tmp_path)


def test_a_word_without_clips_is_refused_by_name(tmp_path):
    root = make(tmp_path, ("aa", "bb"))
    (root / "empty word").mkdir()
    with pytest.raises(UserError, match=r"empty word has no clips; add some, or remove"):
        folder_of_words.load(root, "words")


@pytest.mark.parametrize(
    ("task", "words", "message"),
    [
        ("kws13", (), "choose one of kws12, kws35, words"),
        ("kws12", ("aa",), "goes with --task=words"),
        ("kws12", (), "has no folder for down, go, left, no; add the clips"),
        ("words", ("aa", "zz"), r"has no folder for zz; .*\(aa, bb\)"),
        ("words", ("aa", "aa"), "must name different words"),
    ],
)
def test_a_task_that_does_not_fit_is_refused(tmp_path, task, words, message):
    with pytest.raises(UserError, match=message):
        folder_of_words.load(make(tmp_path, ("aa", "bb")), task, words)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (2, "no words other than the ten, which --task=kws12 needs"),
        (1, r"no _background_noise_/\*\.wav, which --task=kws12 needs"),
    ],
)
def test_kws12_is_never_silently_another_task(tmp_path, rules, message):
    root = make(tmp_path, COMMANDS, noise=rules == 2)
    with pytest.raises(UserError, match=message):
        folder_of_words.load(root, "kws12", options=Options(rules=rules))


def test_nothing_to_learn_from_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        folder_of_words.load(tmp_path / "none", "words")
    with pytest.raises(UserError, match="no word folders"):
        folder_of_words.load(tmp_path, "words")
    with pytest.raises(UserError, match="has only one class"):
        folder_of_words.load(make(tmp_path, ("aa",), noise=False), "words")


def test_too_few_speakers_for_a_split_is_told(tmp_path):
    root = make(tmp_path, ("aa", "bb"), {"training": ("00000001", "00000003")})
    with pytest.raises(UserError, match=r"has no clips of .*aa has 2 clips, .*more speakers"):
        folder_of_words.load(root, "words")


@pytest.mark.parametrize("rules", [1, 2])
def test_short_noise_cannot_be_silence(tmp_path, rules):
    root = make(tmp_path / "data", ("aa", "bb"), noise=False)
    write(root / "_background_noise_" / "short.wav", tone(300, seconds=0.5))
    options = Options(rules=rules, cache=tmp_path)
    if rules == 1:
        with pytest.raises(UserError, match="no background recording is 1000 ms long"):
            folder_of_words.load(root, "words", options=options)
    else:
        data = folder_of_words.load(root, "words", options=options)
        assert "1 shorter than a clip of 1000 ms" in data.notes[0]
        assert "no background noise" in data.notes[1]


@pytest.mark.parametrize("seed", range(20))
def test_silence_is_as_long_as_clip_ms(tmp_path, seed):
    """20 s of noise are enough for clips of 2 s, whatever the seed; 1.5 s are not."""
    root = make(tmp_path / "data", ("aa", "bb"), takes=5)
    write(root / "_background_noise_" / "long.wav", tone(300, seconds=20))
    data = folder_of_words.load(root, "words", options=Options(seed=seed, clip_ms=2000))
    assert data.noise == ("_background_noise_/long.wav",)
    silence = [c for split in ("validation", "testing") for c in data.splits[split] if not c.label]
    assert len(silence) == 20 and all(0 <= (clip.start or 0) <= 18 for clip in silence)


@pytest.mark.parametrize("given", [(), ("lamp",), ("lamp", "stop")])
def test_a_folder_of_unknown_clips_becomes_the_class(tmp_path, given):
    root = make(tmp_path, ("lamp", "stop", "_unknown_"))
    data = folder_of_words.load(root, "words", given)
    words = given or ("lamp", "stop")
    assert data.labels == ("_silence_", "_unknown_", *words)
    for split in SPLITS:
        unknown = [c.path.partition("/")[0] for c in data.splits[split] if c.label == 1]
        others = {"stop"} - set(words)  # together with the words that are not named
        assert set(unknown) == {"_unknown_", *others} and len(unknown) == 2 + 2 * len(others)


def test_unknown_clips_of_ones_own_come_before_others(tmp_path):
    root = make(tmp_path, ("lamp", "stop", "yes", "_unknown_"), takes=3)
    data = folder_of_words.load(root, "words", ("lamp",), Options(unknown_share=1.5))
    unknown = [c.path.partition("/")[0] for c in data.splits["training"] if c.label == 1]
    assert unknown.count("_unknown_") == 6 and len(unknown) == 9
    assert any("9 of 18 for training" in note for note in data.notes)


def test_a_folder_of_silence_is_filled_up_with_noise(tmp_path):
    root = make(tmp_path, ("lamp", "stop"), takes=3)
    make(root, ("_silence_",), noise=False)
    data = folder_of_words.load(root, "words")
    for split in SPLITS:
        silence = [clip.path for clip in data.splits[split] if clip.label == 0]
        assert len(silence) == 6 and sum("_silence_" in path for path in silence) == 2


@pytest.mark.parametrize("name", ["_unknown_", "_silence_"])
def test_kws35_has_no_such_class_and_says_so(tmp_path, name, caplog):
    data = folder_of_words.load(make(tmp_path, ("aa", "bb", name)), "kws35")
    assert data.labels == ("aa", "bb")
    assert f"{name} is left out: words do not begin with _; --task=kws35 has no" in caplog.text


@pytest.mark.parametrize("name", ["background_noise", "_noise_", "Background Noise", "noise"])
def test_noise_under_other_names_is_noise(tmp_path, name):
    root = make(tmp_path, ("aa", "bb", "cc"))
    (root / "_background_noise_").rename(root / name)
    data = folder_of_words.load(root, "words", ("aa", "bb"))
    assert data.noise == (f"{name}/hum.wav",)
    assert f"{name} is background noise" in data.notes[0]
    assert not any(name in c.path for c in data.splits["training"])


def test_a_word_called_noise_is_asked_about(tmp_path):
    root = make(tmp_path, ("aa", "noise"))
    data = folder_of_words.load(root, "words")
    assert data.labels == ("_silence_", "aa", "noise")
    note = next(note for note in data.notes if "noise would be reported" in note)
    remedy = re.search(r"--background_labels=(\S+)", note)
    options = Options(background=tuple(remedy[1].split(",")) if remedy else ())
    assert "would be reported" not in str(folder_of_words.load(root, "words", options=options))
    (root / "noise").rename(root / "_unknown_")  # the other remedy
    assert folder_of_words.load(root, "words").labels == ("_silence_", "_unknown_", "aa")


def test_what_is_left_out_is_counted_and_the_remedy_works(tmp_path, caplog, monkeypatch):
    root = make(tmp_path / "it's data", ("aa", "bb"))
    other = sound_files.OTHER_EXTENSIONS[-1]
    (root / "aa" / f"00000001_nohash_5{other.upper()}").touch()
    (root / "bb" / f"00000001_nohash_6{other}").touch()
    (root / "bb" / "._x.wav").touch()
    write(root / "bb" / "old" / "x.wav", tone(300, seconds=0.01))
    data = folder_of_words.load(root, "words")
    assert f"4 files are left out (2 {other}, 1 hidden, 1 in subfolders" in data.notes[0]
    assert data.notes[0] in caplog.text
    command = re.search(r"for f in .*; done", data.notes[0])
    assert command
    (tmp_path / "ffmpeg").write_text('#!/bin/sh\ncp "$2" "$3"\n')  # whether paths are right
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    subprocess.run(["sh", "-c", command[0]], check=True)
    assert (root / "bb" / "00000001_nohash_6.wav").exists()


def test_a_word_with_other_formats_only_says_how_to_convert_them(tmp_path):
    root = make(tmp_path, ("aa", "bb"))
    other = sound_files.OTHER_EXTENSIONS[-1]
    (root / "cc").mkdir()
    (root / "cc" / f"x{other}").touch()
    with pytest.raises(UserError, match=rf"cc has no clips; convert them: for f in .*{other};"):
        folder_of_words.load(root, "words")


def test_few_takes_and_no_other_words_are_told(tmp_path):
    root = make(tmp_path, ("lamp", "stop"))
    notes = "\n".join(folder_of_words.load(root, "words").notes)
    assert "2 of 2 words have fewer than 100 clips to train on (lamp: 2 for training" in notes
    assert "has no clips of other words: whatever is said" in notes
    make(root, ("_unknown_",))  # the remedy
    assert "no clips of other words" not in str(folder_of_words.load(root, "words").notes)


@pytest.mark.parametrize("name", [b"two\nlines", b"caf\xe9", b"a\xe2\x80\xa8b", b" "])
def test_a_name_that_is_no_line_of_text_is_refused(tmp_path, name):
    root = make(tmp_path, ("aa", os.fsdecode(name)))
    with pytest.raises(UserError, match="cannot be a label; give it a name in UTF-8"):
        folder_of_words.load(root, "words")


def test_clips_whose_names_are_not_utf8_are_welcome(tmp_path):
    root = make(tmp_path, ("aa", "bb"))
    odd = os.fsdecode(b"caf\xe9_nohash_0.wav")
    write(root / "aa" / odd, tone(300, seconds=0.01))
    data = folder_of_words.load(root, "words")
    assert any(c.path == f"aa/{odd}" for clips in data.splits.values() for c in clips)


@pytest.mark.real_data
def test_real_speech_by_the_official_lists_is_split_as_by_the_hash(real_data):
    data = folder_of_words.load(real_data, "kws12")
    assert data.description.startswith("kws12, official lists")
    assert len(data.labels) == 12
    for split, clips in data.splits.items():
        words = [clip.path for clip in clips if clip.path and clip.start is None]
        assert len(words) > 100
        assert {published_split(Path(path).name) for path in words} == {split}
    folders = {path.name for path in real_data.iterdir() if path.is_dir()} - {"_background_noise_"}
    assert folder_of_words.load(real_data, "kws35").labels == tuple(sorted(folders))
