"""A signal's file says what is asked of it; nothing of it is lost on the way to the judge."""

from __future__ import annotations

import numpy as np
import pytest

from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.catalogued import asked_of
from detector.analysis.baselines.comparison import Comparison
from detector.analysis.baselines.table import Table
from detector.core.signals.catalogue import load_signals
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.spec import SignalKind
from detector.edges.signal_files import builtin_signal_files
from detector.records import VerdictState

SIGNALS = {signal.id: signal for signal in load_signals(builtin_signal_files())}
DAY, WINDOWS = 5760, 240


def compared(signal: SignalDefinition, before: float, after: float) -> VerdictState:
    """The gate's word on an hour at the level `after`, a day at the level `before`, both with noise of a hundredth."""
    rng = np.random.default_rng(5)
    past, later = (level * (1 + rng.normal(0, 0.01, n)) for level, n in ((before, DAY), (after, WINDOWS)))
    tables = [
        Table(
            name,
            np.arange(start, start + 15.0 * len(values), 15.0),
            {signal.id: values},
            evidence={signal.id: np.full(len(values), 100.0)},
        )
        for name, start, values in (("before", 0.0, past), ("after", 15.0 * DAY, later))
    ]
    (one,) = Comparison(tables[0], tables[1], Asked(), {signal.id: asked_of(signal)}).run()
    return one.whole.state


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_every_shipped_signal_can_be_asked_about(signal: SignalDefinition) -> None:
    """In its own unit and layer, and its units fit each other. No change fails where one is wanted, and nowhere else."""
    asked = asked_of(signal)
    assert (asked.kind, asked.layer, asked.unit) == (signal.kind, signal.layer.value, signal.unit)
    assert (asked.is_required, asked.evidence) == (signal.is_required, signal.evidence)
    assert (compared(signal, 0.1, 0.1) is VerdictState.FAIL) == asked.acceptable.is_wanted


def test_every_kind_is_reached_by_a_file() -> None:
    assert {asked_of(signal).kind for signal in SIGNALS.values()} == set(SignalKind)


@pytest.mark.parametrize(
    ("id", "before", "after", "state"),
    [
        ("application/latency-p99", 420.0, 485.0, "fail"),
        ("application/latency-p99", 420.0, 425.0, "pass"),
        ("application/pool-idle-share", 0.68, 0.82, "pass"),
        ("application/pool-idle-share", 0.68, 0.70, "fail"),
        ("application/old-generation", 0.69, 0.78, "fail"),  # within +10pp, but over 75 %
        ("storage/kafka-lag", 200.0, 180.0, "pass"),
        ("storage/redis-evicted-keys", 100.0, 400.0, "pass"),
        ("storage/redis-evicted-keys", 100.0, 600.0, "fail"),
        ("storage/redis-clients", 100.0, 50.0, "fail"),
        ("storage/redis-clients", 100.0, 150.0, "fail"),
        ("application/request-rate", 100.0, 120.0, "pass"),
        ("application/request-rate", 100.0, 80.0, "fail"),
    ],
)
def test_deviations_and_limits_hold_as_written(id: str, before: float, after: float, state: str) -> None:
    assert compared(SIGNALS[id], before, after) == state


def test_start_up_times_are_few_and_are_judged() -> None:
    signal = SIGNALS["application/startup-time"]
    rng = np.random.default_rng(4)
    for level, state in ((20.0, "pass"), (45.0, "fail")):
        past, later = np.full(DAY, np.nan), np.full(WINDOWS, np.nan)
        past[rng.choice(DAY, 8, replace=False)] = 20 * np.exp(rng.normal(0, 0.1, 8))
        later[rng.choice(WINDOWS, 4, replace=False)] = level * np.exp(rng.normal(0, 0.1, 4))
        before = Table("b", np.arange(0.0, 15.0 * DAY, 15.0), {signal.id: past})
        after = Table("a", np.arange(15.0 * DAY, 15.0 * (DAY + WINDOWS), 15.0), {signal.id: later})
        (one,) = Comparison(before, after, Asked(), {signal.id: asked_of(signal)}).run()
        assert one.whole.state == state
        assert not one.is_required
