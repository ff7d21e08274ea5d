"""The rows of the bench of verdicts: how often the judge is wrong, and how often it sees, over trials with a known truth."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from models.eprocess import Watch
from models.judging import Answer, Question, Series, judge
from models.series import Floats
from tests.bench import verdict_families as families
from tests.bench.verdict_families import DAY, FAMILIES, GIVEN, WINDOW, Trial
from tests.bench.verdict_rival import fails as rival_fails
from tests.bench.verdict_row import Row
from tests.bench.verdict_trials import Trials

SLOWER = Question("latency", "up", 0.10, is_relative=True)


def _judged(trial: Trial, question: Question = SLOWER) -> list[Answer]:
    return judge(trial.before, trial.after, question)


def no_change(trials: Trials) -> Iterator[Row]:
    for family in FAMILIES:
        windows = stops = rival = 0
        for rng in trials.rngs(1):
            trial = families.trial(family, rng)
            answers = _judged(trial)
            windows += sum(answer.state == "fail" for answer in answers[:-1])
            stops += answers[-1].state == "fail"
            rival += rival_fails(trial.before.values[-WINDOW:], trial.after.values[:WINDOW])
        yield Row(
            f"{family}: no change, one window fails (Kayenta's rule: {rival / trials.count:.1%})",
            windows / trials.count / 3,
            0.02,
            True,
        )
        yield Row(f"{family}: no change, the gate of three stops", stops / trials.count, 0.03, True)


def watched(trials: Trials) -> Iterator[Row]:
    for family in FAMILIES:

        def stopped(rng: np.random.Generator, family: str = family) -> bool:
            trial = families.trial(family, rng)
            watch = Watch(trial.before, SLOWER)
            early = any(watch.is_alarm(minute) for minute in watch.minutes(trial.after))
            return early or _judged(trial)[-1].state == "fail"

        yield Row(f"{family}: no change, stopped with the e-process every minute", trials.share(1, stopped), 0.03, True)


def holding(trials: Trials) -> Iterator[Row]:
    for family in FAMILIES:

        def stopped(rng: np.random.Generator, family: str = family) -> bool:
            trial = families.trial(family, rng, windows=12)
            return any(judge(trial.before, trial.first(k), SLOWER)[-1].state == "fail" for k in range(1, 13))

        yield Row(f"{family}: no change, stopped while holding for twelve windows", trials.share(2, stopped), 0.03, True)


def worse(trials: Trials) -> Iterator[Row]:
    power = {"iid": 0.98, "ar05": 0.98, "bursty": 0.98, "diurnal": 0.98, "ar08": 0.72}
    for family in GIVEN:
        states = [_judged(families.trial(family, rng, 0.15))[-1].state for rng in trials.rngs(3)]
        yield Row(f"{family}: +15 % failed within 45 min", states.count("fail") / trials.count, power[family], False)
        yield Row(f"{family}: +15 % promoted", states.count("pass") / trials.count, 0.02, True)
        states = [_judged(families.trial(family, rng, 0.10))[-1].state for rng in trials.rngs(4)]
        yield Row(f"{family}: +10 %, the limit, promoted", states.count("pass") / trials.count, 0.06, True)


def controlled(trials: Trials) -> Iterator[Row]:
    for shift, bound, what in ((0.15, 0.88, "+15 % found"), (0.0, 0.01, "no change, failed")):
        states = [_judged(families.controlled(rng, shift))[-1].state for rng in trials.rngs(5)]
        yield Row(f"with a control: {what}", states.count("fail") / trials.count, bound, shift == 0.0)


def tails(trials: Trials) -> Iterator[Row]:
    for family in GIVEN:

        def found(rng: np.random.Generator, family: str = family) -> bool:
            trial = families.trial(family, rng)
            values = trial.after.values * np.where(rng.random(len(trial.after.values)) < 0.1, 2.0, 1.0)
            after = Series(trial.after.times_s, values, trial.after.load)
            return judge(trial.before, after, SLOWER)[-1].state == "fail"

        yield Row(f"{family}: a tenth of the samples doubled, found", trials.share(6, found), 0.90, False)

    def seen(rng: np.random.Generator) -> bool:
        times: Floats = np.arange(DAY + 3 * WINDOW, dtype=np.float64) * families.STEP_S
        errors = np.where(rng.random(3 * WINDOW) < 0.1, 20.0, 0.0)
        question = Question("count", "up", 0.10, is_relative=True)
        return judge(Series(times[:DAY], np.zeros(DAY)), Series(times[DAY:], errors), question)[-1].state == "fail"

    yield Row("none before, 20 errors in a tenth of the scrapes, found", trials.share(7, seen), 0.99, False)


def laws(trials: Trials) -> Iterator[Row]:
    def agrees(rng: np.random.Generator) -> bool:
        trial = families.trial(GIVEN[int(rng.integers(5))], rng, float(rng.choice([0.0, 0.1, 0.15])))
        before, after = (Series(s.times_s, s.values / 1000, s.load) for s in (trial.before, trial.after))
        return [a.state for a in _judged(trial)] == [a.state for a in judge(before, after, SLOWER)]

    yield Row("the same verdicts in ms and in s", trials.share(8, agrees), 1.0, False)
    gaps = sum(_goes_back(families.trial(family, rng)) for family in FAMILIES for rng in Trials(2).rngs(9))
    yield Row("n of 60 samples times 100: verdicts that go back", float(gaps), 0.0, True, "")


def _goes_back(trial: Trial) -> bool:
    states = [[answer.state for answer in judge(trial.before, _damaged(trial.after, n), SLOWER)] for n in range(WINDOW + 1)]
    columns = zip(*states, strict=True)
    return any("fail" in column and set(column[column.index("fail") :]) != {"fail"} for column in columns)


def _damaged(after: Series, n: int) -> Series:
    values: Floats = after.values.reshape(-1, WINDOW).copy()
    values[:, :n] *= 100.0
    return Series(after.times_s, values.ravel(), after.load)


def speed(_trials: Trials) -> Iterator[Row]:
    trials = [families.trial(GIVEN[i % 5], rng) for i, rng in enumerate(Trials(50).rngs(10))]
    for i, trial in enumerate(trials):
        trial.before.values[(np.arange(DAY) * 7 + i) % 97 == 0] = np.nan
    start = time.process_time()
    for trial in trials:
        _judged(trial)
    yield Row("1,000 signals of a day at 15 s, one core", (time.process_time() - start) * 20, 1.5, True, "s")


GIVEN_ROWS = {row.__name__: row for row in (no_change, watched, holding, worse, controlled, tails, laws, speed)}
