"""Sound of a wake word by splits: nothing is in two of them, and its digest changes with it."""

from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio import simulation
from edge_tf.data.dataset import SPLITS
from edge_tf.data.streams import given_sound, wake_sounds
from edge_tf.data.streams.mixing import RATE
from edge_tf.data.streams.wake_sounds import Folders
from edge_tf.errors import UserError
from tests.edge_tf.data.streams import wake_folders
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, WORD_HZ, melody, named, write


@pytest.fixture(autouse=True)
def short_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_sounds, "_SYNTHETIC_NOISE_S", 1)


@pytest.fixture(scope="module")
def takes(tmp_path_factory) -> Path:
    return wake_folders.takes(tmp_path_factory.mktemp("takes"), ("lamp", "door"))


# Takes


def test_each_split_has_its_own_takes_of_each_word_and_kind(takes):
    seen: set[bytes] = set()
    for split in SPLITS:
        loaded = wake_sounds.load(Folders(takes, ("lamp", "door")), split)
        assert [(len(spoken), len(recorded)) for spoken, recorded in loaded.words] == [(4, 0)] * 2
        assert {kind: len(bank) for kind, bank in loaded.others.items()} == {
            "sound-alikes": 4,
            "synthetic sentences": 4,
        }
        mine = {bank[i].tobytes() for bank, _ in loaded.words for i in range(len(bank))}
        assert not mine & seen
        seen |= mine


def test_a_dropped_take_is_not_read(takes, tmp_path):
    from edge_tf.data.synthesis import take_record

    folder = wake_folders.takes(tmp_path / "set")
    rows = take_record.read(folder)
    (folder / rows[0].path).unlink()
    rows[0] = type(rows[0])(**{**vars(rows[0]), "dropped": "silent"})
    take_record.write(folder, rows)
    assert len(wake_sounds.load(Folders(folder, ("lamp",)), "training").words[0][0]) == 3


def test_a_word_without_takes_is_one_line(takes):
    with pytest.raises(UserError, match=r"no takes of 'window' for training; make more with --tak"):
        wake_sounds.load(Folders(takes, ("window",)), "training")


# Other sound


def test_kinds_are_the_folders_names_and_hours_are_counted(takes, tmp_path):
    named(tmp_path / "television", [f"{i}.wav" for i in range(20)], 0.5)
    loaded = wake_sounds.load(
        Folders(takes, ("lamp",), negatives=(tmp_path / "television",)), "training"
    )
    assert list(loaded.others) == ["sound-alikes", "synthetic sentences", "television"]
    held = len(loaded.others["television"])
    assert 8 <= held < 20
    assert loaded.hours()["television"] == pytest.approx(held * 0.5 / 3600)
    assert loaded.hours()["synthetic sentences"] == pytest.approx(4 * 2.0 / 3600, rel=1e-3)


def test_hard_sound_is_trained_on_only(takes, tmp_path):
    folder = named(tmp_path / "hard", ["a.wav", "b.wav"])
    counts = {
        split: len(wake_sounds.load(Folders(takes, ("lamp",), hard=(folder,)), split).hard)
        for split in SPLITS
    }
    assert counts == {"training": 2, "validation": 0, "testing": 0}


def test_mined_sound_is_drawn_from_as_well(takes):
    loaded = wake_sounds.load(Folders(takes, ("lamp",)), "training")
    mined = wake_folders.bank(np.full(50, 77, np.int16))
    rng = np.random.default_rng(0)
    drawn = [loaded.sounds(mined).others.pick(rng) for _ in range(100)]
    assert any(np.all(sound == np.float32(77 / 32768)) for sound in drawn)
    assert len(loaded.sounds().others.banks) == 2


def test_each_split_has_other_noise(takes):
    parts = [wake_sounds.load(Folders(takes, ("lamp",)), split).noise.samples for split in SPLITS]
    assert all(len(part) == 19 * RATE for part in parts)
    assert not np.array_equal(parts[0], parts[1]) and not np.array_equal(parts[1], parts[2])


# Recordings of the word


