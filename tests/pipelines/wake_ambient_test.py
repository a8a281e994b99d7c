"""--ambient: what a wake word is trained on besides; fetching is a stand-in (no network here)."""

import json
import logging
from pathlib import Path

import pytest
from absl import flags
from absl.testing import flagsaver

from edge_tf.data.streams import packages
from edge_tf.data.streams.package_list import PACKAGES
from edge_tf.errors import UserError
from pipelines import wake


@pytest.fixture(scope="module", autouse=True)
def defined() -> None:
    if "ambient" not in flags.FLAGS:
        wake.define()
    flags.FLAGS.mark_as_parsed()


def fetched(out: Path, *names: str) -> None:
    """Writes what fetching some packages leaves."""
    entries = {}
    for one in PACKAGES:
        if one.name in names:
            (out / one.kind / one.name).mkdir(parents=True)
            made = packages.Fetched(one.name, one.kind, "1", one.licence, 3, 0.1, 0)
            entries[one.name] = vars(made)
    (out / packages.RECORD).write_text(json.dumps(entries))


def test_auto_fetches_once_into_the_cache_and_names_what_is_missing(tmp_path, monkeypatch, caplog):
    def fill(out: Path) -> dict[str, str]:
        fetched(out, "drascula", "klettres-data")
        return {"ktuberling-data": "ktuberling-data cannot be fetched (E: no); run: apt-get update"}

    monkeypatch.setattr(packages, "fill", fill)
    with caplog.at_level(logging.WARNING), flagsaver.flagsaver(ambient=wake.AUTO):
        kinds = wake.ambient(tmp_path)
    assert kinds == [tmp_path / "ambient" / kind for kind in ("dialogue", "spoken")]
    (told,) = (record.getMessage() for record in caplog.records)
    assert told.startswith(
        "--ambient=auto: ktuberling-data cannot be fetched (E: no); run: apt-get"
    )
    assert "takes more speech for the word" in told


def test_a_finished_training_keeps_what_it_had(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "fill", lambda out: pytest.fail("nothing is to be fetched"))
    had = [str(tmp_path / "radio"), str(tmp_path / "ambient" / "spoken")]
    with flagsaver.flagsaver(ambient=wake.AUTO):
        assert wake.ambient(tmp_path, had) == [tmp_path / "ambient" / "spoken"]
        assert wake.ambient(tmp_path, []) == []


def test_nothing_can_be_had(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(packages, "fill", lambda out: {"drascula": "apt-get is missing"})
    with caplog.at_level(logging.WARNING), flagsaver.flagsaver(ambient=wake.AUTO):
        assert wake.ambient(tmp_path) == []
    assert "apt-get is missing" in caplog.text


def test_none_is_told_too(tmp_path, caplog):
    with caplog.at_level(logging.WARNING), flagsaver.flagsaver(ambient=wake.NONE):
        assert wake.ambient(tmp_path) == []
    assert "--ambient=none: without hours of real speech" in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_fetched_before(tmp_path):
    fetched(tmp_path, "colobot-common-sounds", "drascula")
    with flagsaver.flagsaver(ambient=str(tmp_path)):
        assert [kind.name for kind in wake.ambient(tmp_path / "cache")] == ["dialogue", "effects"]


def test_another_folder_is_refused(tmp_path):
    with (
        flagsaver.flagsaver(ambient=str(tmp_path)),
        pytest.raises(UserError, match=r"no folder of sound from packages; run: python -m pip\w*"),
    ):
        wake.ambient(tmp_path / "cache")
