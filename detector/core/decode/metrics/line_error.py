"""What is wrong with a line of a text of metrics; the other lines count all the same."""

from __future__ import annotations

from dataclasses import dataclass

MOST_ERRORS = 1000
SAMPLE_BYTES = 200


@dataclass(frozen=True, slots=True)
class LineError:
    """`line` counts from 1. Of many bad lines the last error stands for all that are not listed: `lines` of them."""

    line: int
    problem: str
    sample: bytes = b""
    lines: int = 1

    def __str__(self) -> str:
        if self.lines > 1:
            return f"line {self.line}: {self.problem} (and {self.lines - 1} further lines)"
        return f"line {self.line}: {self.problem}"


class LineErrors:
    """Keeps the first MOST_ERRORS and counts the rest."""

    def __init__(self) -> None:
        self._kept: list[LineError] = []
        self._more: LineError | None = None
        self._further = 0

    def __len__(self) -> int:
        return len(self._kept) + self._further

    def add(self, line: int, problem: str, text: bytes) -> None:
        if len(self._kept) < MOST_ERRORS:
            self._kept.append(LineError(line, problem, text[:SAMPLE_BYTES]))
            return
        self._further += 1
        if self._more is None:
            self._more = LineError(line, problem, text[:SAMPLE_BYTES])

    def told(self) -> tuple[LineError, ...]:
        if self._more is None:
            return tuple(self._kept)
        more = self._more
        return (*self._kept, LineError(more.line, more.problem, more.sample, self._further))
