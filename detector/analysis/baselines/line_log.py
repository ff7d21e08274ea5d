"""The loud lines of a log that no rule explains, each with its time and template: what two logs are compared by."""

from __future__ import annotations

import pandas as pd

from detector.analysis.baselines.patterns import Side
from detector.core.engine.novelty import MAX_EXAMPLE, Novelty, shape_of, template_of
from detector.records import LogEvent

MOST_LINES = 2_000_000
MOST_TEMPLATES = 20_000


class LineLog(Novelty):
    """A learner that also keeps times. `left_out` counts lines beyond the bounds, `untimed` those without a time of their own."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[bytes, int] = {}
        self._examples: list[str] = []
        self._of_line: list[int] = []
        self._times_ms: list[int] = []
        self.left_out = 0
        self.untimed = 0

    def see(self, event: LogEvent, source: str) -> bool:
        if not super().see(event, source):
            return False
        if event.time_ms is None:
            self.untimed += 1
            return True
        template = template_of(shape_of(event.text))
        number = self._numbers.get(template)
        if len(self._times_ms) >= MOST_LINES or (number is None and len(self._numbers) >= MOST_TEMPLATES):
            self.left_out += 1
            return True
        if number is None:
            number = self._numbers[template] = len(self._numbers)
            self._examples.append(event.text.split(b"\n", 1)[0][:MAX_EXAMPLE].decode("utf-8", "replace"))
        self._of_line.append(number)
        self._times_ms.append(event.time_ms)
        return True

    def side(self, span_ms: tuple[int, int] | None) -> Side | None:
        """`span_ms`: what samples of all lines told, for a log may be silent for long; None where nothing has a time."""
        times = [*(span_ms or ()), *((min(self._times_ms), max(self._times_ms)) if self._times_ms else ())]
        if not times:
            return None
        templates = [template.decode("utf-8", "replace") for template in self._numbers]
        lines = pd.DataFrame(
            {
                "time_s": pd.Series(self._times_ms, dtype="float64") / 1000,
                "template": pd.Series([templates[number] for number in self._of_line], dtype="object"),
                "example": pd.Series([self._examples[number] for number in self._of_line], dtype="object"),
            }
        )
        return Side(lines, min(times) / 1000, max(times) / 1000 + 0.001)
