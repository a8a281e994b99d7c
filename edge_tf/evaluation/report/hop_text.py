"""Formats figures of the hop table, for the terminal and for the report."""

from edge_tf.evaluation.hops.hop_row import HopRow
from edge_tf.evaluation.hops.hop_table import HopTable
from edge_tf.evaluation.report import recording_text

NOTHING = "-"

COLUMNS = (
    ("name", "hop"),
    ("start", "input"),
    ("clips", "clips"),
    ("accuracy", "accuracy %"),
    ("change", "change, pp"),
    ("agreement", "agreement %"),
    ("max_lsb", "max LSB"),
    ("bytes", "differing bytes"),
    ("time", "ms/inference"),
)
_LOG_LOSS = ("log_loss", "log loss")
_LEFT = ("name", "start")
_MARKS = {True: "PASSED", False: "FAILED", None: "NOT JUDGED"}


def columns(table: HopTable) -> tuple[tuple[str, str], ...]:
    """COLUMNS; with several recording devices the log loss follows the accuracy."""
    if table.devices is None:
        return COLUMNS
    at = COLUMNS.index(("accuracy", "accuracy %")) + 1
    return (*COLUMNS[:at], _LOG_LOSS, *COLUMNS[at:])


def milliseconds(value: float | None) -> str:
    """Three significant digits: 0.0831, 2.41, 135."""
    if value is None:
        return NOTHING
    for limit, digits in ((0.0995, 4), (0.995, 3), (9.95, 2), (99.5, 1)):
        if value < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def cells(row: HopRow) -> dict[str, str]:
    """The row as text, by the keys of COLUMNS; "unavailable" has the reason, if there is one."""
    text = {key: NOTHING for key, _ in (*COLUMNS, _LOG_LOSS)}
    text |= {"name": row.name, "start": row.start, "unavailable": ""}
    if row.unavailable:
        return text | {"unavailable": f"not available here: {row.unavailable}"}
    text["clips"] = f"{row.clips:,}"
    if row.accuracy is not None and row.standard_error is not None:
        text["accuracy"] = f"{100 * row.accuracy:.2f} ± {100 * row.standard_error:.2f}"
    if row.log_loss is not None:
        text["log_loss"] = recording_text.loss(row.log_loss, row.log_loss_error)
    if row.change_points is not None:
        text["change"] = f"{row.change_points:+.2f}"
    if row.agreement is not None:
        text["agreement"] = f"{100 * row.agreement:.2f}"
    if row.max_lsb is not None:
        text["max_lsb"] = f"{row.max_lsb:,}"
    if row.differing_bytes is not None:
        text["bytes"] = f"{row.differing_bytes:,} of {row.total_bytes:,}"
    text["time"] = milliseconds(row.ms_per_inference)
    return text


def render(table: HopTable) -> str:
    """Rows in aligned columns, with a reason in place of missing figures, then the gates.

    With several recording devices, the table by device comes in between.
    """
    rows = [cells(row) for row in table.rows]
    titles = columns(table)
    widths = {}
    for key, title in titles:
        is_left = key in _LEFT  # A reason spans all columns after these.
        shown = [row[key] for row in rows if is_left or not row["unavailable"]]
        widths[key] = max(len(text) for text in [title, *shown])

    def line(texts: dict[str, str], keys: list[str]) -> str:
        aligned = (
            f"{texts[key]:<{widths[key]}}" if key in _LEFT else f"{texts[key]:>{widths[key]}}"
            for key in keys
        )
        return "  ".join(aligned)

    keys = [key for key, _ in titles]
    lines = [line(dict(titles), keys).rstrip(), "  ".join("-" * widths[key] for key in keys)]
    for row in rows:
        if row["unavailable"]:
            lines.append(f"{line(row, list(_LEFT))}  {row['unavailable']}")
        else:
            lines.append(line(row, keys).rstrip())
    if table.devices is not None:
        lines += ["", *recording_text.render(table.rows)]
    if table.gates:
        lines.append("")
        width = max(len(_MARKS[gate.passed]) for gate in table.gates)
        lines += [
            f"{_MARKS[gate.passed]:<{width}}  {gate.name}: {gate.detail}" for gate in table.gates
        ]
    return "\n".join(lines)
