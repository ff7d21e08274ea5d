"""The rival's interval against the figures of its own tests (MannWhitneySuite), which are R's."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.verdict_rival import fails, shift

CONTROL = """1.5 6 5 2.5 2.5 2 2 3.5 3 3 3 2 3 8 4 2.5 3 2.5 2.5 2 2.5 2 2 2.5 3.5 3 1.5 5 2.5 5.5 2 2.5 3.5 2 2.5 4 2 2 2 2 5.5
4.5
4 3 3 3.5 2.5 3 2.5 4 6 2 5 6 3.5 3 54.5 3 5 6 3.5 4.5 2.5 2 6 5 2.5 3.5 2 3 2.5 3.5 3.5 2.5 3 4.5 3 15.5 5 2.5 3 4 3.5 4 4 2
4.5 2.5 4 3"""
EXPERIMENT = """2.5 2.5 2 2.5 3.5 2 3.5 1.5 3 3 2.5 3.5 2 2.5 2 2 5 3 2 1.5 2 4 3 2.5 3 2 2 2 2.5 3.5 1.5 1.5 3.5 2 2.5 2.5 3 3.5
2.5 6.5 2.5 4 2.5 3 2.5 6.5 2.5 3 1.5 2 2.5 3 7.5 1.5 2 4 2.5 2 2.5 3.5 4 2.5 3 2.5 2 3.5 3 16.5 3 3 7 4.5 5 2 3.5 6 1.5 3
2.5 4 3 1.5 5 3 2.5 5.5 3 1.5 2.5 6"""


def test_four_against_four() -> None:
    assert shift(np.arange(1.0, 5.0), np.arange(10.0, 50.0, 10.0), 0.95) == (6.0, 22.5)


def test_with_many_ties() -> None:
    control, experiment = (np.array([float(word) for word in text.split()]) for text in (CONTROL, EXPERIMENT))
    low, estimate = shift(control, experiment, 0.95)
    assert low == pytest.approx(-0.5, abs=1e-5)
    assert estimate == pytest.approx(-0.5, abs=1e-3)


def test_what_it_fails() -> None:
    steady = np.linspace(1.0, 2.0, 60)
    assert fails(steady, steady + 1.0)
    assert not fails(steady, steady)
    assert not fails(steady, steady - 1.0)
    assert not fails(np.ones(60), np.ones(60))
