"""Which templates changed with the change, and which only came in a burst."""

from __future__ import annotations

import pandas as pd
import pytest
from numpy.random import default_rng

from detector.analysis.baselines.patterns import How, Patterns, Side, compare_patterns

HOUR = 3600.0
BEFORE, AFTER = (0.0, 6 * HOUR), (6 * HOUR, 8 * HOUR)


def lines(template: str, start: float, end: float, a_minute: float, seed: int = 0) -> pd.DataFrame:
    chance = default_rng([seed, len(template)])
    times = chance.uniform(start, end, chance.poisson(a_minute * (end - start) / 60))
    return pd.DataFrame({"time_s": times, "template": template, "example": template.replace("*", "17")})


def compared(*parts: pd.DataFrame) -> Patterns:
    steady = [lines(f"WARN steady {word} *", 0, 8 * HOUR, 1, seed) for seed, word in enumerate("abcdefghij")]
    every = pd.concat([*steady, *parts], ignore_index=True)
    return compare_patterns(Side(every, *BEFORE), Side(every, *AFTER))


def test_nothing_is_told_of_what_did_not_change() -> None:
    assert compared().changes == []


def test_new_gone_more_and_less_are_told_with_an_example() -> None:
    found = compared(
        lines("ERROR NoSuchMethodError cart *", *AFTER, 1),
        lines("WARN cache warmed in *", *BEFORE, 1),
        lines("ERROR timeout of payment *", *BEFORE, 0.5),
        lines("ERROR timeout of payment *", *AFTER, 4),
        lines("INFO retry queue drained *", *BEFORE, 4),
        lines("INFO retry queue drained *", *AFTER, 0.5),
    )
    assert [(change.how, change.example) for change in found.changes] == [
        (How.NEW, "ERROR NoSuchMethodError cart 17"),
        (How.MORE, "ERROR timeout of payment 17"),
        (How.GONE, "WARN cache warmed in 17"),
        (How.LESS, "INFO retry queue drained 17"),
    ]
    assert found.changes[1].ratio == pytest.approx(8, rel=0.3)
    assert "times as often as before" in found.changes[1].words
    assert "times less often" in found.changes[3].words


def test_a_new_burst_is_shown_and_not_told_as_a_change() -> None:
    burst = pd.DataFrame({"time_s": [6.5 * HOUR] * 300, "template": "ERROR broker away *", "example": "ERROR broker away 1"})
    found = compared(burst)
    assert [change.how for change in found.changes] == [How.UNSEEN]
    assert "too few" in found.changes[0].words


def test_twenty_messages_of_one_problem_are_one_problem() -> None:
    new = [lines(f"ERROR NoSuchMethodError: com.shop.Cart.{name}", *AFTER, 1, 9) for name in ("total", "items", "clear")]
    found = compared(*new, lines("FATAL cannot open shared object libz", *AFTER, 1))
    assert [change.how for change in found.changes] == [How.NEW] * 4
    assert len({change.problem for change in found.changes}) == 2


def test_templates_seen_once_before_say_how_many_are_new_by_chance() -> None:
    rare = pd.DataFrame({"time_s": [100.0 * k for k in range(30)], "template": [f"WARN rare {'x' * k}" for k in range(30)]})
    assert compared(rare.assign(example="rare")).unseen_by_chance == pytest.approx(10)


def test_a_side_without_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time"):
        compare_patterns(Side(lines("a", 0, 60, 1), 0, 0), Side(lines("a", 0, 60, 1), *AFTER))


def test_no_line_gives_nothing() -> None:
    some = lines("a", 0, 60, 1)
    assert compare_patterns(Side(some, HOUR, 2 * HOUR), Side(some, *AFTER)).changes == []
