"""Fuzzers: mutated .tflite files, random networks, hostile run directories, kills.

    python -m fuzzing --minutes=10 --seed=1
    python -m fuzzing --minutes=60 --only=mutants --limit=100000

Goes on where the last run of this seed was stopped. Exit status 1 if there are finds; they are in
OUT/finds, as small as they get. benchmarks/reliability.md has the figures of a long run.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from fuzzing import campaign, mutants


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="fuzzing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ("mutants",)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=1, help="of all cases (default: 1)")
    parser.add_argument("--only", default=",".join(names), help=f"of {', '.join(names)}")
    parser.add_argument("--limit", type=int, help="cases of each fuzzer (default: no limit)")
    parser.add_argument("--out", type=Path, help="state and finds (default: fuzz/seed-SEED)")
    given = parser.parse_args()
    out = given.out or Path("fuzz") / f"seed-{given.seed}"
    with tempfile.TemporaryDirectory(prefix="edge_fuzz_") as folder:

        def place(name: str) -> Path:
            made = Path(folder) / name
            made.mkdir()
            return made

        makers = {
            "mutants": lambda: mutants.Mutants(given.seed, place("mutants")),
        }
        chosen = given.only.split(",")
        if unknown := set(chosen) - set(makers):
            parser.error(f"there is no fuzzer {', '.join(sorted(unknown))}")
        run = campaign.Campaign(
            out,
            given.seed,
            {name: makers[name] for name in chosen},
            lambda text: print(text, flush=True),
        )
        finds = run.run(given.minutes * 60, given.limit)
    print(campaign.table(run.progress))
    print(f"{finds} finds" + (f" in {out / 'finds'}" if finds else ""))
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
