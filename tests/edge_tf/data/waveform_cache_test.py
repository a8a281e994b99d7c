"""The cache of decoded clips: decoded once, never stale, never half-written."""

import contextlib
import dataclasses
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_tf import files
from edge_tf.audio import devices, wav
from edge_tf.data import cache_folder, waveform_cache
from edge_tf.data.dataset import SILENCE, Clip, Dataset
from edge_tf.data.words import folder_of_words
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import tone, write
from tests.edge_tf.data.words.word_folders import make

CLIP = 16_000
CLIPS = (
    ("exact.wav", tone(300), 16_000),
    ("short.wav", tone(300, seconds=0.3), 16_000),
    ("long.wav", tone(300, seconds=1.5), 16_000),
    ("stereo.wav", np.stack([tone(300), tone(300)], axis=1), 16_000),
    ("other_rate.wav", tone(300, 48_000), 48_000),
)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    """Clips of every length, a second of a long recording, and digital silence."""
    root = tmp_path / "words"
    for name, samples, rate in CLIPS:
        write(root / "a" / name, samples, rate=rate)
    write(root / "noise.wav", tone(100, seconds=3))
    clips = [Clip(1, f"a/{name}") for name, _, _ in CLIPS]
    clips += [Clip(0, "noise.wav", start=1.5, gain=0.5), Clip(0, "")]
    return Dataset(root, ("quiet", "a"), {"training": tuple(clips)}, ("noise.wav",), "test")


def load(dataset: Dataset, folder: Path) -> waveform_cache.Waveforms:
    return waveform_cache.load(dataset, "training", 16_000, CLIP, folder)


def entries(folder: Path) -> list[Path]:
    """Folders in a cache, unfinished ones included."""
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


def refuse_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path, sample_rate: int) -> wav.Sound:
        raise AssertionError(f"{path} is decoded again")

    monkeypatch.setattr(wav, "read", read)


def test_clips_become_a_second_each_and_what_was_done_is_counted(dataset, tmp_path, caplog):
    caplog.set_level("INFO")
    waves = load(dataset, tmp_path / "cache")
    whole = wav.read(dataset.root / "a/exact.wav", 16_000).samples
    exact, short, long, stereo, other, noise, silence = waves.samples
    np.testing.assert_array_equal(exact, whole)
    np.testing.assert_array_equal(short[:4_800], whole[:4_800])
    assert not short[4_800:].any() and not silence.any()
    longer = wav.read(dataset.root / "a/long.wav", 16_000).samples
    np.testing.assert_array_equal(long, longer[4_000:20_000])  # the middle
    np.testing.assert_allclose(stereo, whole, atol=1)
    np.testing.assert_allclose(other[200:-200], whole[200:-200], atol=2)
    recording = wav.read(dataset.root / "noise.wav", 16_000).samples
    np.testing.assert_array_equal(noise, np.rint(recording[24_000:40_000] * 0.5))
    assert waves.labels.tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert waves.is_silence.tolist() == [False] * 6 + [True]
    assert waves.names[-1] == "(silence)"
    assert waves.notes == {
        "zero-padded at the end": {"a": 1},
        "cropped to their middle": {"a": 1},
        "resampled": {"a": 1},
        "down-mixed to mono": {"a": 1},
    }
    for what in waves.notes:
        assert f"training: 1 of 7 clips {what} (a 1)" in caplog.text


def test_the_fingerprint_is_of_samples_and_labels(dataset, tmp_path):
    waves = load(dataset, tmp_path / "cache")
    content = waves.samples.tobytes() + waves.labels.tobytes()
    assert waves.fingerprint == hashlib.sha256(content).hexdigest()


def test_the_second_load_decodes_nothing_and_tells_the_same(dataset, tmp_path, monkeypatch):
    first = load(dataset, tmp_path / "cache")
    refuse_reading(monkeypatch)
    second = load(dataset, tmp_path / "cache")
    assert isinstance(second.samples, np.memmap) and not second.samples.flags.writeable
    np.testing.assert_array_equal(second.samples, first.samples)
    assert (second.fingerprint, second.notes) == (first.fingerprint, first.notes)
    assert len(entries(tmp_path / "cache")) == 1


