"""Records for tests of the edges: an incident, its alerts, a checkpoint with all that a store keeps."""

from __future__ import annotations

from detector.records import (
    Alert,
    AlertAction,
    Cause,
    Checkpoint,
    DeadLetter,
    Entity,
    Evidence,
    Finding,
    Incident,
    IncidentState,
    LostRange,
    Position,
    Severity,
    Stage,
    Stream,
    TimeFrom,
)


def incident(key: str = "key", state: IncidentState = IncidentState.OPEN, **changes: object) -> Incident:
    fields: dict[str, object] = {
        "dedup_key": key,
        "state": state,
        "severity": Severity.CRITICAL,
        "service": "orders",
        "source": "/var/log/orders-\udc80.log",
        "rule": "jvm/class-not-found",
        "title": "A class is missing \x00 \U0001f4a5",
        "entity": "a.b.C",
        "entity_kind": "class",
        "stage": Stage.DEPENDENCY,
        "first_seen_ms": 1_000,
        "last_seen_ms": 2_000,
        "count": 17,
        "fix": "put it back",
        "evidence": (Evidence("orders.log", "120", 3, "line \ud83d one"), Evidence("orders.log", "990", 9, "line two")),
        "cause": Cause("a.jar", "jar", "trim-1", "implementation 'a'", 0.1 + 0.2),
        "roll_back_to": "v1",
        "explanation": "why",
        "tags": ("x", "y"),
        "also": ("other: thing",),
        "is_flapping": True,
    }
    return Incident(**(fields | changes))  # type: ignore[arg-type]


def alert(action: AlertAction, seq: int, key: str = "key", receiver: str = "pager") -> Alert:
    state = IncidentState.RESOLVED if action is AlertAction.RESOLVE else IncidentState.OPEN
    return Alert(receiver, action, incident(key, state, count=seq), seq, 1_000 + seq)


def alerts(*actions: AlertAction, key: str = "key", receiver: str = "pager") -> Checkpoint:
    """A checkpoint with nothing but alerts of one incident, numbered from 1."""
    return Checkpoint(1_000, alerts=tuple(alert(action, seq, key, receiver) for seq, action in enumerate(actions, 1)))


def finding(key: str = "key", start: int = 0) -> Finding:
    return Finding(
        rule="jvm/class-not-found",
        stream_key="2:77:ab",
        event_start=start,
        event_end=start + 10,
        service="orders",
        severity=Severity.ERROR,
        stage=Stage.DEPENDENCY,
        entity=Entity("class", "a.b.C", "a.b.c"),
        title="missing",
        cause="trim",
        fix="restore",
        tags=("t",),
        time_ms=5,
        time_from=TimeFrom.FRAME,
        evidence=Evidence("orders.log", "0", 1, "text"),
        dedup_key=key,
    )


def checkpoint(at_ms: int = 1_000) -> Checkpoint:
    """One of everything."""
    return Checkpoint(
        at_ms,
        positions=(Position("2:77:ab", "/var/log/orders-\udc80.log", 4096, '{"fingerprint": "ab"}'),),
        state=(("windows", b"\x00\xff{}"), ("joins", b"")),
        findings=(finding(),),
        incidents=(incident(),),
        alerts=(alert(AlertAction.TRIGGER, 1),),
        dead_letters=(DeadLetter("orders.log", "77", "no JSON", b"\x00\xff"),),
        lost=(LostRange(Stream("2:77:ab", "orders.log", labels=(("pod", "a"),)), 0, None, "truncated"),),
        command_id=7,
    )
