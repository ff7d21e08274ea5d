"""Verdicts over 1,000 signals of a day at 15 s, with holes and ties: the judge alone, and the whole command on two files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench import verdict_families as families
from tests.bench.bench import Bench, told
from tests.bench.measure import median, run_for_cpu
from tests.bench.verdict_rows import speed
from tests.bench.verdict_trials import Trials

SIGNALS, FAMILIES_DRAWN = 1_000, 50
JUDGE_S, COMMAND_S = 1.5, 3.0  # DESIGN section 8


def verdicts_row(bench: Bench) -> bool:
    """CPU seconds of one core; of the command, start-up and reading included."""
    (row,) = speed(Trials(1))
    before, after = _files(bench.folder)
    command = [sys.executable, "-P", "-m", "detector.cli", "verdict", "--before", str(before), "--after", str(after)]
    asked = ["--kind", "latency", "--acceptable", "+10%", "--json"]
    whole_s = median([run_for_cpu([*command, *asked], fine=(0, 1, 3)).cpu_s for _ in range(bench.rounds)])
    size = (before.stat().st_size + after.stat().st_size) >> 20
    what = f"judge {row.measured:.2f} s, whole command {whole_s:.2f} s of CPU ({size} MB of CSV)"
    return told("verdicts", f"<= {JUDGE_S} s, <= {COMMAND_S:g} s", row.measured <= JUDGE_S and whole_s <= COMMAND_S, what)


def _files(folder: Path) -> tuple[Path, Path]:
    """Each drawn series stands under twenty names, its values moved a little: no two are the same."""
    paths = folder / "verdicts-before.csv", folder / "verdicts-after.csv"
    drawn = [
        families.trial(families.GIVEN[i % len(families.GIVEN)], rng) for i, rng in enumerate(Trials(FAMILIES_DRAWN).rngs(10))
    ]
    for path, side in zip(paths, ("before", "after"), strict=True):
        series = [getattr(trial, side) for trial in drawn]
        columns = {}
        for number in range(SIGNALS):
            values = np.round(series[number % FAMILIES_DRAWN].values * (1 + number / (10 * SIGNALS)), 1)
            values[(np.arange(values.size) * 7 + number) % 97 == 0] = np.nan
            columns[f"s{number}_ms"] = values
        times = pd.Index(1_764_000_000 + series[0].times_s, name="time")
        pd.DataFrame(columns, index=times).to_csv(path, float_format="%.1f")
    return paths
