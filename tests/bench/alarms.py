"""`python -m tests.bench.alarms`: alarms a day of 1,000 fault-free signals, and what three faults take to be noticed.

A row is a model and a family: `a day` fault-free (wanted: 5), then for shift (3 deviations), drift (6 in 6 hours) and spike (10
for 5 minutes) the share noticed within 12 hours and the median minutes. 7 days of history at 60 s teach, 3 days are watched.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.random import Generator, default_rng

from models.alarm_models import ALARM_MODELS, JOINT
from models.robust_scale import centre_and_scale
from models.streaming import AlarmRule, FloatArray, Model, Panel, watch
from tests.bench.alarm_families import DAY_ROWS, FAMILIES, FAULTS, STEP_S

HISTORY_DAYS, WATCHED_DAYS = 7, 3
NOTICED_ROWS = 720
JOINT_SIGNALS = 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.alarms", description=__doc__)
    parser.add_argument("--signals", type=int, default=200)
    parser.add_argument("--models", nargs="*", default=[*ALARM_MODELS])
    parser.add_argument("--families", nargs="*", default=[*FAMILIES])
    chosen = parser.parse_args()
    print(f"{'model':<16}{'family':<11}{'a day':>7}{'  shift':<14}{'  drift':<14}{'  spike':<14}{'s':>6}")
    for name in chosen.models:
        for family in chosen.families:
            began = time.perf_counter()
            told = (_joint if name in JOINT else _single)(ALARM_MODELS[name], family, chosen.signals)
            print(f"{name:<16}{family:<11}{told}{time.perf_counter() - began:>6.1f}", flush=True)


def _single(model: Model, family: str, signals: int) -> str:
    history, new = _drawn(default_rng(len(family)), family, signals)
    quiet = watch(model, history, new, AlarmRule())
    day = 1000 * len(quiet) / signals / WATCHED_DAYS
    size = centre_and_scale(history.values - np.roll(history.values, 1, axis=0))[1] / np.sqrt(2)
    if family != "walk":
        size = centre_and_scale(_residual(history.values))[1]
    told = [_noticed(model, history, new, size, fault) for fault in FAULTS]
    return f"{day:>7.1f}" + "".join(told)


def _residual(values: FloatArray) -> FloatArray:
    """Without the usual day, so that a deviation is one of the noise and not of the season."""
    days = values.reshape(-1, DAY_ROWS, values.shape[1])
    return np.asarray((days - np.median(days, axis=0)).reshape(values.shape))


def _noticed(model: Model, history: Panel, new: Panel, size: FloatArray, fault: str) -> str:
    start, few = DAY_ROWS // 2, min(100, new.values.shape[1])
    values = new.values[: start + NOTICED_ROWS, :few].copy()
    values[start:] += size[:few] * FAULTS[fault](NOTICED_ROWS)[:, None]
    hurt = Panel(new.times_s[: values.shape[0]], values)
    first: dict[int, float] = {}
    for alarm in watch(model, Panel(history.times_s, history.values[:, :few]), hurt, AlarmRule()):
        if alarm.start_s >= hurt.times_s[start]:
            first[alarm.signal] = min(first.get(alarm.signal, np.inf), alarm.start_s - hurt.times_s[start])
    return _said(list(first.values()), few)


def _said(delays_s: list[float], asked: int) -> str:
    late = f"{np.median(delays_s) / 60:.0f} min" if delays_s else "-"
    return f"  {len(delays_s) / asked:>4.0%} {late:<7}"


def _joint(model: Model, family: str, signals: int) -> str:
    """Groups of 8 signals that share a load; the fault is in one of them."""
    groups, quiet = max(4, signals // JOINT_SIGNALS), 0
    delays: dict[str, list[float]] = {fault: [] for fault in FAULTS}
    for group in range(groups):
        chance = default_rng([len(family), group])
        history, new = _drawn(chance, family, JOINT_SIGNALS, is_joint=True)
        quiet += len(watch(model, history, new, AlarmRule()))
        size = centre_and_scale(history.values)[1]
        for fault, shape in FAULTS.items():
            start = DAY_ROWS // 2
            values = new.values[: start + NOTICED_ROWS].copy()
            values[start:, 0] += size[0] * shape(NOTICED_ROWS)
            hurt = Panel(new.times_s[: values.shape[0]], values)
            starts = [alarm.start_s - hurt.times_s[start] for alarm in watch(model, history, hurt, AlarmRule())]
            delays[fault] += [min(s for s in starts if s >= 0)] if any(s >= 0 for s in starts) else []
    return f"{1000 * quiet / groups / WATCHED_DAYS:>7.1f}" + "".join(_said(found, groups) for found in delays.values())


def _drawn(chance: Generator, family: str, signals: int, is_joint: bool = False) -> tuple[Panel, Panel]:
    rows = (HISTORY_DAYS + WATCHED_DAYS) * DAY_ROWS
    values = FAMILIES[family](chance, rows, signals)
    if is_joint:
        load = FAMILIES[family](chance, rows, 1)
        values = values + load * chance.uniform(1, 3, signals)
    whole = Panel(np.arange(rows, dtype=np.float64) * STEP_S, values)
    return whole.rows(0, HISTORY_DAYS * DAY_ROWS), whole.rows(HISTORY_DAYS * DAY_ROWS, rows)


if __name__ == "__main__":
    main()
