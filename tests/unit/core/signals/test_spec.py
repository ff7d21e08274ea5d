"""Deviations as people write them."""

from __future__ import annotations

import pytest

from detector.core.signals.spec import acceptable_of


@pytest.mark.parametrize(
    ("text", "amount", "unit", "is_wanted"),
    [
        ("+15%", 15.0, "%", False),
        ("+0.1pp", 0.1, "pp", False),
        ("-10 pp", -10.0, "pp", False),
        ("+100ms", 100.0, "ms", False),
        (">=+10pp", 10.0, "pp", True),
        ("<=-10pp", -10.0, "pp", True),
        ("<=+10%", 10.0, "%", False),
        (">=-10%", -10.0, "%", False),
        ("±35%", 35.0, "%", False),
        ("5", 5.0, "", False),
    ],
)
def test_a_deviation_is_read(text: str, amount: float, unit: str, is_wanted: bool) -> None:
    found = acceptable_of(text)
    assert (found.amount, found.unit, found.is_wanted, found.text) == (amount, unit, is_wanted, text)


@pytest.mark.parametrize("text", ["", "%", "much", "+-", "15 % more", "1e9%", "nan%"])
def test_anything_else_is_refused_with_what_one_may_write(text: str) -> None:
    with pytest.raises(ValueError, match="write \\+15%"):
        acceptable_of(text)
