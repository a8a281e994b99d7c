"""Episodes: what is in them, and that everybody gets the same ones."""

import csv
import gzip

import numpy as np
import pytest

from edge_tf.data.words import fewshot_words
from edge_tf.errors import UserError
from edge_tf.fewshot import episodes
from edge_tf.fewshot.episodes import Words
from edge_tf.settings import EpisodeShape

WORDS = ("down", "go", "left", "stop", "two", "up", "yes")
SHAPE = EpisodeShape(ways=4, shots=3, queries=10, unknown=7)
# Of all test clips of the data set, as unpacked whole.
DIGEST = "b2df4b9ad3ba"


def names_of(count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels and names of `count` clips of each word."""
    names = [f"{word}/{n:03}.wav" for word in WORDS for n in range(count)]
    return np.repeat(np.arange(len(WORDS)), count), tuple(names)


@pytest.fixture
def words() -> Words:
    return Words(*names_of(20), WORDS, SHAPE)


def test_takes_and_known_queries_are_of_the_known_words_and_unknown_ones_of_others(words):
    labels, _ = names_of(20)
    drawn = words.draw(seed=1, first=0, count=50)
    assert (drawn.support.shape, drawn.known.shape) == ((50, 4, 3), (50, 10))
    assert drawn.unknown.shape == (50, 7)
    for support, known, unknown in zip(drawn.support, drawn.known, drawn.unknown, strict=True):
        of_way = labels[support[:, 0]]
        assert len(set(of_way)) == 4
        assert np.array_equal(labels[support], np.repeat(of_way[:, np.newaxis], 3, axis=1))
        assert np.array_equal(labels[known], of_way[drawn.known_words])
        others = np.bincount(labels[unknown], minlength=len(WORDS))
        assert not others[of_way].any() and sorted(others)[-3:] == [2, 2, 3]
        rows = [*support.reshape(-1), *known, *unknown]
        assert len(set(rows)) == len(rows)


def test_an_episode_depends_on_seed_and_number_alone(words):
    whole = words.draw(seed=1, first=0, count=6)
    part = words.draw(seed=1, first=4, count=2)
    assert np.array_equal(whole.support[4:], part.support)
    assert np.array_equal(whole.unknown[4:], part.unknown)
    assert not np.array_equal(part.support[0], part.support[1])
    assert not np.array_equal(words.draw(seed=2, first=0, count=6).support, whole.support)


def test_the_order_in_which_clips_are_listed_does_not_matter(words):
    labels, names = names_of(20)
    order = np.random.default_rng(0).permutation(len(names))
    other = Words(labels[order], [names[row] for row in order], WORDS, SHAPE)
    mine, theirs = words.draw(1, 0, 5), other.draw(1, 0, 5)
    assert np.array_equal(mine.support, order[theirs.support])
    assert words.digest(mine) == other.digest(theirs)


def test_the_digest_tells_other_clips_and_other_episodes(words):
    labels, names = names_of(20)
    drawn = words.draw(1, 0, 5)
    other = Words(labels, [f"{name[:-4]}.flac" for name in names], WORDS, SHAPE)
    digests = {words.digest(drawn), words.digest(words.draw(2, 0, 5)), other.digest(drawn)}
    assert len(digests) == 3


def test_fewer_takes_leave_the_queries_as_they_are(words):
    drawn = words.draw(1, 0, 5)
    fewer = drawn.of_shots(1)
    assert np.array_equal(fewer.support, drawn.support[:, :, :1])
    assert np.array_equal(fewer.known, drawn.known)
    assert np.array_equal(fewer.unknown, drawn.unknown)


def test_every_clip_and_every_word_has_the_same_chance(words):
    drawn = words.draw(3, 0, 2_000)
    for part, chance in ((drawn.support, 12 / 140), (drawn.unknown, 7 / 140)):
        share = np.bincount(part.reshape(-1), minlength=140) / 2_000
        error = np.sqrt(chance * (1 - chance) / 2_000)
        assert abs(share - chance).max() < 5 * error


@pytest.mark.parametrize(
    ("clips", "shape", "message"),
    [
        (20, EpisodeShape(7, 1, 7, 1), "7 words are too few for episodes of 7 known words"),
        (5, SHAPE, "'down' has 5 clips in its split, an episode takes up to 6"),
    ],
)
def test_too_little_is_refused(clips, shape, message):
    with pytest.raises(UserError, match=message):
        Words(*names_of(clips), WORDS, shape)


def test_only_the_chosen_words_are_drawn_from():
    chosen = Words(*names_of(20), WORDS, EpisodeShape(2, 1, 2, 1), chosen=("yes", "go", "up"))
    assert chosen.words == ("go", "up", "yes")
    assert set(names_of(20)[0][chosen.draw(0, 0, 20).support.reshape(-1)]) == {1, 5, 6}


def test_the_episodes_of_the_real_data_set_are_these(edge_tf_data):
    """A change here makes figures of before and after two different tests."""
    tested = fewshot_words.WORDS["testing"]
    with gzip.open(edge_tf_data / "speech_commands" / "index.tsv.gz", "rt") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    names: list[str] = []
    for row in sorted(rows, key=lambda row: row["version"] != "0.02"):  # named as unpacked
        split, word = row["file"].removesuffix(".flac").split("/")
        if split == "testing" and word in tested:
            speaker, take = row["name"].rsplit("_", 1)
            name, number = "", int(take)
            while not name or name in names:
                name, number = f"{word}/{speaker}_{number}.wav", number + 100
            names.append(name)
    labels = np.array([tested.index(name.split("/")[0]) for name in names])
    listed = episodes.of_test(labels, names, tested)
    assert (len(listed.episodes), len(names)) == (1_000, 1_140)
    assert listed.digest.startswith(DIGEST)
