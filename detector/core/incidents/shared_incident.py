"""What daemons know together about one incident: a document that each of them changes in turn.

No daemon compares its clock with another's. Every change of a reporter or of a claim carries a `beat`, a number that was not
there before; whoever reads the document remembers since when, by his own clock, he has seen the same beat (`Watch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
LONGEST_NOTE = 1024
LONGEST_NAME = 200
LONGEST_AGAIN_S = 86_400
MOST_REPORTERS = 2_000
MOST_WATCHED = 2_000


@dataclass(frozen=True, slots=True)
class Reporter:
    """One daemon's word on whether it sees the incident. `seq` is the alert with which it last changed its mind, `count` how many
    events it had seen."""

    is_open: bool
    beat: int
    seq: int
    count: int


@dataclass(frozen=True, slots=True)
class Telling:
    """Who tells a receiver of something, and whether it has got there. `by` is empty where somebody tried in vain and left it to
    others. `note` is what the sink wants to be given with the next alert; `again_s` after how long it is to be repeated."""

    by: str
    beat: int
    is_delivered: bool = False
    note: str = ""
    again_s: float | None = None


@dataclass(frozen=True, slots=True)
class SharedIncident:
    """`round` counts how often the incident was opened. `told` and `resolved` are by slot: the receiver's name, or another name
    for an alert that goes to it in the place of somebody else. `incident` is the record as JSON has it, for whoever must tell of
    the end and has never seen it."""

    round: int = 1
    reporters: Mapping[str, Reporter] = field(default_factory=dict)
    told: Mapping[str, Telling] = field(default_factory=dict)
    resolved: Mapping[str, Telling] = field(default_factory=dict)
    incident: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether somebody sees it, as far as anybody said."""
        return any(reporter.is_open for reporter in self.reporters.values())

    @property
    def state(self) -> str:
        """open, closing (a receiver has still to hear of the end) or resolved."""
        if self.is_open:
            return "open"
        return "closing" if any(not self.is_ended(slot) for slot in self.told) else "resolved"

    def is_ended(self, slot: str) -> bool:
        """Whether the receiver has heard of the end."""
        ended = self.resolved.get(slot)
        return ended is not None and ended.is_delivered

    def body(self, key: str, beat: int) -> dict[str, Any]:
        """The document, as JSON has it. `beat` is the writer's clock: it only orders documents by how long nobody wrote them."""
        return {
            "version": VERSION,
            "key": key,
            "round": self.round,
            "state": self.state,
            "touched_ms": beat,
            "reporters": {name: _reporter_body(each) for name, each in self.reporters.items()},
            "told": {slot: _telling_body(each) for slot, each in self.told.items()},
            "resolved": {slot: _telling_body(each) for slot, each in self.resolved.items()},
            "incident": dict(self.incident),
        }

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> SharedIncident:
        """Raises ValueError when the document is not ours."""
        try:
            if body["version"] != VERSION:
                raise ValueError(f"a shared incident of version {body['version']!r}, this release reads {VERSION}")
            return cls(
                int(body["round"]),
                {str(name): _reporter(each) for name, each in body["reporters"].items()},
                {str(slot): _telling(each) for slot, each in body["told"].items()},
                {str(slot): _telling(each) for slot, each in body["resolved"].items()},
                dict(body["incident"]),
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as problem:
            raise ValueError(f"a shared incident that this release does not read: {problem!r}") from problem


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Who has not been heard of for a lease: reporters by name, claims by slot."""

    reporters: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    resolved: frozenset[str] = frozenset()


class Watch:
    """Since when each beat was seen, by our own clock. A daemon is taken for gone only after it was watched for a whole lease
    without a sign of life, whatever its clock says. Remembers the incidents that were looked at last."""

    def __init__(self, lease_ms: int, claim_ms: int) -> None:
        self._lease_ms, self._claim_ms = lease_ms, claim_ms
        self._seen: dict[str, dict[tuple[str, str], tuple[int, int]]] = {}
        self._looked_ms: dict[str, int] = {}

    def look(self, key: str, document: SharedIncident, now_ms: int) -> Lapsed:
        """To be called with every document that is read. `now_ms` never runs backwards. Who did not look for a lease, because he
        stood still himself, knows nothing of that time."""
        before, seen = self._seen.pop(key, {}), {}
        if now_ms - self._looked_ms.pop(key, now_ms) > self._lease_ms:
            before = {}
        self._looked_ms[key] = now_ms
        parts = (("reporters", document.reporters), ("told", document.told), ("resolved", document.resolved))
        lapsed: dict[str, set[str]] = {name: set() for name, _ in parts}
        for part, entries in parts:
            limit_ms = self._lease_ms if part == "reporters" else self._claim_ms
            for name, entry in entries.items():
                beat, since_ms = before.get((part, name), (entry.beat, now_ms))
                seen[part, name] = (entry.beat, since_ms if beat == entry.beat else now_ms)
                if now_ms - seen[part, name][1] > limit_ms:
                    lapsed[part].add(name)
        self._seen[key] = seen
        if len(self._seen) > MOST_WATCHED:
            oldest = next(iter(self._seen))
            del self._seen[oldest], self._looked_ms[oldest]
        return Lapsed(**{name: frozenset(each) for name, each in lapsed.items()})

    def begin_anew(self) -> None:
        """Nobody could be heard of for a while: no silence before now counts."""
        self._seen.clear()
        self._looked_ms.clear()

    def claim_age_ms(self, key: str, part: str, slot: str, now_ms: int) -> int:
        """How long a claim has been seen unchanged."""
        return now_ms - self._seen.get(key, {}).get((part, slot), (0, now_ms))[1]


def _reporter_body(reporter: Reporter) -> dict[str, Any]:
    state = "open" if reporter.is_open else "quiet"
    return {"state": state, "seen_ms": reporter.beat, "seq": reporter.seq, "count": reporter.count}


def _reporter(body: Mapping[str, Any]) -> Reporter:
    return Reporter(body["state"] == "open", int(body["seen_ms"]), int(body["seq"]), int(body["count"]))


def _telling_body(telling: Telling) -> dict[str, Any]:
    return {
        "by": telling.by,
        "claimed_ms": telling.beat,
        "delivered": telling.is_delivered,
        "note": telling.note,
        "again_s": telling.again_s,
    }


def _telling(body: Mapping[str, Any]) -> Telling:
    said = body["again_s"]
    again_s = None if said is None or not 0 < float(said) <= LONGEST_AGAIN_S else float(said)
    note = str(body["note"])[:LONGEST_NOTE]
    return Telling(str(body["by"])[:LONGEST_NAME], int(body["claimed_ms"]), bool(body["delivered"]), note, again_s)
