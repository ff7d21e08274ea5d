"""Alarms between changes, by the judge as a process on a store with a week in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.edges.store.store import Store
from detector.records import Cell, Checkpoint, Judged, JudgeRequest, Judging
from tests.unit.judge.case import CHANGE_MS, HOUR_MS, ask, noisy, settings

LATENCY, ERRORS, CPU = "application/latency-p99", "application/http-5xx-share", "container/cpu"
STEP_MS = 60_000
SINCE_MS = CHANGE_MS - HOUR_MS
BEGIN_MS = CHANGE_MS - 100 * HOUR_MS


def asked(folder: Path) -> Judged:
    request = JudgeRequest("alarms/1", Judging.ALARMS, SINCE_MS, CHANGE_MS)
    return ask(request, settings(folder, "alarms: {enabled: true, span: 100h}"))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """In the last hour latency rises by 20 deviations, the processor's time falls by as many, errors go on."""
    folder = tmp_path_factory.mktemp("alarms") / "state"
    moved = {LATENCY: ("ms", 420.0, 20.0, 400.0), CPU: ("s/min", 3.0, 0.1, -2.0), ERRORS: ("ratio", 0.01, 0.001, 0.0)}
    made = []
    for seed, (signal, (unit, level, spread, step)) in enumerate(moved.items()):
        value = noisy(level, spread, seed)
        made += [
            Cell("shop", signal, unit, at, value(at) + step * (at >= SINCE_MS + 10 * STEP_MS), 100.0)
            for at in range(BEGIN_MS, CHANGE_MS, STEP_MS)
        ]
    store = Store.open(settings(folder).store, CHANGE_MS)
    store.write(Checkpoint(at_ms=CHANGE_MS, cells=tuple(made)))
    store.close()
    return asked(folder)


def test_what_left_its_course_alarms(judged: Judged) -> None:
    """Once, with its size and words, in the interval that was asked for."""
    assert not judged.problem
    (alarm,) = [each for each in judged.alarms if each.signal == LATENCY]
    assert (alarm.service, alarm.layer, alarm.unit) == ("shop", "application", "ms")
    assert SINCE_MS <= alarm.at_ms < CHANGE_MS
    assert alarm.size > 4
    assert "rose" in alarm.reason
    assert alarm.value == pytest.approx(820, abs=30)


def test_what_got_better_or_goes_on_does_not(judged: Judged) -> None:
    """Less work for the processor is no alarm."""
    assert not {ERRORS, CPU} & {alarm.signal for alarm in judged.alarms}


def test_the_furthest_is_told_first(judged: Judged) -> None:
    """And how much was looked at."""
    sizes = [alarm.size for alarm in judged.alarms]
    assert sizes == sorted(sizes, reverse=True)
    assert "3 signals of 1 service" in judged.before


def test_without_a_past_nothing_alarms(tmp_path: Path) -> None:
    """An empty store is no problem; a short history says what is missing."""
    folder = tmp_path / "state"
    Store.open(settings(folder).store, CHANGE_MS).close()
    assert asked(folder).before == "there is no history to look at"
    store = Store.open(settings(folder).store, CHANGE_MS)
    times = range(SINCE_MS - HOUR_MS, CHANGE_MS, STEP_MS)
    store.write(Checkpoint(at_ms=CHANGE_MS, cells=tuple(Cell("shop", LATENCY, "ms", at, 1.0, 1.0) for at in times)))
    store.close()
    short = asked(folder)
    assert not short.alarms
    assert "not looked at by" in short.before
