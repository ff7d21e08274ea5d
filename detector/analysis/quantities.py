"""Numbers as a person reads them: a unit behind each, three to four digits that matter."""

from __future__ import annotations

import math


def level(value: float | None, unit: str) -> str:
    """`420 ms`, `0.012 %`, `-` where it is not known."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{digits(value)} {unit}".rstrip()


def deviation(value: float | None, unit: str) -> str:
    """As `level`, with its sign: `+15.5 %`."""
    said = level(value, unit)
    return f"+{said}" if value is not None and value > 0 and math.isfinite(value) else said


def digits(value: float) -> str:
    """Four digits, whole numbers in full, no exponent between a millionth and a billion."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.4g}"
    said = f"{value:.4g}" if abs(value) >= 100 else f"{value:.3g}"
    if "e" in said and abs(value) >= 1e-6:
        said = f"{value:.8f}".rstrip("0")
    return said


def interval(low: float | None, high: float | None, unit: str) -> str:
    """`+11 to +20 %`; `from +11 %` where the other end is not known; empty where neither is."""
    if low is None or high is None:
        one, word = (low, "from") if high is None else (high, "up to")
        return "" if one is None else f"{word} {deviation(one, unit)}"
    return f"{deviation(low, '')} to {deviation(high, '')} {unit}".rstrip()


def duration(seconds: float) -> str:
    """`45 s`, `4 min`, `2.5 h`."""
    for size, word in ((3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{digits(seconds / size)} {word}"
    return f"{digits(seconds)} s"


def place(value: float, low: float, high: float) -> float:
    """Where between the two, 0 to 1; a half where there is no room. In halves, as the largest numbers have no difference."""
    room = high / 2 - low / 2
    return min(max((value / 2 - low / 2) / room, 0.0), 1.0) if room > 0 else 0.5
