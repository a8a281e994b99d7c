"""Writes report.json and report.html."""

import json
from pathlib import Path

from edge_tf import files
from edge_tf.evaluation.report import report_html
from edge_tf.evaluation.report.report import Report
from edge_tf.run_dir import REPORT_HTML, REPORT_JSON


def write(report: Report, run_dir: Path) -> tuple[Path, Path]:
    """Writes report.json and report.html: both, or neither if one cannot be written.

    Returns:
      Paths of the two files.

    Raises:
      OSError: the disk is full or the folder not writable; existing files are kept.
    """
    content = json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    page = report_html.render(report)
    targets = Path(run_dir) / REPORT_JSON, Path(run_dir) / REPORT_HTML
    with files.atomic_path(targets[0]) as json_path, files.atomic_path(targets[1]) as html_path:
        json_path.write_text(content + "\n", encoding="utf-8")
        html_path.write_text(page, encoding="utf-8")
    return targets
