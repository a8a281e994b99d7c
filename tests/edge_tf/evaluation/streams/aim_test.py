"""Whether an aim is met: by the choice, by the test, and by how much was heard."""

import pytest

from edge_tf.evaluation.streams.aim import Aim
from edge_tf.evaluation.streams.stream_metrics import Kind


def aim(most: float, chosen: int, tested: int, hours: float = 1.0) -> Aim:
    return Aim(most, Kind("all", hours, chosen), Kind("all", hours, tested))


@pytest.mark.parametrize(
    ("most", "chosen", "tested", "hours", "is_met"),
    [
        (1.0, 0, 0, 3.6, None),  # 3.69 / 3.6 may be
        (1.0, 0, 0, 3.7, True),
        (1.0, 1, 1, 1.0, None),
        (6.0, 1, 1, 1.0, True),
        (1.0, 2, 0, 1.0, False),  # louder than asked for where it was chosen
        (1.0, 1, 4, 1.0, False),  # 1.09 at least
        (1.0, 1, 3, 1.0, None),  # 0.62 to 8.77: chance
        (0.0, 0, 0, 1e6, None),
        (0.0, 0, 1, 1.0, False),
        (100.0, 3, 0, 1 / 30, None),
        (150.0, 3, 0, 1 / 30, True),
    ],
)
def test_the_bounds_decide(most, chosen, tested, hours, is_met):
    made = aim(most, chosen, tested, hours)
    assert made.is_met is is_met
    word = {True: "MET: ", False: "NOT MET: ", None: "TOO SHORT TO TELL: "}[is_met]
    assert made.verdict.startswith(f"{word}at most {most:g} false accepts per hour; ")
    assert made.verdict.endswith(made.detail) and "\n" not in made.verdict


def test_the_verdict_says_why():
    assert aim(1, 16, 1).detail == (
        "16.00 per hour where the detector was chosen, and no setting is quieter"
    )
    assert aim(1, 1, 9).detail == (
        "1.00 per hour where the detector was chosen, but 9.00 per hour in 1.00 h of test "
        "(95 % interval 4.12 to 17.08)"
    )
    assert aim(2, 0, 0).detail.endswith("0.00 to 3.69); 1.84 h without a false accept would tell")
    assert aim(0, 0, 0).detail.endswith("no length of sound can show that there are none")


def test_the_length_that_would_tell_does():
    for most in (0.1, 0.5, 3.0):
        needed = float(aim(most, 0, 0, 1e-3).detail.split("; ")[1].split()[0])
        assert aim(most, 0, 0, needed * 1.01).is_met and not aim(most, 0, 0, needed * 0.99).is_met
