"""Sets of takes: whole after any interruption, bad takes dropped and told, voices in one split."""

import csv
import json
import logging
import wave
from pathlib import Path

import pytest

from edge_tf.data.synthesis import lexicon, take_record, takes
from edge_tf.data.synthesis.take_request import make_take_request
from edge_tf.data.synthesis.voices import registry
from edge_tf.data.words import folder_of_words
from edge_tf.errors import UserError
from tests.edge_tf.data.synthesis.synthetic_words_test import digests
from tests.edge_tf.data.synthesis.tones import Tones

SMALL = {
    "words": ["lamp"],
    "takes": 24,
    "unknown_words": ["garden", "window"],
    "takes_per_other": 6,
    "speakers": 12,
    "synthesizers": ["tones"],
}


@pytest.fixture(autouse=True)
def tones(monkeypatch: pytest.MonkeyPatch) -> Tones:
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    synthesizer = Tones()
    monkeypatch.setitem(registry.SYNTHESIZERS, "tones", synthesizer)
    return synthesizer


def make(out: Path, **changes: object) -> takes.Summary:
    request = make_take_request(**{**SMALL, **changes})
    return takes.make(request, out, show_progress=False)


def test_a_set_says_of_each_take_who_said_what_and_in_which_split(tmp_path):
    out = tmp_path / "set"
    summary = make(out)
    assert summary.kinds["word"] + summary.dropped.get("unlike other voices", 0) >= 24
    rows = list(csv.DictReader((out / "takes.tsv").open(encoding="utf-8"), delimiter="\t"))
    there = {path.relative_to(out).as_posix() for path in out.glob("*/*.wav")}
    assert there == {row["path"] for row in rows if not row["dropped"]}
    split_of: dict[str, str] = {}
    for row in rows:
        for timbre in row["voice"].split("*")[0].split("+"):
            assert split_of.setdefault(timbre, row["split"]) == row["split"]
        if not row["dropped"]:
            with wave.open(str(out / row["path"])) as sound:
                assert sound.getframerate() == 16000 and sound.getnchannels() == 1
                assert sound.getnframes() == int(row["samples"]) > 2000
    assert {row["kind"] for row in rows} == {"word", "unknown", "half"}
    for split, name in take_record.LISTS.items():
        listed = (out / name).read_text().split()
        kept = [row["path"] for row in rows if row["split"] == split and not row["dropped"]]
        assert listed == sorted(kept) and len(listed) == summary.splits[split] > 0
    record = json.loads((out / "takes.json").read_text())
    assert record["whole"] and record["licences"] == {"tones": "none"}
    assert {s["name"] for s in record["speakers"]} == {row["speaker"] for row in rows}


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, tones):
    make(tmp_path / "whole")
    for stop_at in (7, 30):
        out = tmp_path / f"stopped_{stop_at}"
        tones.renders, tones.stop_at = 0, stop_at
        with pytest.raises(KeyboardInterrupt):
            make(out)
        assert not json.loads((out / "takes.json").read_text())["whole"]
        rows = len(take_record.read(out))
        assert 0 < rows <= stop_at
        if stop_at == 7:  # a row and a file that were cut off
            with (out / "takes.tsv").open("a") as torn:
                torn.write("lamp/torn.wav\tword\tla")
            first = out / take_record.read(out)[0].path
            first.write_bytes(first.read_bytes()[:100])
        tones.renders, tones.stop_at = 0, -1
        make(out)
        # Threads may have finished others that have no row yet.
        assert tones.renders == 36 - rows + (stop_at == 7)
        assert digests(out) == digests(tmp_path / "whole")


def test_a_whole_set_is_not_made_again_and_a_larger_request_adds(tmp_path, tones):
    make(tmp_path / "set")
    before = digests(tmp_path / "set")
    tones.renders = 0
    make(tmp_path / "set")
    assert tones.renders == 0 and digests(tmp_path / "set") == before
    make(tmp_path / "set", takes=30)
    assert tones.renders == 6
    wavs = {item for item in before.items() if item[0].startswith("lamp/")}
    assert wavs < set(digests(tmp_path / "set").items())


def test_a_set_knows_what_it_was_asked_to_be(tmp_path):
    make(tmp_path / "set")
    assert take_record.request(tmp_path / "set") == make_take_request(**SMALL)
    assert take_record.request(tmp_path / "set") != make_take_request(**{**SMALL, "takes": 25})
    (tmp_path / "set" / "takes.json").write_text('{"request": {"words": ["lamp"]}}')
    assert take_record.request(tmp_path / "set") is None  # of another version


