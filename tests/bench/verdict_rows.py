"""The rows of the bench of verdicts: how often the judge is wrong, and how often it sees, over trials with a known truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from models.eprocess import Watch
from models.judging import Answer, Question, Series, judge
from models.series import Floats
from tests.bench import verdict_families as families
from tests.bench import verdict_other_families as other_families
from tests.bench.verdict_families import DAY, FAMILIES, GIVEN, WINDOW, Trial
from tests.bench.verdict_other_families import OTHERS
from tests.bench.verdict_rival import fails as rival_fails

SLOWER = Question("latency", "up", 0.10, is_relative=True)


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` is a share of trials, or seconds; `bound` what it may be at most, or must be at least."""

    what: str
    measured: float
    bound: float
    is_at_most: bool
    unit: str = "%"

    @property
    def holds(self) -> bool:
        return self.measured <= self.bound if self.is_at_most else self.measured >= self.bound

    def __str__(self) -> str:
        size = 100.0 if self.unit == "%" else 1.0
        sign = "<=" if self.is_at_most else ">="
        state = "" if self.holds else "   MISSED"
        return f"{self.what:<72}{self.measured * size:8.2f} {self.unit}  {sign} {self.bound * size:g} {self.unit}{state}"


def _rngs(seed: int, trials: int) -> Iterator[np.random.Generator]:
    return (np.random.default_rng([seed, i]) for i in range(trials))


def _share(seed: int, trials: int, holds: Callable[[np.random.Generator], bool]) -> float:
    return sum(holds(rng) for rng in _rngs(seed, trials)) / trials


def _judged(trial: Trial, question: Question = SLOWER) -> list[Answer]:
    return judge(trial.before, trial.after, question)


def no_change(trials: int) -> Iterator[Row]:
    for family in FAMILIES:
        windows = stops = rival = 0
        for rng in _rngs(1, trials):
            trial = families.trial(family, rng)
            answers = _judged(trial)
            windows += sum(answer.state == "fail" for answer in answers[:-1])
            stops += answers[-1].state == "fail"
            rival += rival_fails(trial.before.values[-WINDOW:], trial.after.values[:WINDOW])
        yield Row(
            f"{family}: no change, one window fails (Kayenta's rule: {rival / trials:.1%})", windows / trials / 3, 0.02, True
        )
        yield Row(f"{family}: no change, the gate of three stops", stops / trials, 0.03, True)


def watched(trials: int) -> Iterator[Row]:
    for family in FAMILIES:

        def stopped(rng: np.random.Generator, family: str = family) -> bool:
            trial = families.trial(family, rng)
            watch = Watch(trial.before, SLOWER)
            early = any(watch.is_alarm(minute) for minute in watch.minutes(trial.after))
            return early or _judged(trial)[-1].state == "fail"

        yield Row(f"{family}: no change, stopped with the e-process every minute", _share(1, trials, stopped), 0.03, True)


