"""What is known of the clips stands next to the accuracy; what is not known, too."""

from edge_tf.evaluation.report import data_text
from edge_tf.evaluation.report.data_text import DataFacts
from edge_tf.run_records import DataChecks
from tests.edge_tf import recorded
from tests.edge_tf.evaluation.report.report_test import CHECKS

CLIPS = {"training": 600, "validation": 60, "testing": 60}


def test_all_is_well():
    trained = recorded.trained(data_description="words", data_checks=DataChecks(clips=CLIPS))
    assert data_text.render(DataFacts.of(trained)).splitlines() == [
        "data: words",
        "  Clips were compared by content: no test clip is in the training.",
    ]


def test_shared_clips_are_told_in_place_of_that():
    first, *rest = data_text.render(DataFacts("words", CHECKS)).splitlines()
    assert first == "data: words" and len(rest) == 1
    assert rest[0].startswith(
        "  warning: 5 of 40 testing clips are copies of training clips (3 equal, 2 shifted"
    )


def test_terminals_get_no_escapes_and_older_runs_say_that_they_do_not_know():
    told = data_text.render(DataFacts("words \x1b[2J", None))
    assert "\x1b" not in told
    assert "warning: not known whether test clips are in the training" in told
    assert DataFacts("words", None).to_dict()["checks"] is None


def test_a_record_that_someone_made_up_is_no_error():
    """Each field is a valid one, but they do not fit together."""
    notes = {"testing": {"clipped": {"a": 1}}}
    checks = DataChecks(clips={}, other_labels=1, repeated={"training": 2}, notes=notes)
    assert data_text.render(DataFacts("words", checks)).count("warning: ") == 3


def test_what_training_left_out_is_told_with_the_accuracy():
    trained = recorded.trained(data_notes=("12 files of other formats are left out",))
    facts = DataFacts.of(trained)
    assert facts.warnings[-1] == "12 files of other formats are left out"
    assert "warning: 12 files of other" in data_text.render(facts)
