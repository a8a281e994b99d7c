"""Words of few-shot learning: who says what in which split."""

from pathlib import Path

import pytest

from edge_tf.data.dataset import SPLITS
from edge_tf.data.words.fewshot_words import WORDS, Options, load
from edge_tf.data.words.speakers import Speakers
from edge_tf.errors import UserError
from tests.edge_tf.data.words.word_folders import SPEAKERS, make

ALL = tuple(word for split in SPLITS for word in WORDS[split])


@pytest.fixture
def root(tmp_path) -> Path:
    return make(tmp_path / "words", (*ALL, "tree"), takes=2)


def test_no_word_is_in_two_splits():
    assert len(ALL) == len(set(ALL)) == 21


def test_each_split_has_its_words_said_by_its_speakers(root):
    dataset = load(root, Options())
    assert dataset.labels == tuple(sorted(ALL))
    assert dataset.noise == ("_background_noise_/hum.wav",)
    for split in SPLITS:
        clips = dataset.splits[split]
        assert {dataset.labels[clip.label] for clip in clips} == set(WORDS[split])
        assert {Speakers().known(clip.path) for clip in clips} == set(SPEAKERS[split])
        assert len(clips) == 4 * len(WORDS[split])


def test_real_speech_has_enough_clips_of_disjoint_speakers(real_data):
    dataset = load(real_data, Options())
    heard = [{Speakers().known(c.path) for c in dataset.splits[split]} for split in SPLITS]
    assert not heard[0] & heard[1] and not heard[0] & heard[2] and not heard[1] & heard[2]
    assert all(len(speakers) > 20 for speakers in heard)


def test_auxiliary_words_are_trained_on_only_if_no_split_has_them(root, tmp_path):
    other = make(tmp_path / "other", ("left", "yes", "lamp"))
    dataset = load(root, Options(auxiliary=(other, root)))
    assert dataset.labels == tuple(sorted((*ALL, "lamp", "tree")))
    mine = [c for c in dataset.splits["training"] if dataset.labels[c.label] in ("lamp", "tree")]
    assert {Speakers().known(Path(clip.path).name) for clip in mine} == set(SPEAKERS["training"])
    assert {Path(clip.path).parent for clip in mine} == {other / "lamp", root / "tree"}
    assert len(dataset.splits["training"]) == 4 * len(WORDS["training"]) + 2 + 4
    for split in ("validation", "testing"):
        assert len(dataset.splits[split]) == 4 * len(WORDS[split])


def test_auxiliary_words_of_held_out_speakers_are_not_trained_on(root, tmp_path):
    """Official lists may put a speaker elsewhere than the hash does: then they count."""
    for split in ("validation", "testing"):
        clips = [f"{w}/{s}_nohash_{n}.wav" for w in ALL for s in SPEAKERS[split] for n in (0, 1)]
        if split == "testing":
            clips += [f"{word}/00000001_nohash_{n}.wav" for word in ALL for n in (0, 1)]
        (root / f"{split}_list.txt").write_text("\n".join(clips))
    other = make(tmp_path / "other", ("lamp",))
    dataset = load(root, Options(auxiliary=(other,)))
    lamp = [clip.path for clip in dataset.splits["training"] if "lamp" in clip.path]
    assert [Path(path).name for path in lamp] == ["00000003_nohash_0.wav"]


@pytest.mark.parametrize(
    ("words", "auxiliary", "message"),
    [
        (ALL[1:], None, "has no folder for bed; add them: --task=fewshot is defined on words of"),
        (ALL, ("yes", "left"), "has no clips to train on of other words than --task=few"),
        (ALL, (), "is not a folder; name a folder of word folders"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(tmp_path, words, auxiliary, message):
    root, other = make(tmp_path / "words", words), tmp_path / "other"
    if auxiliary:
        make(other, auxiliary)
    with pytest.raises(UserError, match=message):
        load(root, Options(auxiliary=() if auxiliary is None else (other,)))


def test_a_word_that_no_speaker_of_its_split_says_is_refused(tmp_path):
    root = make(tmp_path / "words", ALL)
    lists = {
        split: [f"{word}/{s}_nohash_0.wav" for word in ALL for s in SPEAKERS[split]]
        for split in ("validation", "testing")
    }
    lists["testing"] = [clip for clip in lists["testing"] if not clip.startswith("left/")]
    for split, clips in lists.items():
        (root / f"{split}_list.txt").write_text("\n".join(clips))
    with pytest.raises(UserError, match="no speaker of the testing split says 'left'"):
        load(root, Options())
