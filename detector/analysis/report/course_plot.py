"""A signal's course before and after a change as one inline SVG: the usual range, what is accepted, the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detector.analysis import quantities
from detector.analysis.report.verdict_rows import VerdictRow

_WIDTH, _HEIGHT, _EDGE = 360.0, 90.0, 6.0
_BEFORE = 0.6  # of the width


@dataclass(frozen=True, slots=True)
class _Frame:
    low: float
    high: float

    def y(self, value: float) -> float:
        return _HEIGHT - _EDGE - quantities.place(value, self.low, self.high) * (_HEIGHT - 2 * _EDGE)


def course_plot(row: VerdictRow) -> str:
    """Safe to put into a page: it has numbers and words of ours alone, and colours by class."""
    values = [value for value in (*row.before, *row.after) if value is not None]
    if not values:
        return '<span class="none">no samples</span>'
    lines = [value for value in (*row.accepted, row.limit) if value is not None]
    low, high = min(values), max(values)
    reach = (high - low) or abs(high) or 1.0
    near = [value for value in lines if low - 2 * reach <= value <= high + 2 * reach]  # a far limit would flatten the course
    frame = _Frame(min(low, *near, high), max(high, *near, low))
    middle = _WIDTH * _BEFORE
    parts = [f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="course before and after">']
    if row.usual is not None:
        top, bottom = frame.y(row.usual[1]), frame.y(row.usual[0])
        parts.append(f'<rect class="usual" x="0" y="{top:.1f}" width="{_WIDTH:g}" height="{max(bottom - top, 1):.1f}"/>')
    parts += [_level(frame, value, "accepted", "accepted") for value in row.accepted if value in near and value is not None]
    if row.limit is not None and row.limit in near:
        parts.append(_level(frame, row.limit, "limit", "limit"))
    parts.append(f'<line class="change" x1="{middle:.1f}" y1="0" x2="{middle:.1f}" y2="{_HEIGHT:g}"/>')
    parts += _lines(frame, row.before, 0.0, middle - 3, "before")
    parts += _lines(frame, row.after, middle + 3, _WIDTH, "after")
    return "".join((*parts, "</svg>"))


def _level(frame: _Frame, value: float, kind: str, word: str) -> str:
    y = frame.y(value)
    line = f'<line class="{kind}" x1="0" y1="{y:.1f}" x2="{_WIDTH:g}" y2="{y:.1f}">'
    return f"{line}<title>{word}: {quantities.digits(value)}</title></line>"


def _lines(frame: _Frame, values: Sequence[float | None], left: float, right: float, kind: str) -> list[str]:
    """A line for each stretch without a gap; a lone point is a dot."""
    step = (right - left) / max(len(values) - 1, 1)
    stretches: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append((left + at * step, frame.y(value)))
    drawn = []
    for points in stretches:
        if len(points) == 1:
            drawn.append(f'<circle class="{kind}" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="2"/>')
        elif points:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            drawn.append(f'<polyline class="{kind}" points="{path}"/>')
    return drawn