def recordings(folder: Path, count: int, level: float = 1.0) -> Path:
    quiet = np.zeros(RATE // 2, np.int16)
    for i in range(count):
        sound = (melody(WORD_HZ, 0.4, i) * level).astype(np.int16)
        write(folder / f"{i:08x}_nohash_0.wav", np.concatenate([quiet, sound, quiet]))
    return folder


def recorded(takes: Path, folder: Path, words: tuple[str, ...] = ("lamp",)) -> dict[str, int]:
    folders = Folders(takes, words, recordings=folder)
    return {split: len(wake_sounds.load(folders, split).words[0][1]) for split in SPLITS}


def test_recordings_are_trimmed_and_as_loud_as_takes(takes, tmp_path):
    recordings(tmp_path, 3, level=0.1)
    (_, bank), *_ = wake_sounds.load(
        Folders(takes, ("lamp",), recordings=tmp_path), "training"
    ).words
    for i in range(len(bank)):
        assert 0.4 <= len(bank[i]) / RATE <= 0.44  # a frame of margin at both ends
        assert simulation.active_rms(bank[i], RATE) == pytest.approx(0.1, rel=0.02)


def test_few_recordings_are_all_trained_on(takes, tmp_path):
    found = recorded(takes, recordings(tmp_path, 11))
    assert found == {"training": 11, "validation": 0, "testing": 0}


def test_many_recordings_are_divided_by_speaker(takes, tmp_path):
    found = recorded(takes, recordings(tmp_path, 60))
    assert sum(found.values()) == 60 and min(found.values()) > 0
    assert found["training"] > 30


def test_recordings_are_in_a_folder_of_the_word_or_for_one_word_in_the_folder(takes, tmp_path):
    recordings(tmp_path / "lamp", 2)
    recordings(tmp_path / "door", 3)
    assert recorded(takes, tmp_path, ("door", "lamp"))["training"] == 3
    assert recorded(takes, tmp_path / "lamp")["training"] == 2
    with pytest.raises(
        UserError, match=r"--recordings=.*garden has no sound; name a folder of WAV"
    ):
        recorded(takes, tmp_path, ("garden", "lamp"))


def test_recordings_that_are_no_single_word_are_left_out_counted_and_cutting_them_is_the_remedy(
    takes, tmp_path, caplog
):
    recordings(tmp_path / "mine", 3)
    write(tmp_path / "mine" / "talk.wav", melody(WORD_HZ, 2.6))
    folders = Folders(takes, ("lamp",), recordings=tmp_path / "mine")
    assert wake_sounds.facts(folders, tmp_path / "cache").spoken == {"lamp": 4 + 3}
    assert "1 of 4 recordings of 'lamp' are longer than 2.5 s" in caplog.text
    for path in (tmp_path / "mine").glob("*_0.wav"):
        path.unlink()
    with pytest.raises(UserError, match=r"each recording of 'lamp' is longer than 2\.5 s"):
        wake_sounds.facts(folders, tmp_path / "cache")
    caplog.clear()
    for cut in range(2):
        write(tmp_path / "mine" / f"{cut}.wav", melody(WORD_HZ, 0.5, cut))
    (tmp_path / "mine" / "talk.wav").unlink()
    assert wake_sounds.facts(folders, tmp_path / "cache").spoken == {"lamp": 4 + 2}
    assert not caplog.text


# Facts


def test_negatives_of_which_nothing_is_trained_on_are_refused_and_both_remedies_hold(
    takes, tmp_path, caplog
):
    radio = tmp_path / "radio"
    folders = Folders(takes, ("lamp",), negatives=(radio,))
    splits = {given_sound.split_of(f"{i}.wav"): i for i in range(99, -1, -1)}
    write(radio / f"{splits['testing']}.wav", melody(OTHER_HZ, 0.3))
    with pytest.raises(UserError, match="are kept for validation and test; add more, or join"):
        wake_sounds.facts(folders, tmp_path / "cache")
    for i in range(12):
        write(radio / f"{i}.wav", melody(OTHER_HZ, 0.3, i))
    assert wake_sounds.facts(folders, tmp_path / "cache").hours["radio"] > 0
    for path in radio.glob("*.wav"):
        path.unlink()
    write(radio / "joined.wav", melody(OTHER_HZ, 61.0))
    caplog.clear()
    assert wake_sounds.facts(folders, tmp_path / "cache").hours["radio"] > 0
    assert not caplog.text


def test_a_kind_of_sound_that_is_not_judged_is_told(takes, tmp_path, caplog):
    splits = {given_sound.split_of(f"{i}.wav"): i for i in range(99, -1, -1)}
    for split in ("training", "testing"):
        write(tmp_path / "radio" / f"{splits[split]}.wav", melody(OTHER_HZ, 0.3))
    folders = Folders(takes, ("lamp",), negatives=(tmp_path / "radio",))
    wake_sounds.facts(folders, tmp_path / "cache")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"--negatives={tmp_path / 'radio'}: none of its files is kept for valid")


