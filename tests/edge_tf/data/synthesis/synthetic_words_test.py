"""A synthetic set is a Speech Commands folder: right files, disjoint speakers, same bytes again."""

import csv
import hashlib
import json
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.audio.espeak import Espeak
from edge_tf.data.synthesis import synthetic_words
from edge_tf.data.synthesis.synthetic_request import DEFAULT_UNKNOWN_WORDS, make_request
from edge_tf.data.synthesis.synthetic_speakers import draw_speakers, split_sizes
from edge_tf.data.synthesis.voices.espeak import FEMALE_VARIANTS, MALE_VARIANTS
from edge_tf.data.words import folder_of_words, splits
from edge_tf.errors import UserError

SMALL = {
    "words": ["lamp", "music"],
    "unknown_words": ["yes", "garden"],
    "clips_per_word": 20,
    "clips_per_unknown_word": 6,
    "speakers": 8,
    "noise_seconds": 3,
}


def speak(out: Path, **changes: object) -> synthetic_words.Summary:
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    return synthetic_words.synthesize(make_request(**{**SMALL, **changes}), out, progress=False)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as source:
        assert (source.getnchannels(), source.getsampwidth(), source.getframerate()) == (
            1,
            2,
            16000,
        )
        return np.frombuffer(source.readframes(source.getnframes()), "<i2")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, synthetic_words.Summary]:
    out = tmp_path_factory.mktemp("synthetic") / "set"
    return out, speak(out)


def test_every_clip_is_one_second_of_16_bit_sound(made):
    out, summary = made
    for word, count in {"lamp": 20, "music": 20, "yes": 6, "garden": 6}.items():
        clips = sorted((out / word).glob("*_nohash_*.wav"))
        assert len(clips) == count == len(list((out / word).iterdir()))
        for clip in clips:
            samples = read(clip)
            assert samples.shape == (16000,)
            assert 100 < np.abs(samples.astype(int)).max() < 32768
    assert sum(summary.clips.values()) == 52
    assert summary.trimmed == 0


def test_lists_hold_whole_speakers_and_agree_with_the_official_hash(made):
    """Readers that follow the lists and readers that hash names see the same three splits."""
    out, summary = made
    all_clips = {f"{p.parent.name}/{p.name}" for p in out.glob("[a-z]*/*.wav")}
    split_of = {}
    for split in ("validation", "testing"):
        listed = (out / f"{split}_list.txt").read_text().split()
        assert len(listed) == len(set(listed)) == summary.clips[split]
        assert set(listed) <= all_clips
        for path in listed:
            split_of[path] = split
    speakers: dict[str, set[str]] = {"training": set(), "validation": set(), "testing": set()}
    for path in all_clips:
        split = split_of.get(path, "training")
        assert splits.hash_split(path) == split
        speakers[split].add(path.split("/")[1].split("_")[0])
    assert {split: len(names) for split, names in speakers.items()} == summary.speakers
    assert sum(map(len, speakers.values())) == len(set().union(*speakers.values())) == 8


def test_every_word_is_in_every_split(made):
    out, _ = made
    for split in ("validation", "testing"):
        words = {line.split("/")[0] for line in (out / f"{split}_list.txt").read_text().split()}
        assert words == {"lamp", "music", "yes", "garden"}


def test_noises_are_there_and_of_the_asked_length(made):
    out, _ = made
    noises = {p.stem: read(p) for p in (out / "_background_noise_").iterdir()}
    assert set(noises) == {"white_noise", "pink_noise", "brown_noise", "mains_hum", "babble"}
    for samples in noises.values():
        assert len(samples) == 3 * 16000 and samples.std() > 300