def test_another_rate_and_another_list_are_decoded_anew(dataset, tmp_path):
    cache = tmp_path / "cache"
    load(dataset, cache)
    waveform_cache.load(dataset, "training", 8_000, 8_000, cache)
    assert len(entries(cache)) == 2
    fewer = dataclasses.replace(dataset, splits={"training": dataset.splits["training"][1:]})
    assert len(load(fewer, cache).labels) == 6
    assert len(entries(cache)) == 3


def test_touched_renamed_and_moved_files_are_the_same_sound(dataset, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = load(dataset, cache)
    refuse_reading(monkeypatch)
    os.utime(dataset.root / "a" / "exact.wav", ns=(1, 1))
    assert load(dataset, cache).fingerprint == first.fingerprint
    (dataset.root / "a" / "exact.wav").rename(dataset.root / "a" / "renamed.wav")
    renamed = (Clip(1, "a/renamed.wav"), *dataset.splits["training"][1:])
    waves = load(dataclasses.replace(dataset, splits={"training": renamed}), cache)
    assert waves.fingerprint == first.fingerprint and waves.names[0] == "a/renamed.wav"
    dataset.root.rename(tmp_path / "moved")
    moved = dataclasses.replace(dataset, root=tmp_path / "moved", splits={"training": renamed})
    assert load(moved, cache).fingerprint == first.fingerprint
    assert len(entries(cache)) == 1


def test_another_sound_under_the_same_name_size_and_time_is_heard(dataset, tmp_path):
    """Archives made reproducibly give all files one time, and clips of a second have one size."""
    path = dataset.root / "a" / "exact.wav"
    os.utime(path, ns=(1, 1))
    first = load(dataset, tmp_path / "cache")
    size = path.stat().st_size
    write(path, tone(999))
    os.utime(path, ns=(1, 1))
    assert path.stat().st_size == size
    second = load(dataset, tmp_path / "cache")
    np.testing.assert_array_equal(second.samples[0], wav.read(path, 16_000).samples)
    assert second.fingerprint != first.fingerprint


def test_simulated_devices_are_heard_and_part_of_the_key(dataset, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    plain = dataset.splits["training"][0]

    def through(*numbers: int) -> waveform_cache.Waveforms:
        clips = tuple(dataclasses.replace(plain, simulated=number) for number in numbers)
        return load(dataclasses.replace(dataset, splits={"training": clips}), cache)

    waves = through(0, 1, 2)
    assert waves.notes == {"heard through a simulated device": {"a": 2}}
    for number in (1, 2):
        heard = devices.apply(np.array(waves.samples[0]), devices.simulated(number, 16_000))
        np.testing.assert_array_equal(waves.samples[number], heard)
    np.testing.assert_array_equal(through(0, 2, 1).samples, waves.samples[[0, 2, 1]])
    assert len(entries(cache)) == 2
    # Devices that were defined otherwise are other data.
    monkeypatch.setattr(devices, "simulated", lambda number, rate: np.array([0.5 * number]))
    half = np.rint(waves.samples[0] / 2)
    np.testing.assert_allclose(through(0, 1, 2).samples[1], half, atol=1)
    assert len(entries(cache)) == 3


def test_the_versions_of_a_clip_are_decoded_once(dataset, tmp_path, monkeypatch):
    read, paths = wav.read, []

    def counted(path: Path, sample_rate: int) -> wav.Sound:
        paths.append(path.name)
        return read(path, sample_rate)

    monkeypatch.setattr(wav, "read", counted)
    exact, short, *_ = dataset.splits["training"]
    clips = [dataclasses.replace(clip, simulated=n) for clip in (exact, short) for n in range(4)]
    load(dataclasses.replace(dataset, splits={"training": tuple(clips)}), tmp_path / "cache")
    assert paths == ["exact.wav", "short.wav"]
    # A file that cannot be read is one, however many clips are made of it.
    (dataset.root / "a" / "exact.wav").write_bytes(b"")
    with pytest.raises(UserError, match=r"exact\.wav: the file is empty; .* remove it$"):
        load(dataclasses.replace(dataset, splits={"training": tuple(clips)}), tmp_path / "cache")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_an_interruption_leaves_no_entry_and_the_next_time_works(
    dataset, tmp_path, monkeypatch, stop
):
    read = wav.read

    def interrupted(path: Path, sample_rate: int) -> wav.Sound:
        if path.name == "stereo.wav":
            raise stop
        return read(path, sample_rate)

    with monkeypatch.context() as patch:
        patch.setattr(wav, "read", interrupted)
        with pytest.raises(type(stop)):
            load(dataset, tmp_path / "cache")
    assert entries(tmp_path / "cache") == []
    assert len(load(dataset, tmp_path / "cache").samples) == 7


def damage_samples(entry: Path) -> None:
    path = entry / "samples.npy"
    path.write_bytes(path.read_bytes()[:1_000])


def damage_shape(entry: Path) -> None:
    np.save(entry / "samples.npy", np.zeros((3, CLIP), np.int16))


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        damage_samples,
        damage_shape,
        lambda entry: flip(entry / "samples.npy", -1),
        lambda entry: flip(entry / "samples.npy", 2 * 3 * CLIP),
        lambda entry: flip(entry / "digests.npy", -1),
        lambda entry: flip(entry / "notes.json", 20),  # in the fingerprint
        lambda entry: replace_by_pipe(entry / "samples.npy"),
        lambda entry: (entry / "samples.npy").write_bytes(b""),
        lambda entry: (entry / "samples.npy").write_bytes(b"\x93NUMPY\x01\0\x03\0{'("),
        lambda entry: (entry / "samples.npy").unlink(),
        lambda entry: (entry / "notes.json").unlink(),
        lambda entry: (entry / "notes.json").write_text('{"sha256": '),
        lambda entry: (entry / "notes.json").write_text("[]"),
    ],
)
def test_a_damaged_entry_is_made_again(dataset, tmp_path, caplog, damage):
    first = load(dataset, tmp_path / "cache")
    [entry] = entries(tmp_path / "cache")
    expected = np.array(first.samples)
    del first
    damage(entry)
    again = load(dataset, tmp_path / "cache")
    assert f"{entry} is damaged" in caplog.text and "decoding again" in caplog.text
    np.testing.assert_array_equal(again.samples, expected)
    assert entries(tmp_path / "cache") == [entry]


