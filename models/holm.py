"""Which of many small chances are no chance: Holm's step-down (1979, Scandinavian Journal of Statistics 6, 65)."""

from __future__ import annotations

from collections.abc import Sequence


def holm(chances: Sequence[float], alpha: float) -> list[bool]:
    """For each, whether it is refused, in the order given: the chance of any false one is at most `alpha` over all. The smallest
    is held against alpha over their number, the next against alpha over one less, and so on to the first that stands."""
    refused = [False] * len(chances)
    for place, at in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        if not chances[at] <= alpha / (len(chances) - place):
            break
        refused[at] = True
    return refused
