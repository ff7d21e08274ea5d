"""Signals that are compared with what they were, in whatever unit they come."""

from __future__ import annotations

import numpy as np
import pytest

from detector.analysis.baselines.asked import Asked, deviation_of
from detector.analysis.baselines.comparison import Compared, Comparison
from detector.analysis.baselines.csv_table import read_csv
from detector.core.signals.spec import SignalKind
from detector.records import VerdictState

SLOWER = Asked(SignalKind.LATENCY, acceptable=deviation_of("+15%"))


def compared(before: str, after: str, is_strict: bool = True) -> dict[str, Compared]:
    old, new = read_csv("b.csv", before.encode()), read_csv("a.csv", after.encode())
    return {one.whole.signal: one for one in Comparison(old, new, SLOWER, {}, is_strict=is_strict).run()}


def test_another_unit_of_the_same_thing_is_converted() -> None:
    one = compared("time,p99\n1,420ms\n", "time,p99\n2,0.485s\n")["p99"].whole
    assert (one.baseline, one.after, one.unit, one.state) == (420.0, 485.0, "ms", VerdictState.FAIL)


def test_a_unit_that_changed_leaves_its_signal_open_and_the_others_alone() -> None:
    found = compared("time,p99,other\n1,420ms,5\n", "time,p99,other\n2,85%,5\n")
    assert found["p99"].whole.state is VerdictState.INCONCLUSIVE
    assert found["p99"].whole.reason == "the unit changed from ms to %: inconclusive"
    assert found["other"].whole.state is VerdictState.PASS


@pytest.mark.parametrize(("before", "after"), [("420", "0.485s"), ("420ms", "0.485")])
@pytest.mark.parametrize("is_strict", [True, False])
def test_a_unit_that_one_side_alone_says_is_no_unit_of_the_other(before: str, after: str, is_strict: bool) -> None:
    """485 ms once looked like half a millisecond against 420, and passed."""
    rows = range(1, 400)
    old = "time,wait\n" + "".join(f"{15 * row},{before}\n" for row in rows)
    new = "time,wait\n" + "".join(f"{10_000 + 15 * row},{after}\n" for row in rows)
    whole = compared(old, new, is_strict)["wait"].whole
    assert whole.state is VerdictState.INCONCLUSIVE
    assert "the unit changed from" in whole.reason


def test_a_name_that_ends_in_the_unit_says_it_for_both_sides() -> None:
    one = compared("time,wait_ms\n1,420\n", "time,wait_ms\n2,0.485s\n")["wait_ms"].whole
    assert (one.after, one.state) == (485.0, VerdictState.FAIL)


def test_a_warm_up_is_told_in_print() -> None:
    """Its level and deviation, in the units of the verdict."""
    rng = np.random.default_rng(1)
    rows = 5760
    past = 0.2 * np.exp(rng.normal(0, 0.05, rows))
    later = 0.2 * np.exp(rng.normal(0, 0.05, 240)) * (1 + 3 * np.exp(-np.arange(240) / 6))
    texts = [
        "time,p99_seconds\n" + "".join(f"{start + 15 * i},{value:.6g}\n" for i, value in enumerate(values))
        for start, values in ((0, past), (15 * rows, later))
    ]
    (one,) = compared(texts[0], texts[1], is_strict=False).values()
    assert one.whole.state is VerdictState.PASS
    assert one.warm_up is not None
    assert one.warm_up.after is not None
    assert one.warm_up.after > 0.3
    assert one.warm_up.observed is not None
    assert one.warm_up.observed > 50
    assert "of warm-up left out)" in one.whole.reason