def test_one_pass_tells_every_clip_that_cannot_be_read(dataset, tmp_path, caplog):
    (dataset.root / "a" / "short.wav").write_bytes(b"")
    (dataset.root / "a" / "stereo.wav").write_bytes(b"RIFF....WAVE")
    with pytest.raises(UserError) as caught:
        load(dataset, tmp_path / "cache")
    assert "short.wav: the file is empty; record it again" in str(caught.value)
    assert "(1 more clips cannot be read)" in str(caught.value)
    assert "stereo.wav: it has no sound data" in caplog.text
    assert entries(tmp_path / "cache") == []


def test_a_clip_that_vanished_is_told(dataset, tmp_path):
    (dataset.root / "a" / "short.wav").unlink()
    (dataset.root / "a" / "long.wav").unlink()
    (dataset.root / "a" / "long.wav").symlink_to("long.wav")
    with pytest.raises(UserError, match=r"short\.wav: No such file or directory; restore it"):
        load(dataset, tmp_path / "cache")
    write(dataset.root / "a" / "short.wav", tone(300))
    with pytest.raises(UserError, match=r"long\.wav: Too many levels of symbolic links"):
        load(dataset, tmp_path / "cache")


def test_a_second_beyond_the_end_of_a_recording_is_told(dataset, tmp_path):
    write(dataset.root / "noise.wav", tone(100, seconds=2))
    with pytest.raises(UserError, match=r"a clip at 1\.5 s needs 16000 samples, .* has 32000"):
        load(dataset, tmp_path / "cache")


def test_noise_shorter_than_a_clip_is_left_out_aloud(dataset, caplog):
    write(dataset.root / "short_noise.wav", tone(100, seconds=0.5))
    noisy = dataclasses.replace(dataset, noise=("noise.wav", "short_noise.wav"))
    assert [len(n) for n in waveform_cache.load_noise(noisy, 16_000, CLIP)] == [48_000]
    assert "1 noise files are shorter than a clip" in caplog.text


def test_clips_without_sound_and_clipped_ones_are_told_by_label(dataset, tmp_path, caplog):
    """The class of digital silence is no clip that a microphone missed."""
    write(dataset.root / "a" / "off.wav", np.zeros(8_000))
    write(dataset.root / "a" / "loud.wav", np.clip(tone(300, peak=2.0), -1, 1))
    clips = (*dataset.splits["training"], Clip(1, "a/off.wav"), Clip(0, "a/loud.wav"))
    waves = load(dataclasses.replace(dataset, splits={"training": clips}), tmp_path / "cache")
    assert waves.notes["without sound"] == {"a": 1} and waves.notes["clipped"] == {"quiet": 1}
    assert "WARNING" in caplog.text and "training: 1 of 9 clips without sound (a 1)" in caplog.text


