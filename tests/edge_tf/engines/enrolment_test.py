"""A word from takes that are whole sounds: each begins after silence, whatever came before."""

import numpy as np

from edge_tf.engines import enrolment
from firmware_export.runtime.recogniser import prototypes
from firmware_export.runtime.takes import Verdict
from tests.firmware_export import learners
from tests.firmware_export.runtime.enroller_c_test import HIGH, LOW, spoken


def test_a_word_does_not_depend_on_the_order_of_its_takes():
    model = learners.model()
    made, learning = learners.embedder(model, True), learners.learning(model, True)
    takes = [spoken(*LOW, seed=1), spoken(seed=2), spoken(*LOW, seed=3, seconds=2.0)]
    enroller, verdicts = enrolment.enrol(made, learning, takes)
    assert verdicts == [Verdict.TAKEN, Verdict.SILENT, Verdict.TAKEN]
    other, _ = enrolment.enrol(made, learning, takes[::-1])
    np.testing.assert_array_equal(enroller.prototype(), other.prototype())
    alone = [enrolment.enrol(made, learning, [take])[0]._takes[0] for take in (takes[0], takes[2])]
    np.testing.assert_array_equal(enroller.prototype(), prototypes(np.stack(alone)))


def test_a_word_is_found_where_it_was_said():
    """Two words: each is told once, some 0.1 s after the middle of its window."""
    model = learners.model()
    made, learning = learners.embedder(model, True), learners.learning(model, True)
    learnt = [
        enrolment.enrol(made, learning, [spoken(*hz, seed=seed) for seed in (1, 2)])[0]
        for hz in (LOW, HIGH)
    ]
    words = np.stack([one.prototype() for one in learnt])
    sound = np.concatenate([spoken(*HIGH, seed=7), spoken(*LOW, seed=8)])
    told = enrolment.recognise(made, learning, words, sound)
    assert told and told[0][0] >= learners.CONFIG.num_frames - 1
    gaps = np.diff([frame for frame, _ in told])
    assert (gaps > learning.stream.pause * learning.stream.frames).all()
    assert enrolment.recognise(made, learning, words[:0], sound) == []
