"""A row of the bench of verdicts, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` is a share of trials, or seconds; `bound` what it may be at most, or must be at least."""

    what: str
    measured: float
    bound: float
    is_at_most: bool
    unit: str = "%"

    @property
    def holds(self) -> bool:
        return self.measured <= self.bound if self.is_at_most else self.measured >= self.bound

    def __str__(self) -> str:
        size = 100.0 if self.unit == "%" else 1.0
        sign = "<=" if self.is_at_most else ">="
        state = "" if self.holds else "   MISSED"
        return f"{self.what:<72}{self.measured * size:8.2f} {self.unit}  {sign} {self.bound * size:g} {self.unit}{state}"
