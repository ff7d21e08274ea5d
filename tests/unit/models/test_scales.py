"""The scale on which numbers are judged hides no damage."""

from __future__ import annotations

import numpy as np
import pytest

from models.judging import Question, Series, judge


@pytest.mark.parametrize("fall", [0.1, 0.01, 0.001, 0.0])
@pytest.mark.parametrize("direction", ["down", "both"])
def test_a_fall_counts_whole_where_a_fall_is_damage(fall: float, direction: str) -> None:
    """Durations have a floor on the scale of logarithms; a fall below it once counted as half."""
    rng = np.random.default_rng(2)
    before = Series(15.0 * np.arange(2000), 420 * np.exp(rng.normal(0, 0.01, 2000)))
    after = Series(15.0 * np.arange(2100, 2280), fall * 420 * np.exp(rng.normal(0, 0.01, 180)))
    whole = judge(before, after, Question("latency", direction, 0.8, True, False, None, 900.0))[-1]
    assert whole.state == "fail"