def test_record_says_how_it_was_made_and_that_it_is_synthetic(made):
    out, summary = made
    record = json.loads((out / "synthesis.json").read_text())
    assert "synthetic" in record["speech"]
    assert record["request"]["words"] == ["lamp", "music"] and record["clips"] == summary.clips
    assert {"espeak-ng", "espeakng-loader", "numpy", "edge_tf"} <= set(record["versions"])
    names = {speaker["name"] for speaker in record["speakers"]}
    assert all(speaker["voice"]["accent"] for speaker in record["speakers"])
    with (out / "clips.tsv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source, delimiter="\t"))
    assert len(rows) == 52 and {row["speaker"] for row in rows} == names
    assert all((out / row["path"]).is_file() for row in rows)
    assert "No person speaks here" in (out / "README.md").read_text()


def test_the_data_reader_takes_it_as_it_is(made):
    """With silence from the noises and 'unknown' from the other words."""
    dataset = folder_of_words.load(made[0], "words", ["lamp", "music"])
    assert dataset.labels == ("_silence_", "_unknown_", "lamp", "music")


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not(made, tmp_path):
    again = tmp_path / "again"
    speak(again)
    assert digests(again) == digests(made[0])
    speak(tmp_path / "other", seed=1)
    same = set(digests(tmp_path / "other").items()) & set(digests(again).items())
    assert not any(path.endswith(".wav") for path, _ in same)


def test_words_can_be_told_apart_across_speakers(tmp_path):
    """Nearest class mean on coarse log spectra, on unseen speakers: far above chance (one third).

    It guards against clips that are noise or cut wrongly, not against a poor simulation.
    """
    words = ["lamp", "music", "stop"]
    speak(tmp_path / "set", words=words, unknown_words=[], clips_per_word=90, speakers=30)

    def features(path: Path) -> np.ndarray:
        frames = np.lib.stride_tricks.sliding_window_view(read(path) / 32768.0, 512)[::160]
        power = np.abs(np.fft.rfft(frames * np.hanning(512))) ** 2
        bands = np.log(power[:, 4:196].reshape(-1, 24, 8).sum(2) + 1e-4)
        energy = np.maximum(power.sum(1) - np.percentile(power.sum(1), 30), 0.0)
        centre = int(np.average(np.arange(len(energy)), weights=energy))
        aligned = np.roll(bands - bands.mean(0), len(bands) // 2 - centre, axis=0)[18:78]
        return aligned.reshape(12, 5, 24).mean(1).ravel()

    held_out = {
        line
        for split in ("validation", "testing")
        for line in (tmp_path / "set" / f"{split}_list.txt").read_text().split()
    }
    train: dict[str, list[np.ndarray]] = {word: [] for word in words}
    test: dict[str, list[np.ndarray]] = {word: [] for word in words}
    for path in sorted((tmp_path / "set").glob("[a-z]*/*.wav")):
        word = path.parent.name
        (test if f"{word}/{path.name}" in held_out else train)[word].append(features(path))
    means = np.array([np.mean(train[word], axis=0) for word in words])
    right = [
        np.argmin(((means - clip) ** 2).sum(1)) == label
        for label, word in enumerate(words)
        for clip in test[word]
    ]
    assert len(right) > 60
    assert np.mean(right) > 0.7


def test_a_word_longer_than_a_second_is_sped_up_or_cut_and_counted(tmp_path, caplog):
    long = "internationalization"
    summary = speak(tmp_path / "set", words=[long], unknown_words=["yes"], clips_per_word=12)
    assert summary.sped_up + summary.trimmed > 0
    assert "fit one second" in caplog.text or "cut off" in caplog.text
    assert all(read(p).shape == (16000,) for p in (tmp_path / "set" / long).iterdir())
    sentence = "_".join(["supercalifragilistic"] * 3)
    cut = speak(tmp_path / "cut", words=[sentence], unknown_words=["yes"], clips_per_word=3)
    assert cut.trimmed == 3


def test_a_phrase_and_another_language_work(tmp_path):
    speak(tmp_path / "phrase", words=["hey_lamp"], clips_per_word=3)
    assert len(list((tmp_path / "phrase" / "hey_lamp").iterdir())) == 3
    speak(tmp_path / "de", words=["größe"], unknown_words=["haus"], language="de")
    assert len(list((tmp_path / "de" / "größe").iterdir())) == 20


def test_a_set_of_ours_is_replaced_and_nothing_else(tmp_path):
    out = tmp_path / "set"
    out.mkdir()
    speak(out, clips_per_word=3, clips_per_unknown_word=3)
    speak(out, words=["stop"], clips_per_word=3)
    assert not (out / "lamp").exists() and (out / "stop").is_dir()
    (out / "stop" / "mine.wav").write_bytes(b"my own recording")
    with pytest.raises(UserError, match=r"stop/mine\.wav"):
        speak(out)
    assert (out / "stop" / "mine.wav").read_bytes() == b"my own recording"


def test_foreign_folders_and_files_are_left_alone(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="not empty"):
        speak(tmp_path / "full")
    with pytest.raises(UserError, match="is a file"):
        speak(tmp_path / "full" / "letter.txt")
    (tmp_path / "full" / "synthesis.json").write_text("[]")
    (tmp_path / "full" / "clips.tsv").write_text("")
    with pytest.raises(UserError, match="not a synthetic set"):
        speak(tmp_path / "full")


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic_words.record, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        speak(tmp_path / "set", clips_per_word=3, clips_per_unknown_word=3)
    assert list(tmp_path.iterdir()) == []


def test_no_room_on_the_disk_is_said_beforehand(tmp_path, monkeypatch):
    """Simulated: a disk cannot be filled in a test."""
    usage = synthetic_words.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(synthetic_words.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="MB are free"):
        speak(tmp_path / "set")


def test_words_that_cannot_be_said_are_refused(tmp_path):
    with pytest.raises(UserError, match="does not speak it"):
        speak(tmp_path / "set", language="xx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": []}, "--words is empty"),
        ({"words": ["lamp", ""]}, "empty word"),
        ({"words": ["a/b"]}, "'a/b' cannot be"),
        ({"words": [".."]}, "cannot be"),
        ({"words": ["_background_noise_"]}, "cannot be"),
        ({"words": ["two words"]}, "_ for a space"),
        ({"words": ["x" * 65]}, "cannot be"),
        ({"words": ["lamp", "Lamp"]}, "twice"),
        ({"words": ["лампа"]}, "not in Latin letters"),
        ({"words": ["lamp"], "unknown_words": ["LAMP"]}, "is in --words and in --unknown_words"),
        ({"words": ["lampe"], "unknown_words": None, "language": "de"}, "no default list"),
        ({"speakers": 2}, "--speakers=2 is out of range"),
        ({"clips_per_word": 0}, "--clips_per_word=0"),
        ({"clips_per_unknown_word": 0}, "--clips_per_unknown_word=0"),
        ({"noise_seconds": 1}, "--noise_seconds=1"),
        ({"seed": -1}, "--seed=-1"),
    ],
)
def test_bad_requests_name_flag_and_remedy(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        make_request(**{**SMALL, **changes})
    assert "\n" not in str(caught.value)


def test_every_variant_we_name_is_installed():
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    with Espeak() as engine:
        assert {*FEMALE_VARIANTS, *MALE_VARIANTS} <= set(engine.variants())
    both = FEMALE_VARIANTS + MALE_VARIANTS
    assert len(set(both)) == len(both) > 50


def test_default_unknown_words_leave_out_the_wanted_ones():
    request = make_request(["yes", "lamp"])
    assert "yes" not in request.unknown_words
    assert set(request.unknown_words) == set(DEFAULT_UNKNOWN_WORDS) - {"yes"}


@settings(max_examples=30)
@given(st.integers(3, 150), st.integers(0, 2**31 - 1), st.integers(3, len(FEMALE_VARIANTS)))
def test_speakers_fill_every_split_and_share_no_voice_across_splits(count, seed, variants):
    groups = [FEMALE_VARIANTS[:variants], MALE_VARIANTS[:variants]]
    speakers = draw_speakers(count, ["a", "b"], groups, seed)
    assert len({speaker.name for speaker in speakers}) == len(speakers) == count
    assert min(split_sizes(count).values()) >= 1
    split_of_variant = {speaker.voice.variant: speaker.split for speaker in speakers}
    women = dict.fromkeys(split_sizes(count), 0)
    for speaker in speakers:
        assert split_of_variant[speaker.voice.variant] == speaker.split
        assert splits.hash_split(f"{speaker.name}_nohash_0.wav") == speaker.split
        women[speaker.split] += speaker.voice.variant in FEMALE_VARIANTS
    for split, size in split_sizes(count).items():
        assert size // 2 <= women[split] <= (size + 1) // 2
