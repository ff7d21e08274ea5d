"""The random numbers of a run: each trial of each group of rows has its own, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Trials:
    """So many of each cell. Another `seed` is another draw of everything: what holds on one only was luck."""

    count: int
    seed: int = 0

    def rngs(self, group: int) -> Iterator[np.random.Generator]:
        drawn = [group] if self.seed == 0 else [group, self.seed]
        return (np.random.default_rng([*drawn, i]) for i in range(self.count))

    def share(self, group: int, holds: Callable[[np.random.Generator], bool]) -> float:
        return sum(holds(rng) for rng in self.rngs(group)) / self.count

    def one_in(self, number: int) -> Trials:
        return Trials(max(self.count // number, 1), self.seed)