def holding(trials: int) -> Iterator[Row]:
    for family in FAMILIES:

        def stopped(rng: np.random.Generator, family: str = family) -> bool:
            trial = families.trial(family, rng, windows=12)
            return any(judge(trial.before, trial.first(k), SLOWER)[-1].state == "fail" for k in range(1, 13))

        yield Row(
            f"{family}: no change, stopped while holding for twelve windows", _share(2, max(trials // 3, 1), stopped), 0.03, True
        )


def worse(trials: int) -> Iterator[Row]:
    power = {"iid": 0.98, "ar05": 0.98, "bursty": 0.98, "diurnal": 0.98, "ar08": 0.72}
    for family in GIVEN:
        states = [_judged(families.trial(family, rng, 0.15))[-1].state for rng in _rngs(3, trials)]
        yield Row(f"{family}: +15 % failed within 45 min", states.count("fail") / trials, power[family], False)
        yield Row(f"{family}: +15 % promoted", states.count("pass") / trials, 0.02, True)
        states = [_judged(families.trial(family, rng, 0.10))[-1].state for rng in _rngs(4, trials)]
        yield Row(f"{family}: +10 %, the limit, promoted", states.count("pass") / trials, 0.06, True)


def controlled(trials: int) -> Iterator[Row]:
    for shift, bound, what in ((0.15, 0.88, "+15 % found"), (0.0, 0.01, "no change, failed")):
        states = [_judged(families.controlled(rng, shift))[-1].state for rng in _rngs(5, trials)]
        yield Row(f"with a control: {what}", states.count("fail") / trials, bound, shift == 0.0)


def tails(trials: int) -> Iterator[Row]:
    for family in GIVEN:

        def found(rng: np.random.Generator, family: str = family) -> bool:
            trial = families.trial(family, rng)
            values = trial.after.values * np.where(rng.random(len(trial.after.values)) < 0.1, 2.0, 1.0)
            after = Series(trial.after.times_s, values, trial.after.load)
            return judge(trial.before, after, SLOWER)[-1].state == "fail"

        yield Row(f"{family}: a tenth of the samples doubled, found", _share(6, trials, found), 0.90, False)

    def seen(rng: np.random.Generator) -> bool:
        times: Floats = np.arange(DAY + 3 * WINDOW, dtype=np.float64) * families.STEP_S
        errors = np.where(rng.random(3 * WINDOW) < 0.1, 20.0, 0.0)
        question = Question("count", "up", 0.10, is_relative=True)
        return judge(Series(times[:DAY], np.zeros(DAY)), Series(times[DAY:], errors), question)[-1].state == "fail"

    yield Row("none before, 20 errors in a tenth of the scrapes, found", _share(7, trials, seen), 0.99, False)


def others(trials: int) -> Iterator[Row]:
    """Signals aside; how often a clear fault is found in them is told, not bounded."""
    for name, other in OTHERS.items():
        windows = stops = passed = found = 0
        for rng in _rngs(11, trials):
            trial = other_families.trial(name, rng)
            answers = judge(trial.before, trial.after, other.question)
            windows += sum(answer.state == "fail" for answer in answers[:-1])
            stops += answers[-1].state == "fail"
            passed += answers[-1].state == "pass"
        for rng in _rngs(12, max(trials // 4, 1)):
            trial = other_families.trial(name, rng, is_hurt=True)
            found += judge(trial.before, trial.after, other.question)[-1].state == "fail"
        told = f"{passed / trials:.0%} pass, times {other.hurt:g} found {found / max(trials // 4, 1):.0%}"
        yield Row(f"{name}: no change, one window fails", windows / trials / 3, 0.02, True)
        yield Row(f"{name}: no change, the gate of three stops ({told})", stops / trials, 0.03, True)


def others_holding(trials: int) -> Iterator[Row]:
    for name, other in OTHERS.items():
        stopped = 0
        for rng in _rngs(13, max(trials // 3, 1)):
            trial = other_families.trial(name, rng, windows=12)
            stopped += any(judge(trial.before, trial.first(k), other.question)[-1].state == "fail" for k in range(1, 13))
        share = stopped / max(trials // 3, 1)
        yield Row(f"{name}: no change, stopped while holding for twelve windows", share, 0.03, True)


def laws(trials: int) -> Iterator[Row]:
    def agrees(rng: np.random.Generator) -> bool:
        trial = families.trial(GIVEN[int(rng.integers(5))], rng, float(rng.choice([0.0, 0.1, 0.15])))
        before, after = (Series(s.times_s, s.values / 1000, s.load) for s in (trial.before, trial.after))
        return [a.state for a in _judged(trial)] == [a.state for a in judge(before, after, SLOWER)]

    yield Row("the same verdicts in ms and in s", _share(8, trials, agrees), 1.0, False)
    gaps = sum(_goes_back(families.trial(family, rng)) for family in FAMILIES for rng in _rngs(9, 2))
    yield Row("n of 60 samples times 100: verdicts that go back", float(gaps), 0.0, True, "")


def _goes_back(trial: Trial) -> bool:
    states = [[answer.state for answer in judge(trial.before, _damaged(trial.after, n), SLOWER)] for n in range(WINDOW + 1)]
    columns = zip(*states, strict=True)
    return any("fail" in column and set(column[column.index("fail") :]) != {"fail"} for column in columns)


def _damaged(after: Series, n: int) -> Series:
    values: Floats = after.values.reshape(-1, WINDOW).copy()
    values[:, :n] *= 100.0
    return Series(after.times_s, values.ravel(), after.load)


def speed(_trials: int) -> Iterator[Row]:
    trials = [families.trial(GIVEN[i % 5], rng) for i, rng in enumerate(_rngs(10, 50))]
    for i, trial in enumerate(trials):
        trial.before.values[(np.arange(DAY) * 7 + i) % 97 == 0] = np.nan
    start = time.process_time()
    for trial in trials:
        _judged(trial)
    yield Row("1,000 signals of a day at 15 s, one core", (time.process_time() - start) * 20, 5.0, True, "s")


ROWS = {row.__name__: row for row in (no_change, watched, holding, worse, controlled, tails, others, others_holding, laws, speed)}