@pytest.fixture
def folders(tmp_path) -> Folders:
    takes = wake_folders.takes(tmp_path / "takes")
    for kind in ("radio", "fired"):
        for i in range(3):
            write(tmp_path / kind / f"{i}.wav", melody(OTHER_HZ, 0.2, i))
    recordings(tmp_path / "mine", 2)
    return Folders(
        takes, ("lamp",), tmp_path / "mine", (tmp_path / "radio",), (tmp_path / "fired",)
    )


def test_facts_count_what_is_trained_on(folders, tmp_path):
    facts = wake_sounds.facts(folders, tmp_path / "cache")
    assert facts.spoken == {"lamp": 4 + 2}
    assert set(facts.hours) == {"sound-alikes", "synthetic sentences", "radio"}
    assert facts == wake_sounds.facts(folders, tmp_path / "other_cache")


@pytest.mark.parametrize("changed", ["mine", "radio", "fired"])
def test_the_digest_changes_with_any_file(folders, tmp_path, changed):
    before = wake_sounds.facts(folders, tmp_path / "cache").digest
    path = sorted((tmp_path / changed).glob("*.wav"))[0]
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    assert wake_sounds.facts(folders, tmp_path / "cache").digest != before


def test_the_digest_changes_with_the_takes_and_with_the_split_lists(folders, tmp_path):
    digests = [wake_sounds.facts(folders, tmp_path / "cache").digest]
    for listed in ("0.wav\n", "1.wav\n"):
        (tmp_path / "radio" / "validation_list.txt").write_text(listed)
        digests.append(wake_sounds.facts(folders, tmp_path / "cache").digest)
    rows = (folders.takes / "takes.tsv").read_text().splitlines(keepends=True)
    (folders.takes / "takes.tsv").write_text("".join(rows[:1] + rows[2:]))
    digests.append(wake_sounds.facts(folders, tmp_path / "cache").digest)
    assert len(set(digests)) == 4


def test_the_digest_does_not_depend_on_where_the_sound_is(folders, tmp_path):
    before = wake_sounds.facts(folders, tmp_path / "cache").digest
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "radio").rename(moved / "radio")
    there = Folders(
        folders.takes, folders.words, folders.recordings, (moved / "radio",), folders.hard
    )
    assert wake_sounds.facts(there, tmp_path / "cache").digest == before


@pytest.mark.parametrize(
    ("field", "flag"), [("negatives", "--negatives"), ("hard", "--hard_negatives")]
)
def test_a_folder_without_sound_is_one_line_and_sound_in_it_is_the_remedy(
    takes, tmp_path, field, flag
):
    (tmp_path / "empty").mkdir()
    folders = Folders(takes, ("lamp",), **{field: (tmp_path / "empty",)})
    with pytest.raises(UserError, match=rf"^{flag}=.*empty has no sound; name a folder of WAV or"):
        wake_sounds.load(folders, "training")
    write(tmp_path / "empty" / "tone.wav", melody(OTHER_HZ, 0.3))
    wake_sounds.load(folders, "training")


def test_a_file_that_is_no_sound_is_named(takes, tmp_path):
    (tmp_path / "radio").mkdir()
    (tmp_path / "radio" / "broken.wav").write_bytes(b"RIFF, or so it says")
    with pytest.raises(UserError, match=r"broken\.wav"):
        wake_sounds.load(Folders(takes, ("lamp",), negatives=(tmp_path / "radio",)), "training")
