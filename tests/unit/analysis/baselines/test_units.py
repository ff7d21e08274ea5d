"""How numbers are read and printed."""

from __future__ import annotations

import numpy as np
import pytest

from detector.analysis import quantities
from detector.analysis.baselines.asked import Asked, deviation_of, limit_of
from detector.analysis.baselines.units import WrongUnit, measure


def points(column: str, *values: float, accepted: str = "+0.1pp", unit: str = "") -> float:
    """By which a level of the column is multiplied to be percent."""
    numbers = np.array(values)
    return measure(column, Asked(acceptable=deviation_of(accepted), unit=unit), "", numbers, numbers).level


def test_percent_and_shares_of_one() -> None:
    """Unit and name decide; else the values; else what the acceptable deviation can mean."""
    assert points("errors", 0.002, 0.03) == 100
    assert points("errors", 0.2, 1.3) == 1
    assert points("errors_percent", 0.2, 0.3) == 1
    assert points("errors (%)", 0.2, 0.3) == 1
    assert points("errors", 0.2, 0.3, unit="%") == 1
    assert points("errors", 0.2, 1.3, unit="ratio") == 100
    assert points("up_ratio", 0.2, 0.3) == 100
    assert points("up_ratio", 20, 30) == 1
    assert points("scrape_failures", 0.012, accepted="+0.005pp") == 1
    assert points("errors", 0.0, 0.0) == 100


def test_units_that_do_not_fit_are_refused_only_where_they_were_told() -> None:
    """The flags hold for hundreds of columns; the end of a name is a guess."""
    none = np.array([1.0])
    with pytest.raises(WrongUnit, match="is in ms"):
        measure("a", Asked(acceptable=deviation_of("+5MiB"), unit="ms"), "", none, none)
    with pytest.raises(WrongUnit, match="is in ms"):
        measure("a", Asked(acceptable=deviation_of("+5pp")), "ms", none, none)
    with pytest.raises(WrongUnit, match="a limit of 3MiB does not fit"):
        measure("a_ms", Asked(limit=limit_of("3MiB")), "", none, none)
    assert measure("rows_s", Asked(acceptable=deviation_of("+5MiB")), "", none, none).unit == "MiB"


def test_a_deviation_in_words_is_refused() -> None:
    """15 percent of what?"""
    with pytest.raises(ValueError, match="may mean two things"):
        deviation_of("15 percent")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (0.012, "0.012"),
        (0.5731, "0.573"),
        (15.476, "15.5"),
        (485, "485"),
        (207.44, "207.4"),
        (123456.7, "123,457"),
        (1e-5, "0.00001"),
        (-0.004, "-0.004"),
        (2.5e15, "2.5e+15"),
        (1e-9, "1e-09"),
    ],
)
def test_numbers_are_read_by_people(value: float, said: str) -> None:
    """Three to four digits."""
    assert quantities.digits(value) == said


def test_a_deviation_has_a_sign() -> None:
    """Zero has none."""
    said = [quantities.deviation(value, "pp") for value in (0.5, 0.0, -0.5, None, float("nan"))]
    assert said == ["+0.5 pp", "0 pp", "-0.5 pp", "-", "-"]
