"""`python -m tests.bench.patterns`: how often the comparison of log patterns is wrong, and how often it finds.

Per family and length of the two sides: the share of fault-free pairs of 200 templates in which anything is told (wanted:
at most 5 %: without a true change the false-discovery rate is just that), the share of single p-values below 1 % and 0.1 %, and,
with a tenth of the templates changed, the share of what is told that is false and the share of the changed that is told.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.random import Generator, default_rng

from models.rate_change import FloatArray, discoveries, rate_changes

TEMPLATES = 200
FDR = 0.05
SIDES = {"60+15 min": (60, 15), "2+1/2 h": (120, 30), "24+1 h": (1440, 60), "24+24 h": (1440, 1440)}


def _steady(chance: Generator, windows: int, rates: FloatArray) -> FloatArray:
    return chance.poisson(rates[:, None], (rates.size, windows)).astype(np.float64)


def _gamma(chance: Generator, windows: int, rates: FloatArray) -> FloatArray:
    """The rate of each minute is drawn from a gamma of shape 0.2."""
    return chance.poisson(rates[:, None] * chance.gamma(0.2, 5.0, (rates.size, windows))).astype(np.float64)


def _bursts(chance: Generator, windows: int, rates: FloatArray) -> FloatArray:
    """All lines come in bursts of 30 on average (lognormal), each within one minute."""
    starts = chance.poisson(rates[:, None] / 30, (rates.size, windows))
    return np.floor(starts * np.exp(chance.normal(np.log(30) - 0.5, 1.0, starts.shape)))


def _episodes(chance: Generator, windows: int, rates: FloatArray) -> FloatArray:
    """Episodes of 10 minutes on average, a twentieth of the time, with 20 times the rate."""
    counts = np.zeros((rates.size, windows))
    for row, rate in enumerate(rates):
        is_on, state = np.zeros(windows), chance.random() < 0.05
        for window in range(windows):
            state = chance.random() > 0.1 if state else chance.random() < 0.1 * 0.05 / 0.95
            is_on[window] = state
        counts[row] = chance.poisson(20 * rate * is_on)
    return counts


FAMILIES: dict[str, Callable[[Generator, int, FloatArray], FloatArray]] = {
    "steady": _steady,
    "gamma minutes": _gamma,
    "bursts": _bursts,
    "episodes": _episodes,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.patterns", description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    chosen = parser.parse_args()
    print(f"{'family':<15}{'sides':<11}{'any told':>9}{'p<1%':>8}{'p<0.1%':>8}{'false':>8}{'found x3':>9}{'found new':>10}")
    for family in FAMILIES:
        for name, sides in SIDES.items():
            pairs = chosen.pairs if sides[0] < 1000 and family != "episodes" else max(10, chosen.pairs // 5)
            print(f"{family:<15}{name:<11}{_row(family, sides, pairs)}", flush=True)


def _row(family: str, sides: tuple[int, int], pairs: int) -> str:
    chance, drawn = default_rng(7), FAMILIES[family]
    exposures = np.ones(sides[0]), np.ones(sides[1])
    told, tested = 0, 0
    small = smaller = 0.0
    wrong, more, new = [], 0, 0
    tenth = TEMPLATES // 10
    for _ in range(pairs):
        rates = np.exp(chance.normal(np.log(0.5), 1.5, TEMPLATES))
        before, after = drawn(chance, sides[0], rates), drawn(chance, sides[1], rates)
        p = np.array([change.p for change in rate_changes(before, after, *exposures)])
        told += any(discoveries(list(p), FDR))
        small, smaller, tested = small + float(np.sum(p < 0.01)), smaller + float(np.sum(p < 0.001)), tested + p.size
        raised = rates[: 2 * tenth].copy()
        raised[:tenth] *= 3
        after[: 2 * tenth] = drawn(chance, sides[1], raised)
        before[tenth : 2 * tenth] = 0
        found = discoveries([change.p for change in rate_changes(before, after, *exposures)], FDR)
        more, new = more + sum(found[:tenth]), new + sum(found[tenth : 2 * tenth])
        wrong.append(sum(found[2 * tenth :]) / max(1, sum(found)))
    changed = pairs * tenth
    figures = f"{told / pairs:>9.1%}{small / tested:>8.2%}{smaller / tested:>8.3%}{np.mean(wrong):>8.1%}"
    return figures + f"{more / changed:>9.0%}{new / changed:>10.0%}"


if __name__ == "__main__":
    main()
