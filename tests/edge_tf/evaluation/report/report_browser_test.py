"""The page in a real browser, without a network."""

import shutil
import subprocess

import pytest

from edge_tf.evaluation.report import report_files
from tests.edge_tf.evaluation.report import recording_html_test, report_test, stream_html_test

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
)

pytestmark = [
    pytest.mark.optional,
    pytest.mark.skipif(not BROWSER, reason="no chromium on the PATH (apt install chromium)"),
]


def load(page, profile):
    """DOM of the page after loading, and what the browser's console said."""
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, console


def test_the_browser_shows_the_tables_and_complains_of_nothing(tmp_path):
    _, page = report_files.write(report_test.sample(broken=True), tmp_path)
    dom, console = load(page, tmp_path / "profile")
    text = report_test.Page(dom).text
    assert "1 of 4 gates failed" in text
    assert "1 of 180" in text and "LiteRT reference" in text
    assert report_test.HOSTILE in text
    assert console == []


def test_the_browser_shows_the_recording_devices(tmp_path):
    _, page = report_files.write(recording_html_test.report(), tmp_path)
    dom, console = load(page, tmp_path / "profile")
    assert "sim1 no 20 75.00 ± 9.68 25.00" in report_test.Page(dom).text
    assert dom.count("<rect") == 6 and console == []


def test_the_browser_draws_the_operating_curve_and_its_chosen_point(tmp_path):
    report = report_test.sample(stream=stream_html_test.heard())
    _, page = report_files.write(report, tmp_path)
    dom, console = load(page, tmp_path / "profile")
    text = report_test.Page(dom).text
    assert "words, noise 0.25 1 1 4.00 0.10 to 22.29" in text
    assert "Cross: chosen: 7.5 % (2.8 to 15.6 %) at 2.00" in text
    assert dom.count('<g class="cross">') == 1 and console == []


def test_a_request_to_elsewhere_would_be_seen(tmp_path):
    _, page = report_files.write(report_test.sample(), tmp_path)
    inside = '<img src="http://example.org/x.png" alt=""></main>'
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", inside), encoding="utf-8")
    _, console = load(page, tmp_path / "profile")
    assert any("Content Security Policy" in line for line in console)
