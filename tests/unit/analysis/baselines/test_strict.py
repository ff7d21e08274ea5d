"""Point values compared, as the table of the source article compares them."""

from __future__ import annotations

import numpy as np
import pytest

from detector.analysis.baselines.asked import Asked, deviation_of, limit_of
from detector.analysis.baselines.strict import compare
from detector.analysis.baselines.units import measure
from detector.core.signals.spec import Direction
from detector.records import Verdict

GONE = float("nan")


def strict(column: str, before: float, after: float, accepted: str, direction: str = "up", limit: str = "") -> Verdict:
    old, new = np.array([before]), np.array([after])
    asked = Asked(direction=Direction(direction), acceptable=deviation_of(accepted), limit=limit_of(limit) if limit else None)
    return compare(column, old, new, asked, measure(column, asked, "", old, new), is_deviation=True)


@pytest.mark.parametrize(
    ("column", "before", "after", "accepted", "state", "observed"),
    [
        ("p99_ms", 420, 485, "+15%", "fail", 15.476),
        ("p99_ms", 420, 483, "+15%", "pass", 15.0),
        ("pool_idle", 68, 82, ">=+10pp", "pass", 14),
        ("pool_idle", 68, 78, ">=+10pp", "pass", 10),
        ("pool_idle", 68, 70, ">=+10pp", "fail", 2),
        ("pool_idle", 0.68, 0.70, ">=+10pp", "fail", 2),
        ("scrape_failures", 0.012, 0.008, "+0.005pp", "pass", -0.004),
        ("scrape_failures", 0.012, 0.018, "+0.005pp", "fail", 0.006),
        ("kafka_lag", GONE, -20, "+100ms", "pass", -20),
        ("kafka_lag", GONE, 120, "+100ms", "fail", 120),
        ("clients", 100, 64, "±35%", "fail", -36),
        ("clients", 100, 134, "+-35%", "pass", 34),
        ("requests", 100, 89, "-10%", "fail", -11),
        ("requests", 100, 300, "-10%", "pass", 200),
        ("idle", 50, 30, "<=-10pp", "pass", -20),
        ("idle", 50, 45, "<=-10pp", "fail", -5),
        ("lag_seconds", 1.0, 1.09, "+100ms", "pass", 90),
        ("lag_seconds", 1.0, 1.11, "+100ms", "fail", 110),
        ("heap_bytes", 2**30, 2**30 + 2**20, "+5MiB", "pass", 1),
        ("queue", 3, 5, "+1", "fail", 2),
        ("errors", 0, 0, "+10%", "pass", 0),
        ("errors", 0, 1, "+10%", "fail", None),
        ("errors", -10, -12, "+10%", "pass", -20),
        ("errors", 5, GONE, "+10%", "inconclusive", None),
        ("errors", GONE, GONE, "+10%", "inconclusive", None),
    ],
)
def test_point_values(column: str, before: float, after: float, accepted: str, state: str, observed: float | None) -> None:
    """The cases of the article first: P99, idle pool, scrape failures, a lag of which only the deviation is known."""
    made = strict(column, before, after, accepted)
    assert (made.state.value, made.window) == (state, None)
    assert made.observed == (None if observed is None else pytest.approx(observed, abs=1e-3))
    assert state in made.reason or "nothing to compare" in made.reason


def test_a_deviation_alone_counts_only_where_it_has_a_sign() -> None:
    """A level without a baseline is no deviation."""
    asked = Asked(acceptable=deviation_of("+100ms"))
    old, new = np.array([GONE]), np.array([20.0])
    made = compare("lag", old, new, asked, measure("lag", asked, "", old, new), is_deviation=False)
    assert made.state.value == "inconclusive"


def test_the_mean_of_what_is_there() -> None:
    """NaN and infinity are no values."""
    asked = Asked(acceptable=deviation_of("+10%"))
    old, new = np.array([10.0, GONE, 20.0]), np.array([float("inf"), 16.0])
    made = compare("x", old, new, asked, measure("x", asked, "", old, new), is_deviation=False)
    assert (made.baseline, made.after, made.state.value) == (15.0, 16.0, "pass")


@pytest.mark.parametrize(
    ("column", "after", "accepted", "direction", "limit", "state"),
    [
        ("heap_percent", 76, "+50pp", "up", "75%", "fail"),
        ("heap", 0.76, "+50pp", "up", "75%", "fail"),
        ("heap", 0.74, "+50pp", "up", "75%", "pass"),
        ("heap", 0.76, "+900%", "up", "75%", "fail"),
        ("wait_seconds", 0.4, "+900%", "up", "300ms", "fail"),
        ("idle", 9, "+90%", "down", "10", "fail"),
    ],
)
def test_a_limit_holds_whatever_is_accepted(
    column: str, after: float, accepted: str, direction: str, limit: str, state: str
) -> None:
    """In its own unit, or that of the column."""
    made = strict(column, after * 0.9, after, accepted, direction, limit)
    assert made.state.value == state
    assert "limit" in made.reason or state == "pass"