def test_what_is_no_longer_asked_for_is_removed(tmp_path):
    make(tmp_path / "set")
    make(tmp_path / "set", unknown_words=["garden"])
    assert not list((tmp_path / "set").glob("window/*"))
    assert list((tmp_path / "set").glob("garden/*"))


def test_bad_takes_are_dropped_and_told_per_voice(tmp_path, tones, caplog):
    tones.blends_voices, tones.silent, tones.wrong = False, "v2", "v4"
    with caplog.at_level(logging.INFO):
        summary = make(tmp_path / "set", takes=36)
    rows = take_record.read(tmp_path / "set")
    assert {row.voice: row.dropped for row in rows if row.voice == "v2"} == {"v2": "silent"}
    said = [row for row in rows if row.kind == "word" and row.voice == "v4"]
    assert said and {row.dropped for row in said} == {"unlike other voices"}
    assert summary.dropped["silent"] == sum(row.voice == "v2" for row in rows)
    assert "dropped takes of tones v2" in caplog.text


def test_halves_are_of_kept_takes_and_say_so(tmp_path):
    make(tmp_path / "set")
    rows = take_record.read(tmp_path / "set")
    halved = [row for row in rows if row.kind == "half"]
    whole = {Path(row.path).name: row for row in rows if row.word == "lamp" and not row.dropped}
    assert halved and len(halved) % 2 == 0
    for first, second in zip(halved[::2], halved[1::2], strict=True):
        assert (first.word, second.word) == ("lamp-first-half", "lamp-second-half")
        assert first.samples + second.samples == whole[Path(first.path).name].samples


def test_sound_alikes_of_a_word_list_and_parts_of_phrases(tmp_path):
    words = tmp_path / "words"
    words.write_text("clamp\nland\ndamp\nhouse\nwater\nday\ncoffee\nlamb\nhey\n")
    make(
        tmp_path / "set", words=["hey_lamp"], soundalikes=6, takes_per_other=1, word_list=words,
        unknown_words=[],
    )  # fmt: skip
    kinds = {row.word: row.kind for row in take_record.read(tmp_path / "set")}
    assert kinds["hey"] == kinds["lamp"] == "part"
    assert kinds["hey_lamp"] == "word" and {"soundalike", "replaced"} < set(kinds.values())
    assert "hey_land" in kinds


