"""The hook that makes a skip a failure, shown to fail; and the fixture of real recordings."""

import wave
from pathlib import Path

import pytest

from tests import conftest, shared

ROOT = Path(__file__).resolve().parent.parent
CONFTEST = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")

SKIPS = """
    import pytest

    def test_passes():
        pass

    @pytest.mark.skipif(True, reason="no cross compiler")
    def test_skips_by_mark():
        pass

    def test_skips_inside():
        pytest.skip("no browser")

    def test_skips_in_fixture(real_data):
        pass

    @pytest.mark.optional
    def test_may_skip():
        pytest.skip("torch is not a dependency")

    @pytest.mark.xfail(reason="known")
    def test_known_to_fail():
        raise AssertionError
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small project with this project's conftest and no recordings."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("EDGE_TF_DATA", str(pytester.path / "nowhere"))
    monkeypatch.delenv("EDGE_TF_REQUIRE_ALL", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers =\n    optional: may skip\n")
    return pytester


def test_skips_are_skips(project: pytest.Pytester) -> None:
    project.makepyfile(SKIPS)
    result = project.runpytest_subprocess("-ra")
    result.assert_outcomes(passed=1, skipped=4, xfailed=1)
    result.stdout.fnmatch_lines(["*no real recordings: *nowhere/unpack.py is missing*"])
    assert result.ret == 0


def test_skips_are_failures_where_all_is_required(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_TF_REQUIRE_ALL", "1")
    project.makepyfile(SKIPS)
    result = project.runpytest_subprocess("-ra")
    # A skip while a fixture is set up is an error, as any failure there is.
    result.assert_outcomes(passed=1, failed=1, errors=2, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines_random(
        [
            "*this was not run*no browser*",
            "*this was not run*no cross compiler*",
            "*this was not run*no real recordings*",
            "SKIPPED*torch is not a dependency*",
        ]
    )
    assert result.ret == 1


@pytest.mark.parametrize(("require", "status"), [("", 0), ("0", 0), ("1", 2)])
def test_a_file_that_skips_itself(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, require: str, status: int
) -> None:
    monkeypatch.setenv("EDGE_TF_REQUIRE_ALL", require)
    project.makepyfile(
        test_ok="def test_passes(): pass",
        test_whole="import pytest\npytest.importorskip('no_such_module')\n",
    )
    result = project.runpytest_subprocess()
    assert result.ret == status
    if status:
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*this was not run*could not import 'no_such_module'*"])
    else:
        result.assert_outcomes(passed=1, skipped=1)


def test_a_failing_test_stays_a_failure(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_TF_REQUIRE_ALL", "1")
    project.makepyfile("def test_fails():\n    assert 1 == 2")
    result = project.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])


@pytest.mark.real_data
def test_real_data_has_the_speech_commands_layout(real_data: Path) -> None:
    words = {folder.name for folder in real_data.iterdir() if folder.is_dir()}
    assert words >= {"yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"}
    assert (real_data / "_background_noise_").is_dir()
    for split in ("validation", "testing"):
        listed = (real_data / f"{split}_list.txt").read_text(encoding="utf-8").splitlines()
        assert listed
        assert all((real_data / name).is_file() for name in listed)
    with wave.open(str(next((real_data / "yes").glob("*.wav")))) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (16_000, 1, 2)


def test_the_longest_files_are_there() -> None:
    assert [name for name in conftest.LONGEST_FIRST if not (ROOT / name).is_file()] == []


def test_the_first_that_asks_makes_it_and_a_failure_is_made_again(tmp_path: Path) -> None:
    asked: list[Path] = []

    def make(folder: Path) -> None:
        asked.append(folder)
        assert list(folder.iterdir()) == []
        (folder / "half").touch()
        if len(asked) == 1:
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        shared.once(tmp_path / "made", make)
    for _ in range(2):
        assert shared.once(tmp_path / "made", make) == tmp_path / "made"
    assert len(asked) == 2 and (tmp_path / "made" / "half").exists()
