"""Formats figures of the hop table, for the terminal and for the report."""

from edge_tf.evaluation.hops.few_shot import MAIN_SHOTS
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
_AUROC = ("auroc", "AUROC %")
_LEFT = ("name", "start")
_MARKS = {True: "PASSED", False: "FAILED", None: "NOT JUDGED"}


def columns(table: HopTable) -> tuple[tuple[str, str], ...]:
    """COLUMNS; after the accuracy the log loss if there are several devices, AUROC on episodes."""
    more = [_LOG_LOSS] * (table.devices is not None) + [_AUROC] * table.is_of_episodes
    at = COLUMNS.index(("accuracy", "accuracy %")) + 1
    return (*COLUMNS[:at], *more, *COLUMNS[at:])


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
    text = {key: NOTHING for key, _ in (*COLUMNS, _LOG_LOSS, _AUROC)}
    text |= {"name": row.name, "start": row.start, "unavailable": ""}
    if row.unavailable:
        return text | {"unavailable": f"not available here: {row.unavailable}"}
    text["clips"] = f"{row.clips:,}"
    if row.accuracy is not None and row.standard_error is not None:
        text["accuracy"] = _with_error(row.accuracy, row.standard_error)
    for one in row.by_shots or ():
        if one.shots == MAIN_SHOTS:
            text["auroc"] = _with_error(one.auroc, one.auroc_error)
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


def _with_error(share: float, error: float) -> str:
    return f"{100 * share:.2f} ± {100 * error:.2f}"


def _share(share: float | None, error: float | None) -> str:
    return NOTHING if share is None or error is None else _with_error(share, error)


def shot_rows(table: HopTable) -> list[list[str]]:
    """Rows of text by SHOT_COLUMNS; empty without episodes."""
    return [
        [
            row.name,
            str(one.shots),
            _with_error(one.accuracy, one.accuracy_error),
            NOTHING if one.accuracy_change is None else f"{one.accuracy_change:+.2f}",
            _with_error(one.auroc, one.auroc_error),
            NOTHING if one.auroc_change is None else f"{one.auroc_change:+.2f}",
            _share(one.missed, one.missed_error),
            _share(one.accepted, one.accepted_error),
        ]
        for row in table.rows
        for one in row.by_shots or ()
    ]


SHOT_COLUMNS = (
    *("hop", "takes", "accuracy %", "change, pp", "AUROC %", "change, pp"),
    *("missed %", "others taken %"),
)


def _shots(table: HopTable) -> list[str]:
    """The table of takes in aligned columns."""
    rows = [list(SHOT_COLUMNS), *shot_rows(table)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(SHOT_COLUMNS))]
    lines = [
        "  ".join(
            f"{text:>{width}}" if at else f"{text:<{width}}"
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def render(table: HopTable) -> str:
    """Rows in aligned columns, with a reason in place of missing figures, then the gates.

    With several recording devices, the table by device comes in between, on episodes that by takes.
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
    if table.is_of_episodes:
        lines += ["", *_shots(table)]
    if table.gates:
        lines.append("")
        width = max(len(_MARKS[gate.passed]) for gate in table.gates)
        lines += [
            f"{_MARKS[gate.passed]:<{width}}  {gate.name}: {gate.detail}" for gate in table.gates
        ]
    return "\n".join(lines)
