"""Splits: unchanged where they are whole, mended where a class lacks, speakers never shared."""

import hypothesis
import hypothesis.strategies as st
import pytest

from edge_tf.data.dataset import SPLITS
from edge_tf.data.words.speakers import EXAMPLE, Speakers
from edge_tf.data.words.splits import divide, hash_split


def of(tmp_path, names, labels=("aa", "bb"), pattern=""):
    clips = {f"{label}/{name}": label for label in labels for name in names}
    return clips, divide(tmp_path, clips, Speakers(pattern))


def test_a_whole_split_by_hash_stays_as_published(tmp_path):
    names = [f"{number:08x}_nohash_{take}.wav" for number in range(60) for take in (0, 1)]
    clips, division = of(tmp_path, names)
    assert division.of == {clip: hash_split(clip) for clip in clips}
    assert (division.origin, division.notes) == ("split by speaker hash", ())


@pytest.mark.parametrize("takes", [3, 4, 8, 10, 15, 30])
@pytest.mark.parametrize("trial", range(10))
def test_small_sets_have_each_class_in_each_split_whatever_their_names(tmp_path, takes, trial):
    names = [f"take{trial}_{number:03d}.wav" for number in range(takes)]
    clips, division = of(tmp_path, names)
    there = {(label, division.of[clip]) for clip, label in clips.items()}
    assert there == {(label, split) for label in ("aa", "bb") for split in SPLITS}
    assert of(tmp_path, names)[1] == division


@hypothesis.given(
    clips=st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 3)),
        st.none(),
        min_size=1,
        max_size=60,
    )
)
def test_speakers_are_never_shared_and_no_class_leaves_a_split(tmp_path_factory, clips):
    root = tmp_path_factory.getbasetemp()
    labels = {f"{word}/s{speaker}-{take}.wav": word for word, speaker, take in clips}
    division = divide(root, labels, Speakers(EXAMPLE))
    of_speaker: dict[str, str] = {}
    for clip, split in division.of.items():
        speaker = clip.partition("/")[2].partition("-")[0]
        assert of_speaker.setdefault(speaker, split) == split
    before = {(label, hash_split(f"{c.partition('/')[2].partition('-')[0]}")) for c, label in
              labels.items()}  # fmt: skip
    after = {(label, division.of[clip]) for clip, label in labels.items()}
    assert before <= after


def test_a_set_that_grows_keeps_its_split(tmp_path):
    """A clip changes its split at most while a class still lacks one."""
    names = [f"rec_{number:03d}.wav" for number in range(200)]
    changes = 0
    before = of(tmp_path, names[:10])[1].of
    for size in range(20, 201, 10):
        after = of(tmp_path, names[:size])[1].of
        changes += sum(after[clip] != split for clip, split in before.items())
        before = after
    assert changes <= 8
    assert before == {clip: hash_split(clip) for clip in before}


def test_speakers_that_are_not_known_are_told_and_the_remedy_works(tmp_path):
    names = [f"s{number}-{take}.wav" for number in range(40) for take in range(3)]
    _, division = of(tmp_path, names)
    assert division.origin == "split by hash of file names, speakers unknown"
    note = division.notes[0]
    assert "the speakers of all 240 clips are not known (such as s0-0.wav)" in note
    pattern = note.partition("--speaker_pattern='")[2].partition("'")[0]
    _, division = of(tmp_path, names, pattern=pattern)
    assert (division.origin, division.notes) == ("split by speaker hash", ())
    assert all(division.of[f"aa/s{n}-0.wav"] == division.of[f"bb/s{n}-2.wav"] for n in range(40))


def test_some_names_with_speakers_are_counted(tmp_path):
    known = [f"{number:08x}_nohash_0.wav" for number in range(60)]
    _, division = of(tmp_path, [*known, "a.wav"])
    assert "2 of 122 clips by their names, speakers unknown" in division.origin
    assert "the speakers of 2 of 122 clips are not known (such as a.wav)" in division.notes[0]
    names = [*(f"{number}-{take}.wav" for number in range(60) for take in (0, 1)), "a.wav"]
    _, division = of(tmp_path, names, pattern=EXAMPLE)
    assert "--speaker_pattern must match aa/a.wav as well" in division.notes[0]
