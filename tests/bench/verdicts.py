"""`make bench-verdicts`: how honest the judge of verdicts is, against its bounds. Minutes; the seeds are fixed.

Fewer trials with `--trials 100`; one group of rows by its name. A bound of 2 % cannot be told from 3 % by 100 trials.
"""

from __future__ import annotations

import argparse

from tests.bench.verdict_rows import ROWS


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.verdicts", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="which rows; default: all")
    parser.add_argument("--trials", type=int, default=1_000, help="of each cell")
    chosen = parser.parse_args()
    missed = []
    for name in chosen.rows or ROWS:
        for row in ROWS[name](chosen.trials):
            print(row, flush=True)
            if not row.holds:
                missed.append(row.what)
    print("\nmissed: " + "; ".join(missed) if missed else "\nall bounds kept")


if __name__ == "__main__":
    main()
