"""Hours of past for a real Prometheus, made in a second: what its targets would have told it, written as blocks of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.services import installed

Labels = Mapping[str, str]


class Past:
    """`add` series, then `write` them before the server starts. Times are seconds, one list for all."""

    def __init__(self, times_s: Sequence[float]) -> None:
        self.times_s = times_s
        self._lines: list[str] = []

    def add(self, name: str, labels: Labels, values: Iterable[float | None]) -> None:
        """None: no scrape, or the series was not there."""
        told = ",".join(f'{label}="{value}"' for label, value in labels.items())
        for time_s, value in zip(self.times_s, values, strict=True):
            if value is not None:
                self._lines.append(f"{name}{{{told}}} {value:.10g} {time_s:.3f}")

    def write(self, folder: Path) -> None:
        """Into the data of a server that does not run."""
        folder.mkdir(parents=True, exist_ok=True)
        text = folder / "past.txt"
        text.write_text("\n".join((*self._lines, "# EOF", "")))
        command = [
            installed.program("promtool"),
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--quiet",
            str(text),
            str(folder / "data"),
        ]
        subprocess.run(command, check=True, timeout=60, capture_output=True)


def counter(increases: Iterable[float]) -> list[float]:
    """What a counter shows that rises so much from scrape to scrape."""
    total, shown = 0.0, []
    for increase in increases:
        total += increase
        shown.append(total)
    return shown
