"""A plan that cannot tell what it asks for is refused, with a remedy that was tried."""

from __future__ import annotations

import numpy as np
import pytest

from detector.analysis.baselines.asked import Asked, Limit, deviation_of, limit_of
from detector.analysis.baselines.catalogued import asked_of
from detector.analysis.baselines.comparison import Comparison
from detector.analysis.baselines.planning import Planned, out_of_reach, plan, plans
from detector.analysis.baselines.table import Floats, Table
from detector.core.signals.catalogue import load_signals
from detector.core.signals.spec import SignalKind
from detector.edges.signal_files import builtin_signal_files

DAY = 5760


def noisy(deviation: float, n: int = DAY) -> Floats:
    return np.asarray(200 * np.exp(np.random.default_rng(1).normal(0, deviation, n)))


def planned(values: Floats, asked: Asked, windows: int = 3, evidence: float = 1.0) -> Planned:
    table = Table(
        "b.csv", np.arange(0.0, 15.0 * len(values), 15.0), {"x_ms": values}, evidence={"x_ms": np.full(len(values), evidence)}
    )
    return plan("x_ms", Comparison(table, Table("", np.empty(0), {}), asked, {}), asked, windows)


def slower(text: str, evidence: float = 0.0) -> Asked:
    return Asked(SignalKind.LATENCY, acceptable=deviation_of(text), evidence=evidence)


def test_what_can_be_told_holds() -> None:
    made = planned(noisy(0.1), slower("+15%"))
    assert made.is_enough
    assert made.detectable is not None
    assert 0 < made.detectable < 15
    assert (made.unit, made.accepted) == ("%", 15.0)
    assert str(made).endswith("would be found, +15% is accepted")


def test_more_windows_are_the_remedy_where_they_do() -> None:
    made = planned(noisy(0.1), slower("+4%"), windows=1)
    assert made.remedy in ("judge 2 windows instead of 1", "judge 3 windows instead of 1")
    assert planned(noisy(0.1), slower("+4%"), windows=3).is_enough


def test_where_nothing_does_all_that_may_is_named() -> None:
    made = planned(noisy(2.0, DAY // 2), slower("+1%"))
    assert made.remedy.startswith(
        "take a longer baseline than 12 h, or adjust for its load, or run a control beside it, or accept"
    )


def test_too_few_requests_need_longer_windows() -> None:
    made = planned(noisy(0.1), slower("+15%", evidence=100))
    assert (made.why_not, made.remedy) == ("a window has 60 of the 100 it needs", "make windows of 30 min")


def test_a_limit_that_is_nearer_is_what_is_accepted() -> None:
    asked = Asked(SignalKind.GAUGE, acceptable=deviation_of("+100ms"), unit="ms")
    near = Asked(SignalKind.GAUGE, acceptable=deviation_of("+100ms"), unit="ms", limit=asked_limit("205ms"))
    assert planned(noisy(0.05), asked).accepted == pytest.approx(100.0)
    assert planned(noisy(0.05), near).accepted == pytest.approx(4.75, abs=1.0)


def asked_limit(text: str) -> Limit:
    return limit_of(text)


@pytest.mark.parametrize("values", [np.empty(0), np.full(300, np.nan), np.full(4, 5.0)])
def test_nothing_to_go_by_is_refused(values: Floats) -> None:
    made = planned(values, slower("+15%"))
    assert (made.detectable, made.is_enough) == (None, False)
    assert made.why_not


def test_every_shipped_signal_has_a_plan() -> None:
    rng = np.random.default_rng(2)
    signals = load_signals(builtin_signal_files())
    columns = {signal.id: np.abs(rng.normal(0.2, 0.01, DAY)) for signal in signals}
    table = Table("b", np.arange(0.0, 15.0 * DAY, 15.0), columns, evidence={name: np.full(DAY, 50.0) for name in columns})
    asked = {signal.id: asked_of(signal) for signal in signals}
    made = list(plans(Comparison(table, Table("", np.empty(0), {}), Asked(), asked), 3))
    assert [one.signal for one in made] == list(columns)
    assert all(one.detectable is not None or one.why_not for one in made)


def test_required_signals_out_of_reach_are_listed() -> None:
    """With the reason and the remedy; what is not required, or nothing is known of, is not."""
    rng = np.random.default_rng(3)
    signals = load_signals(builtin_signal_files())
    times = np.arange(0.0, 15.0 * DAY, 15.0)
    values = {"application/latency-p99": 400 * np.exp(rng.normal(0, 0.8, DAY)), "container/working-set": np.full(DAY, 1e8)}
    values["application/error-log-share"] = np.abs(rng.normal(0.5, 0.2, DAY))
    tables = {name: Table("b", times, {name: each}, evidence={name: np.full(DAY, 100.0)}) for name, each in values.items()}
    told = out_of_reach(tables, signals, 900.0, 3)
    assert [one.signal for one in told] == ["application/latency-p99"]
    assert str(told[0]).startswith("application/latency-p99: +")
    assert "is the least that would be found: " in str(told[0])
