"""A judge that answers as it is told, and the judgements it is asked for."""

from __future__ import annotations

from datetime import timedelta

from detector.core.incidents.grouping import Report
from detector.core.incidents.hold import Recovered, Released, Said
from detector.core.judgements.judgements import Judgements
from detector.records import Change, Judged, JudgeRequest, SignalAlarm, Stage, Verdict, VerdictState
from detector.settings import AlarmSettings, VerdictSettings

MINUTE = 60_000
T0 = 1_800_000_000_000 - 1_800_000_000_000 % (15 * MINUTE)
WINDOW, LATE = 15 * MINUTE, 150_000
ON = VerdictSettings(enabled=True, windows=3, own_history=True)
WATCHED = AlarmSettings(enabled=True)
P99, POOL = "application/latency-p99", "application/pool-idle-share"


def change(service: str = "shop", at_ms: int = T0, **fields) -> Change:
    said = {
        "id": f"{service}-{(at_ms - T0) // MINUTE}",
        "stage": Stage.DEPENDENCY,
        "release_before": "1.0",
        "release_after": "1.1",
    }
    return Change(**{**said, **fields, "service": service, "at_ms": at_ms})


def judgements(verdicts: VerdictSettings = ON, alarms: AlarmSettings | None = None) -> Judgements:
    return Judgements(verdicts, alarms or AlarmSettings())


def end_of(window: int, at_ms: int = T0) -> int:
    """When a window is asked for."""
    return at_ms + window * WINDOW + LATE


def asked(one: Judgements, now_ms: int) -> JudgeRequest:
    """The one request that is due."""
    one.tick(now_ms)
    (request,) = one.drain().requests
    return request


def verdict(signal: str, window: int | None, state: str) -> Verdict:
    reason = f"{signal} {state} in {window or 'all'}"
    return Verdict(signal, "application", window, 420.0, 485.0, "+15%", 15.5, (11.0, 20.0), "ms", VerdictState(state), reason)


def answer(request: JudgeRequest, said: dict[str, tuple[str, str]] | None = None, **fields) -> Judged:
    """`said` is a signal's state in the newest window, and in all of them."""
    found = [
        verdict(signal, window, state)
        for signal, states in (said or {}).items()
        for window, state in zip((request.window, None), states, strict=True)
    ]
    return Judged(request, request.until_ms + LATE, tuple(found), **{"required": (P99,), "before": "own history", **fields})


def alarm(signal: str, at_ms: int, size: float = 9.0, service: str = "shop") -> SignalAlarm:
    return SignalAlarm(service, signal, "application", "robust z", at_ms, 485.0, "ms", size, f"{signal} is far off")


def words(said: tuple[Said, ...]) -> list[str]:
    """What was said, in a word each."""
    return [_word(each) for each in said]


def reports(said: tuple[Said, ...]) -> list[Report]:
    return [each for each in said if isinstance(each, Report)]


def hours(count: int) -> timedelta:
    return timedelta(hours=count)


def _word(each: Said) -> str:
    match each:
        case Recovered():
            return "recovered"
        case Released():
            return "released"
        case Report(finding):
            return f"{finding.rule} {finding.severity.value}"
