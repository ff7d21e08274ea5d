"""The rows of signals that the judge was not made on: the same level, and what is found, which has no bound."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from models.eprocess import Watch
from models.judging import judge
from tests.bench.verdict_other_families import OTHERS, Other, trial
from tests.bench.verdict_row import Row
from tests.bench.verdict_trials import Trials


def others(trials: Trials) -> Iterator[Row]:
    for name, other in OTHERS.items():
        windows = stops = passed = 0
        for rng in trials.rngs(11):
            drawn = trial(name, rng)
            answers = judge(drawn.before, drawn.after, other.question)
            windows += sum(answer.state == "fail" for answer in answers[:-1])
            stops += answers[-1].state == "fail"
            passed += answers[-1].state == "pass"
        found = trials.one_in(4).share(12, partial(_is_found, name))
        told = f"{passed / trials.count:.0%} pass; x {other.hurt:g} found {found:.0%}"
        yield Row(f"{name}: no change, one window fails", windows / trials.count / 3, 0.02, True)
        yield Row(f"{name}: no change, the gate stops ({told})", stops / trials.count, 0.03, True)


def _is_found(name: str, rng: np.random.Generator) -> bool:
    drawn = trial(name, rng, is_hurt=True)
    return judge(drawn.before, drawn.after, OTHERS[name].question)[-1].state == "fail"


def others_watched(trials: Trials) -> Iterator[Row]:
    for name, other in OTHERS.items():

        def stopped(rng: np.random.Generator, name: str = name, other: Other = other) -> bool:
            drawn = trial(name, rng)
            watch = Watch(drawn.before, other.question)
            return any(watch.is_alarm(minute) for minute in watch.minutes(drawn.after))

        yield Row(f"{name}: no change, stopped by the e-process alone", trials.share(11, stopped), 0.01, True)


def others_holding(trials: Trials) -> Iterator[Row]:
    for name, other in OTHERS.items():

        def stopped(rng: np.random.Generator, name: str = name, other: Other = other) -> bool:
            drawn = trial(name, rng, windows=12)
            return any(judge(drawn.before, drawn.first(k), other.question)[-1].state == "fail" for k in range(1, 13))

        yield Row(f"{name}: no change, stopped while holding for twelve windows", trials.share(13, stopped), 0.03, True)


OTHER_ROWS = {row.__name__: row for row in (others, others_watched, others_holding)}
