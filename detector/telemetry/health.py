"""What is wrong with us now, for /healthz, /readyz and the metric trimwatch_trouble."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """What can be wrong with us. The word appears in /healthz, in the metric trimwatch_trouble and in the runbook."""

    STARTING = "starting"
    STOPPING = "stopping"
    STORE_UNAVAILABLE = "store_unavailable"
    STATE_LOST = "state_lost"
    BYTES_LOST = "bytes_lost"
    SOURCE_FAILING = "source_failing"
    SINK_FAILING = "sink_failing"
    RELOAD_FAILED = "reload_failed"
    RULES_QUARANTINED = "rules_quarantined"
    MIRROR_FAILING = "mirror_failing"

    @property
    def is_unready(self) -> bool:
        """Whether work is not being done: /readyz answers 503. The others are told and do not stop us."""
        return self not in _ONLY_TOLD


_ONLY_TOLD = (
    Trouble.STATE_LOST,
    Trouble.BYTES_LOST,
    Trouble.SOURCE_FAILING,
    Trouble.RELOAD_FAILED,
    Trouble.RULES_QUARANTINED,
    Trouble.MIRROR_FAILING,
)


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that is wrong: what, with which part, since when, and what a person should know."""

    trouble: Trouble
    subject: str
    text: str
    since_ms: int


class Health:
    """What is wrong now. Parts set and clear their own troubles; a subject tells apart two sources or sinks."""

    def __init__(self) -> None:
        self._reports: dict[tuple[Trouble, str], Report] = {}

    def set(self, trouble: Trouble, subject: str, text: str, now_ms: int) -> None:
        """Keeps the time at which it began."""
        before = self._reports.get((trouble, subject))
        since_ms = before.since_ms if before else now_ms
        self._reports[trouble, subject] = Report(trouble, subject, text[:500], since_ms)

    def clear(self, trouble: Trouble, subject: str = "") -> None:
        self._reports.pop((trouble, subject), None)

    def reports(self) -> list[Report]:
        """Oldest first."""
        return sorted(self._reports.values(), key=lambda report: (report.since_ms, report.trouble, report.subject))

    @property
    def is_ready(self) -> bool:
        return not any(report.trouble.is_unready for report in self.reports())
