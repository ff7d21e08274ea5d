"""`python -m tests.bench.nab FOLDER`: the models of alarms on the Numenta Anomaly Benchmark, scored by the benchmark's own code.

FOLDER is a checkout of github.com/numenta/NAB (brought by hand; nothing of it is kept here): its data, windows and profiles, and
its `nab/sweeper.py`, which is imported. A row is scored by what the rows before it taught, learnt anew each twentieth of a file;
the first 15 % (750 rows at most) only teach. Printed are the three profiles (standard, low FP, low FN), normalised as the
benchmark does it, each at the threshold that is best for all files, beside a detector that only sees new records.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from models.alarm_models import ALARM_MODELS, JOINT
from models.streaming import FloatArray, Panel, TooShort

PROFILES = ("standard", "reward_low_FP_rate", "reward_low_FN_rate")
PROBATION, MOST_PROBATION = 0.15, 750
PARTS = 20
REST_S = 86_400.0  # as `AlarmRule.rest_s`: what wanders about its threshold is one alarm a day
AGAIN = 1.5

Scorer = Callable[[FloatArray, FloatArray, int], FloatArray]


@dataclass(frozen=True, slots=True)
class File:
    """`windows` are the first and last times of what is wrong, one after the other."""

    name: str
    moments: Sequence[datetime]
    times_s: FloatArray
    values: FloatArray
    windows: Sequence[tuple[datetime, datetime]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.nab", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="*", default=["new record", "largest of all", *ALARM_MODELS])
    chosen = parser.parse_args()
    sys.path.insert(0, str(chosen.folder))
    sweeper = importlib.import_module("nab.sweeper").Sweeper
    profiles = json.loads((chosen.folder / "config" / "profiles.json").read_text())
    files = list(_files(chosen.folder))
    print(f"{len(files)} files, {sum(file.values.size for file in files):,} rows")
    print(f"{'model':<18}" + "".join(f"{profile.removeprefix('reward_'):>14}" for profile in PROFILES) + f"{'s':>8}")
    for name in chosen.models:
        if name in JOINT:  # it needs several signals, and here is one
            continue
        began = time.process_time()
        scores = [_scores(file, _scorer(name)) for file in files]
        took_s = time.process_time() - began
        told = [_normalised(sweeper, profiles[profile]["CostMatrix"], files, scores) for profile in PROFILES]
        print(f"{name:<18}" + "".join(f"{each:>14.1f}" for each in told) + f"{took_s:>8.1f}", flush=True)


def _files(folder: Path) -> Sequence[File]:
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text())
    found = []
    for name, spans in sorted(windows.items()):
        table = pd.read_csv(folder / "data" / name, parse_dates=["timestamp"])
        moments = [moment.to_pydatetime() for moment in table["timestamp"]]
        ends = [tuple(datetime.fromisoformat(end) for end in span) for span in spans]
        times_s = table["timestamp"].to_numpy(dtype="datetime64[s]").astype(np.float64)
        found.append(File(name, moments, times_s, table["value"].to_numpy(np.float64), [(a, b) for a, b in ends]))
    return found


def _scorer(name: str) -> Scorer:
    if name == "new record":
        return _new_record
    if name == "largest of all":
        return _largest
    return lambda times_s, values, first: _modelled(name, times_s, values, first)


def _new_record(_: FloatArray, values: FloatArray, first: int) -> FloatArray:
    """1 where a value is above or below all before it: what any detector has to beat."""
    before = np.maximum.accumulate(values), np.minimum.accumulate(values)
    is_record = (values[1:] > before[0][:-1]) | (values[1:] < before[1][:-1])
    return np.concatenate([[0.0], is_record.astype(np.float64)])


def _largest(times_s: FloatArray, values: FloatArray, first: int) -> FloatArray:
    """The largest score of the models."""
    names = [name for name in ALARM_MODELS if name not in JOINT]
    return np.asarray(np.max([_modelled(name, times_s, values, first) for name in names], axis=0))


def _modelled(name: str, times_s: FloatArray, values: FloatArray, first: int) -> FloatArray:
    """Absolute effects, in parts of the largest of the past: the benchmark looks for one threshold of all series."""
    model, size = ALARM_MODELS[name], values.size
    whole = _rising(times_s, values)
    scores = np.zeros(size)
    bounds = np.unique(np.linspace(first, size, PARTS + 1).astype(int))
    for begin, end in pairwise(bounds.tolist()):
        lead = min(begin, int(np.ceil(model.lead_s / whole.step_s)) + 1)
        history = whole.rows(0, begin)
        try:
            fitted = model.fit(history)
        except TooShort:
            continue
        usual = float(np.nanmax(np.abs(fitted.score(history)), initial=0.0))
        found = fitted.score(whole.rows(begin - lead, end))[lead:, 0]
        scores[begin:end] = np.abs(np.nan_to_num(found, posinf=0.0, neginf=0.0)) / max(usual, 1.0)
    return scores


def _rising(times_s: FloatArray, values: FloatArray) -> Panel:
    """Some files repeat an hour when clocks are set back: their rows stand one step apart."""
    steps = np.diff(times_s)
    step = float(np.median(steps[steps > 0]))
    times = np.concatenate([[times_s[0]], times_s[0] + np.cumsum(np.where(steps > 0, steps, step))])
    return Panel(times, values[:, None])


def _scores(file: File, scorer: Scorer) -> FloatArray:
    """In 0..1, of the first row of an episode alone: whoever is told once need not be told at each row."""
    first = int(min(PROBATION * file.values.size, MOST_PROBATION))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = scorer(file.times_s, file.values, first)
    told, last, last_s = np.zeros(raw.size), 0.0, -np.inf
    for row in np.flatnonzero(raw[first:] > 0) + first:
        if file.times_s[row] - last_s > REST_S or raw[row] >= AGAIN * last:
            told[row] = last = raw[row]
            last_s = file.times_s[row]
    return told / (1.0 + told)


def _normalised(sweeper: type, cost: Mapping[str, float], files: Sequence[File], scores: Sequence[FloatArray]) -> float:
    """100 is perfect, 0 is who says nothing."""
    judge = sweeper(probationPercent=PROBATION, costMatrix=cost)
    rows = [
        row
        for file, each in zip(files, scores, strict=True)
        for row in judge.calcSweepScore(list(file.moments), each.tolist(), list(file.windows), file.name)
    ]
    by_threshold = judge.calcScoreByThreshold(rows)
    nothing = by_threshold[0].score
    perfect = sum(len(file.windows) for file in files) * cost["tpWeight"]
    return float(100.0 * (max(each.score for each in by_threshold) - nothing) / (perfect - nothing))


if __name__ == "__main__":
    main()
