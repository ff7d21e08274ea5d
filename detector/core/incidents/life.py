"""One incident's life as we remember it between two events, and its form on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from detector.core.incidents.grouping import Report
from detector.records import Evidence, Incident, IncidentState, Severity

FIRST_LINES = 5  # evidence kept from the beginning; the last line comes on top
MOST_ALSO = 20
VERSION = 1


@dataclass(slots=True)
class Told:
    """What one receiver knows: whether it holds the incident open, and when and at which count it last heard of it."""

    is_open: bool
    at_ms: int
    count: int


class Life:
    """`active_ms`, `openings` and `told` are in the pipeline's own time, which never runs backwards; the incident's times are
    event times. In a storm every line is an event of one incident, so the record is only made anew when somebody looks.

    `seq` is the number of the last alert of this key. It begins at the time of the first event: a life that was forgotten, or
    lost with the store, and begins anew gives out no number that a receiver has seen (it would take the alert for a repeat).
    """

    __slots__ = (
        "_also",
        "_incident",
        "_last",
        "_stale",
        "active_ms",
        "count",
        "is_held",
        "is_startup",
        "last_seen_ms",
        "openings",
        "seq",
        "told",
    )

    def __init__(self, incident: Incident, active_ms: int, openings: list[int], is_startup: bool) -> None:
        self._incident = incident
        self._last: Evidence | None = None
        self._also = dict.fromkeys(incident.also)
        self._stale = False
        self.count = incident.count
        self.last_seen_ms = incident.last_seen_ms
        self.active_ms = active_ms
        self.openings = openings
        self.told: dict[str, Told] = {}
        self.seq = 0
        self.is_startup = is_startup
        self.is_held = False

    @property
    def incident(self) -> Incident:
        if self._stale:
            evidence = self._incident.evidence if self._last is None else _with_last(self._incident.evidence, self._last)
            self._incident = replace(
                self._incident,
                count=self.count,
                last_seen_ms=self.last_seen_ms,
                evidence=evidence,
                also=tuple(self._also),
            )
            self._stale, self._last = False, None
        return self._incident

    @property
    def key(self) -> str:
        return self._incident.dedup_key

    @property
    def state(self) -> IncidentState:
        return self._incident.state

    @property
    def is_over(self) -> bool:
        return self._incident.state is IncidentState.RESOLVED

    @property
    def severity(self) -> Severity:
        return self._incident.severity

    @property
    def service(self) -> str:
        return self._incident.service

    @property
    def is_flapping(self) -> bool:
        return self._incident.is_flapping

    def move(self, state: IncidentState, is_flapping: bool | None = None) -> None:
        """The next step of its life."""
        flapping = self._incident.is_flapping if is_flapping is None else is_flapping
        self._incident = replace(self.incident, state=state, is_flapping=flapping)

    def take(self, report: Report, at_ms: int) -> None:
        """One more event of the same cause."""
        finding, old = report.finding, self._incident
        self.count += 1
        self.active_ms = max(self.active_ms, at_ms)
        self.last_seen_ms = max(self.last_seen_ms, finding.time_ms)
        self.is_startup = self.is_startup and finding.is_startup
        if len(old.evidence) < FIRST_LINES:
            self._incident = replace(old, evidence=(*old.evidence, finding.evidence))
        else:
            self._last = finding.evidence
        if finding.severity.rank > old.severity.rank or finding.time_ms < old.first_seen_ms:
            severity = max(finding.severity, old.severity, key=lambda s: s.rank)
            self._incident = replace(self._incident, severity=severity, first_seen_ms=min(finding.time_ms, old.first_seen_ms))
        if report.also and len(self._also) < MOST_ALSO:
            self._also.update(dict.fromkeys(report.also))
        self._stale = True
        if report.holds:
            self._tell_anew(report)

    def _tell_anew(self, report: Report) -> None:
        """What was looked at again: the newest look says it best, and a later change may have another way back."""
        finding = report.finding
        self.is_held = True
        self._incident = replace(
            self._incident,
            title=finding.title,
            stage=finding.stage,
            fix=finding.fix,
            explanation=finding.cause,
            roll_back_to=report.roll_back_to,
        )

    def snapshot(self) -> bytes:
        told = {name: [t.is_open, t.at_ms, t.count] for name, t in self.told.items()}
        state: dict[str, object] = {
            "v": VERSION,
            "active": self.active_ms,
            "openings": self.openings,
            "told": told,
            "seq": self.seq,
            "startup": self.is_startup,
        }
        if self.is_held:
            state["held"] = True
        return json.dumps(state, separators=(",", ":")).encode()

    @classmethod
    def restore(cls, incident: Incident, state: bytes) -> Life:
        """Raises ValueError when the state is not ours."""
        try:
            said = json.loads(state)
            if said["v"] != VERSION:
                raise ValueError(f"incident state of version {said['v']!r}, this release reads {VERSION}")
            life = cls(incident, said["active"], said["openings"], said["startup"])
            life.told = {name: Told(*values) for name, values in said["told"].items()}
            life.seq = said["seq"]
            life.is_held = bool(said.get("held", False))
        except (KeyError, TypeError) as problem:
            raise ValueError(f"incident state that this release does not read: {problem!r}") from problem
        return life


def first_report(report: Report, at_ms: int) -> Life:
    """The life of a cause that was never seen before."""
    finding = report.finding
    entity = finding.entity
    incident = Incident(
        dedup_key=finding.dedup_key,
        state=IncidentState.OPEN,
        severity=finding.severity,
        service=finding.service,
        source=finding.evidence.source,
        rule=finding.rule,
        title=finding.title,
        entity=entity.token if entity else None,
        entity_kind=entity.kind if entity else None,
        stage=finding.stage,
        first_seen_ms=finding.time_ms,
        last_seen_ms=finding.time_ms,
        count=1,
        fix=finding.fix,
        evidence=(finding.evidence,),
        explanation=finding.cause,
        tags=finding.tags,
        also=report.also[:MOST_ALSO],
        roll_back_to=report.roll_back_to,
    )
    life = Life(incident, at_ms, [at_ms], finding.is_startup)
    life.seq = at_ms
    life.is_held = report.holds
    return life


def _with_last(kept: tuple[Evidence, ...], latest: Evidence) -> tuple[Evidence, ...]:
    return (*kept[:FIRST_LINES], latest)
