"""Campaigns go on where they were stopped, and keep what was found."""

import collections
from pathlib import Path

import pytest

from fuzzing.campaign import Campaign, Find, table


class Counting:
    """Finds something in every seventh case."""

    share = 1.0
    batch = 10

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: collections.Counter[str] = collections.Counter()
        self.cases: list[int] = []
        self.closed = False

    def run(self, cases: range) -> list[Find]:
        self.cases += cases
        self.counts["tried"] += len(cases)
        found = [index for index in cases if index % 7 == 6]
        return [Find(f"{self.name} {i}", "difference", "a", {"m.tflite": b"x"}) for i in found]

    def close(self) -> None:
        self.closed = True


def campaign(folder: Path, *fuzzers: Counting, seed: int = 1) -> Campaign:
    makers = {fuzzer.name: lambda made=fuzzer: made for fuzzer in fuzzers}
    return Campaign(folder, seed, makers, lambda text: None)


def test_every_case_once_up_to_the_limit(tmp_path):
    one, two = Counting("one"), Counting("two")
    run = campaign(tmp_path, one, two)
    assert run.run(60, limit=25) == 6
    assert one.cases == two.cases == list(range(25))
    assert one.closed and two.closed
    finds = sorted(path.read_text() for path in (tmp_path / "finds").glob("*/what.txt"))
    assert finds[0] == "one 13: difference: a\n"
    assert len(list((tmp_path / "finds").glob("*/m.tflite"))) == 6
    assert "| one | 25 | 3 |" in table(run.progress) and "tried 25" in table(run.progress)


def test_it_goes_on_where_it_was_stopped(tmp_path):
    campaign(tmp_path, Counting("one")).run(60, limit=15)
    later = Counting("one")
    run = campaign(tmp_path, later)
    assert run.run(60, limit=40) == 5
    assert later.cases == list(range(15, 40))
    assert run.progress["one"].counts == {"tried": 40}


def test_no_time_tries_nothing(tmp_path):
    one = Counting("one")
    assert campaign(tmp_path, one).run(0) == 0
    assert one.cases == []


def test_another_seed_needs_another_folder(tmp_path):
    campaign(tmp_path, Counting("one")).run(60, limit=10)
    with pytest.raises(SystemExit, match="has the seed 1; give another --out"):
        campaign(tmp_path, Counting("one"), seed=2)


def test_a_larger_share_gets_more_turns(tmp_path, monkeypatch):
    clock = iter(float(i) for i in range(10_000))
    monkeypatch.setattr("fuzzing.campaign.time.monotonic", lambda: next(clock))
    few, many = Counting("few"), Counting("many")
    many.share = 4.0
    campaign(tmp_path, few, many).run(600)
    assert 3 < len(many.cases) / len(few.cases) < 5
