"""Prints the last lines of `make demo`: the results, what C and the detector do, the next command.

python tools/demo_summary.py RUN_DIR
"""

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = (
    ("report", "report.html"),
    ("plain C", "firmware_c"),
    ("TFLite Micro", "firmware"),
    ("Android", "android"),
)
# C from sound to logits, as in a product: on the emulated board if possible, else on this machine;
# frame by frame if the network is for streams.
IN_C = {
    "emitted_c_cortex_m4_pcm_streaming": "a Cortex-M4, frame by frame",
    "emitted_c_cortex_m4_pcm": "a Cortex-M4",
    "emitted_c_host_pcm_streaming": "this machine, frame by frame",
    "emitted_c_host_pcm": "this machine",
}


def summary(run: Path) -> str:
    """Returns the lines for a finished run.

    Raises:
      SystemExit: a result is missing.
    """
    missing = [name for _, name in RESULTS if not (run / name).exists()]
    if missing:
        raise SystemExit(f"error: {run} has no {', '.join(missing)}; run make demo again")
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    rows = {row["engine"]: row for row in report["hops"]}
    return "\n".join(
        [
            *(f"{title + ':':14}{run.resolve() / name}" for title, name in RESULTS),
            f"{'accuracy:':14}{_accuracy(rows)}",
            f"{'detector:':14}{_detector(run)}",
            f"{'next:':14}{_next(run, rows)}",
        ]
    )


def _accuracy(rows: dict[str, dict[str, Any]]) -> str:
    keras = f"Keras: {100 * rows['keras']['accuracy']:.1f} %"
    for engine, place in IN_C.items():
        row = rows.get(engine)
        if row is not None and not row["unavailable"]:
            share = f"{100 * row['accuracy']:.1f} % of {row['clips']} test clips"
            return f"{share} in C on {place}, from the waveform ({keras})"
    return f"not measured in C, which needs a compiler ({keras})"


def _detector(run: Path) -> str:
    chosen = json.loads((run / "stream.json").read_text(encoding="utf-8"))["chosen"]
    return (
        f"misses {100 * chosen['false_rejects']:.0f} % of {chosen['words']} words by other "
        f"synthetic voices, at four levels of noise; {chosen['false_accepts']} false accepts in "
        f"{chosen['hours']:.1f} h (a small form: README.md has what people's voices get)"
    )


def _next(run: Path, rows: dict[str, dict[str, Any]]) -> str:
    emulated = (rows.get(engine, {}) for engine in IN_C if "cortex" in engine)
    missing = next((row["unavailable"] for row in emulated if row.get("unavailable")), None)
    measure = f".venv/bin/python -m pipelines.benchmark --run_dir={run} --targets=cortex-m4"
    return f"{missing}; then {measure}" if missing else measure


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
