"""`make bench`: the log rows of the README, ours and ripgrep's in one run, CPU seconds, medians of 5.

A row is ours against a bound. Ours leaves out our start-up (it has rows of its own); ripgrep is its whole process, `rg` with the
patterns as their authors wrote them (bounds are against this), `helped` with ASCII classes, which are RE2's and faster. More
lines with `--lines 10000000`; one row with its name.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench import rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[[], *rows.ROWS], help="which rows; default: all")
    parser.add_argument("--lines", type=int, default=2_000_000, help="lines of the plain log")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    if shutil.which("rg") is None:
        sys.exit("ripgrep is missing: install it, for these rows are relative to it")
    folder = Path(os.environ.get("TRIMWATCH_BENCH_FOLDER") or Path(tempfile.gettempdir()) / "trimwatch-bench")
    folder.mkdir(parents=True, exist_ok=True)
    bench = rows.Bench(folder, chosen.lines, chosen.rounds)
    missed = [name for name in chosen.rows or rows.ROWS if not rows.ROWS[name](bench)]
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nall bounds kept")


if __name__ == "__main__":
    main()