def test_a_note_names_the_labels_with_the_most_clips():
    counts = {"a": 1, "b": 3, "c": 2, "d": 1, "e": 1}
    shown = waveform_cache.note(8, 90, "resampled", counts)
    assert shown == "8 of 90 clips resampled (b 3, c 2, a 1, d 1, ...)"


def test_clips_that_change_while_they_are_read_are_refused(dataset, tmp_path, monkeypatch):
    read = wav.read

    def changing(path: Path, sample_rate: int) -> wav.Sound:
        if path.name == "stereo.wav":
            write(dataset.root / "a" / "exact.wav", tone(999))
        return read(path, sample_rate)

    monkeypatch.setattr(wav, "read", changing)
    with pytest.raises(UserError, match=r"changed while they were read; run the same command"):
        load(dataset, tmp_path / "cache")
    monkeypatch.setattr(wav, "read", read)
    assert len(load(dataset, tmp_path / "cache").samples) == 7  # the remedy
    assert len(entries(tmp_path / "cache")) == 1


def test_an_entry_that_another_process_wrote_meanwhile_is_used(dataset, tmp_path, monkeypatch):
    first = load(dataset, tmp_path / "cache")
    [entry] = entries(tmp_path / "cache")
    entry.rename(tmp_path / "made")

    @contextlib.contextmanager
    def waiting(target: Path) -> Iterator[None]:
        (tmp_path / "made").rename(target)
        yield

    monkeypatch.setattr(cache_folder, "writing", waiting)
    refuse_reading(monkeypatch)
    assert load(dataset, tmp_path / "cache").fingerprint == first.fingerprint


def test_a_cache_that_can_only_be_read_serves_what_it_has(dataset, tmp_path, monkeypatch):
    """Root may write anywhere, so that the system's refusal is imitated."""
    first = load(dataset, tmp_path / "cache")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "x")

    monkeypatch.setattr(files, "write_bytes", refused)
    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    assert load(dataset, tmp_path / "cache").fingerprint == first.fingerprint
    fewer = dataclasses.replace(dataset, splits={"training": dataset.splits["training"][1:]})
    with pytest.raises(UserError, match=r"cannot be written .*; choose .* with --cache_dir"):
        load(fewer, tmp_path / "cache")
    monkeypatch.undo()
    assert len(load(fewer, tmp_path / "other").samples) == 6  # the remedy


def test_a_file_in_the_place_of_the_cache_is_told(dataset, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match=r"the cache folder .*cache cannot be written"):
        load(dataset, tmp_path / "cache")


def test_odd_names_are_welcome(tmp_path):
    root = make(tmp_path / "größe und\tmehr", ("turn on", "größe"))
    odd = os.fsdecode(b"caf\xe9_nohash_0.wav")
    write(root / "größe" / odd, tone(300))
    data = folder_of_words.load(root, "words")
    split = next(s for s, clips in data.splits.items() if any(odd in c.path for c in clips))
    waves = waveform_cache.load(data, split, 16_000, CLIP, tmp_path / "cache")
    assert len(waves.samples) == len(data.splits[split])


@pytest.mark.parametrize(("length", "expected"), [(3, [1, 2, 3, 0, 0]), (6, [1, 2, 3, 4, 5])])
def test_fit_length(length, expected):
    fitted = waveform_cache.fit_length(np.arange(1, length + 1, dtype=np.int16), 5)
    assert fitted.tolist() == expected and fitted.dtype == np.int16


def test_silence_may_be_without_sound(tmp_path, caplog):
    write(tmp_path / "data" / "zeros.wav", np.zeros(2 * CLIP))
    clips = tuple(Clip(label, "zeros.wav", start=0.5) for label in (0, 1))
    dataset = Dataset(tmp_path / "data", (SILENCE, "a"), {"training": clips}, (), "test")
    waves = load(dataset, tmp_path / "cache")
    assert waves.notes["without sound"] == {"a": 1}
    assert "1 of 2 clips without sound (a 1)" in caplog.text