def test_readers_of_words_take_the_folder_as_it_is(tmp_path):
    make(tmp_path / "set")
    dataset = folder_of_words.load(tmp_path / "set", "words", ["lamp"])
    assert "lamp" in dataset.labels


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="not empty and not a set of takes"):
        make(tmp_path / "mine")
    with pytest.raises(UserError, match="is a file"):
        make(tmp_path / "mine" / "letter.txt")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"takes": 0}, "--takes=0 is out of range"),
        ({"takes_per_other": 0}, "--takes_per_other=0"),
        ({"soundalikes": -1}, "--soundalikes=-1"),
        ({"sentences": -1}, "--sentences=-1"),
        ({"words": []}, "--words is empty"),
        ({"synthesizers": ["piper"]}, "there is no 'piper'; name some of espeak, kokoro, flite"),
        ({"words": ["_'"]}, "cannot be"),
    ],
)
def test_bad_requests_name_flag_and_remedy(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        make(tmp_path / "set", **changes)
    assert not (tmp_path / "set").exists()


# Several synthesizers


@pytest.fixture
def horns(monkeypatch: pytest.MonkeyPatch) -> Tones:
    """A second synthesizer, whose takes of a word sound like none of the first one's."""
    synthesizer = Tones("horns")
    synthesizer.accent = "a horn's "
    monkeypatch.setitem(registry.SYNTHESIZERS, "horns", synthesizer)
    return synthesizer


def test_a_synthesizer_that_sounds_unlike_the_others_keeps_its_takes(tmp_path, tones, horns):
    """Takes are compared with those of their own synthesizer. Among all, those of a synthesizer
    that is nearer to itself whatever it says were dropped: 579 of 600 neural takes of a word."""
    tones.blends_voices = horns.blends_voices = False
    tones.shifts = horns.shifts = False
    make(tmp_path / "set", takes=48, synthesizers=["tones", "horns"])
    rows = take_record.read(tmp_path / "set")
    said = [row for row in rows if row.kind == "word"]
    for name in ("tones", "horns"):
        own = [row for row in said if row.synthesizer == name]
        assert len(own) > 20 and all(row.compared for row in own)
        assert sum(not row.dropped for row in own) >= 0.9 * len(own)


def test_a_wrong_voice_is_dropped_among_its_own_only(tmp_path, tones, horns):
    tones.blends_voices = horns.blends_voices = False
    horns.wrong = "v4"
    make(tmp_path / "set", takes=72, synthesizers=["tones", "horns"])
    said = [row for row in take_record.read(tmp_path / "set") if row.kind == "word"]
    of_v4 = {
        name: [bool(row.dropped) for row in said if (row.synthesizer, row.voice) == (name, "v4")]
        for name in ("tones", "horns")
    }
    assert of_v4["horns"] and all(of_v4["horns"])
    others = [row for row in said if (row.synthesizer, row.voice) != ("horns", "v4")]
    assert sum(bool(row.dropped) for row in others) <= 0.1 * len(others)


# Sentences

SENTENCES = {"sentences": 20, "takes": 12, "unknown_words": [], "speakers": 12}


@pytest.fixture
def word_list(tmp_path) -> Path:
    path = tmp_path / "words"
    path.write_text("clamp\nland\nhouse\nwater\nday\ncoffee\nlamps\nmusic\ngreen\n")
    return path


def sentences_of(folder: Path) -> list[take_record.Take]:
    return [row for row in take_record.read(folder) if row.kind == take_record.SENTENCE]


def test_sentences_are_said_by_speakers_of_all_splits_and_hold_no_wanted_word(
    tmp_path, word_list, monkeypatch
):
    monkeypatch.setattr(lexicon, "languages", tuple)
    summary = make(tmp_path / "set", word_list=word_list, **SENTENCES)
    rows = sentences_of(tmp_path / "set")
    assert summary.kinds["sentence"] == len(rows) == 20
    assert {row.split for row in rows} == {"training", "validation", "testing"}
    assert {row.word for row in rows} == {"sentences-en"} and len({row.path for row in rows}) == 20
    assert not [row for row in rows if "lamp" in row.text]
    assert not any(row.compared for row in rows)  # nobody says the same
    speakers = {row.speaker: row.split for row in take_record.read(tmp_path / "set")}
    assert all(speakers[row.speaker] == row.split for row in rows)


def test_more_sentences_leave_the_others_as_they_are(tmp_path, word_list, tones, monkeypatch):
    monkeypatch.setattr(lexicon, "languages", tuple)
    make(tmp_path / "set", word_list=word_list, **SENTENCES)
    before = {row.path: (row.text, row.seed) for row in sentences_of(tmp_path / "set")}
    tones.renders = 0
    make(tmp_path / "set", word_list=word_list, **{**SENTENCES, "sentences": 26})
    assert tones.renders == 6
    after = {row.path: (row.text, row.seed) for row in sentences_of(tmp_path / "set")}
    assert before.items() < after.items() and len(after) == 26


def test_half_of_the_sentences_are_in_languages_that_can_be_spoken(
    tmp_path, word_list, tones, monkeypatch
):
    """Whose speakers are on record as all others are, and no timbre is in two splits."""
    tones.languages = ("en", "de", "fr")
    words = {"de": ["haus", "wasser", "lampe"], "fr": ["maison", "eau", "jour"]}
    monkeypatch.setattr(lexicon, "languages", lambda: ("de", "en", "es", "fr"))
    listed = lexicon.common_words
    monkeypatch.setattr(
        lexicon,
        "common_words",
        lambda language, path=None: words.get(language) or listed(language, path),
    )
    make(tmp_path / "set", word_list=word_list, **SENTENCES)
    folders = [row.word for row in sentences_of(tmp_path / "set")]
    counts = {folder: folders.count(folder) for folder in set(folders)}
    assert counts == {"sentences-en": 10, "sentences-de": 5, "sentences-fr": 5}
    rows = take_record.read(tmp_path / "set")
    split_of: dict[str, str] = {}
    for row in rows:
        for timbre in row.voice.split("*")[0].split("+"):
            assert split_of.setdefault(timbre, row.split) == row.split
    record = json.loads((tmp_path / "set" / "takes.json").read_text())
    assert {row.speaker for row in rows} <= {speaker["name"] for speaker in record["speakers"]}
