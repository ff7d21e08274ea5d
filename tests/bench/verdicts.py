"""`make bench-verdicts`: how honest the judge of verdicts is, against its bounds. A quarter of an hour; the seeds are fixed.

Fewer trials with `--trials 100`; one group of rows by its name; another draw of everything with `--seed 1`. A bound of 2 % cannot
be told from 3 % by 100 trials.
"""

from __future__ import annotations

import argparse
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import scipy

from tests.bench.verdict_other_rows import OTHER_ROWS
from tests.bench.verdict_rows import GIVEN_ROWS
from tests.bench.verdict_trials import Trials

ROWS = {**GIVEN_ROWS, **OTHER_ROWS}


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.verdicts", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="which rows; default: all")
    parser.add_argument("--trials", type=int, default=1_000, help="of each cell")
    parser.add_argument("--seed", type=int, default=0, help="another draw")
    chosen = parser.parse_args()
    trials = Trials(chosen.trials, chosen.seed)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {trials.count} trials a cell, seed {trials.seed}, {_machine()}", flush=True)
    missed = []
    for name in chosen.rows or ROWS:
        for row in ROWS[name](trials):
            print(row, flush=True)
            if not row.holds:
                missed.append(row.what)
    print("\nmissed: " + "; ".join(missed) if missed else "\nall bounds kept")


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"


if __name__ == "__main__":
    main()
