"""How the error that a signal may make is spent over the looks at it, so that holding for hours keeps the level."""

from __future__ import annotations

import math

POOLED = 0.25  # for the test over all windows together
PASSES = 3  # windows in a row that must pass: an intersection, which needs no correction


def share_of_window(window: int, windows: int) -> float:
    """Of alpha, for the test of window 1, 2, ...: at most 1 - POOLED in sum. A gate of exactly three spends equal quarters."""
    if windows == PASSES:
        return (1 - POOLED) / PASSES
    return (1 - POOLED) * 6 / (math.pi * window) ** 2


def share_of_pooled(windows: int) -> float:
    """Of alpha, for the test over all of so many windows. One who holds and looks again after each one asks it each time: a gate
    of three gets it whole, each later look less, and before three there is none."""
    return 0.0 if windows < PASSES else POOLED / (windows - PASSES + 1) ** 2


def share_of_pooled_pass(windows: int) -> float:
    """Of the five per cent with which a bad level may pass, for the test over all windows so far; none before three of them."""
    return 0.0 if windows < PASSES else 6 / (math.pi * (windows - PASSES + 1)) ** 2


def share_of_long_look(look: int) -> float:
    """Of an error, for a look at all that came so far by one who waits for hours or days and looks after each window: looks of
    which the last has less than twice the windows of the first see nearly the same, and share what an octave of them gets."""
    return 0.5 * share_of_window(1 + max(look, 1).bit_length() - 1, 0)
