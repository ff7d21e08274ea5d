"""What people are told of verdicts and alarms: one dedup key a service, signal and kind of trouble."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from detector.core.incidents.grouping import Report
from detector.core.incidents.self_report import SERVICE
from detector.records import (
    Change,
    Entity,
    Evidence,
    Finding,
    Judged,
    JudgeRequest,
    Severity,
    SignalAlarm,
    Stage,
    TimeFrom,
    Verdict,
)

WORSE, VANISHED, ALARM = "signals/worse-after-change", "signals/vanished-after-change", "signals/alarm"
UNDECIDED, NOT_JUDGED = "signals/undecided", "trimwatch/not-judged"
BETWEEN = "signals between changes"
EVERY = "every signal"  # no signal has such an id
_MOST_NAMED = 5


def key_of(rule: str, service: str, thing: str) -> str:
    """The dedup key: whoever judges the same service, and when, comes to the same one. A verdict's does not name the change, so
    that the judgement of a rollback ends what the change began."""
    kind = "signal" if rule == WORSE else rule
    return hashlib.sha256("\0".join((service, kind, thing)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def got_worse(change: Change, judged: Judged, verdict: Verdict, severity: Severity) -> Report:
    """The signal failed; `verdict` is the one to tell of."""
    back = _way_back(change)
    return _of_signal(
        WORSE,
        change,
        judged.request,
        verdict.signal,
        severity,
        title=f"{change.service}: {verdict.signal} is worse after {change.id}: {verdict.reason}",
        cause=f"Since {_named(change)} it deviates by more than is accepted ({verdict.acceptable}), against {_before(judged)}.",
        fix=(f"Go back to {back}, or " if back else "Find ") + "what the change took away that this signal depends on.",
        text=verdict.reason,
    )


def vanished(change: Change, judged: Judged, signal: str, severity: Severity) -> Report:
    """It had values before the change and has none any more: that is neither good nor bad, but nobody can see which."""
    back = _way_back(change)
    return _of_signal(
        VANISHED,
        change,
        judged.request,
        signal,
        severity,
        title=f"{change.service}: {signal} vanished after {change.id}: it has a before and no value since",
        cause=f"Since {_named(change)} nothing reports it: endpoint, exporter or metric is gone, or has another name.",
        fix="Look whether the change took the exporter or its endpoint away" + (f"; {back} still had it." if back else "."),
        text=f"no value up to window {judged.request.window}; before: {_before(judged)}",
    )


def undecided(change: Change, judged: Judged, verdicts: Sequence[Verdict], missing: Sequence[str]) -> Report:
    """All windows are over, and required signals are neither well nor worse."""
    named = [f"{each.signal}: {each.reason}" for each in verdicts] + [f"{each}: it was not judged" for each in missing]
    text = "; ".join(named[:_MOST_NAMED]) + (f"; and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else "")
    return _report(
        rule=UNDECIDED,
        service=change.service,
        stage=change.stage,
        severity=Severity.INFO,
        entity=Entity("change", change.id, change.service),
        title=f"{change.service}: {change.id} is undecided after {judged.request.window} windows "
        f"({len(named)} of {len(judged.required)} required signals): hold, do not promote",
        cause=f"The evidence allows neither pass nor fail. {text}",
        fix="Compare over more time (verdicts.windows, verdicts.span), with more load, or with a control; or decide by hand.",
        evidence=Evidence(f"verdict {change.id}", f"window {judged.request.window}", 0, text),
        stream=f"verdict/{change.id}",
        at_ms=judged.request.until_ms,
        holds=True,
    )


def not_judged(judged: Judged, now_ms: int) -> Report:
    """The judge was asked often enough and could not answer."""
    request = judged.request
    what = f"window {request.window} after {request.change}" if request.change else BETWEEN
    return _report(
        rule=NOT_JUDGED,
        service=SERVICE,
        stage=Stage.NONE,
        severity=Severity.WARNING,
        entity=Entity("judgement", request.change or BETWEEN, request.service or BETWEEN),
        title=f"{what[0].upper()}{what[1:]} could not be judged: {judged.problem}",
        cause=f"The judge was asked for it again and again. {judged.problem}",
        fix="`trimwatch check --connect` asks every place of the before; `trimwatch verdict --change` judges by hand. "
        "Until then nothing says that the change is well.",
        evidence=Evidence("judge", request.id, 0, judged.problem),
        stream="trimwatch",
        at_ms=now_ms,
        holds=True,
        tags=("trimwatch_self",),
    )


def alarm(said: SignalAlarm) -> Finding:
    """A signal left its course with no change at hand."""
    value = "" if said.value is None else f", at {said.value:.6g} {said.unit}".rstrip()
    return _report(
        rule=ALARM,
        service=said.service,
        stage=Stage.NONE,
        severity=Severity.WARNING,
        entity=Entity("signal", said.signal, said.signal),
        title=f"{said.service}: {said.signal} left its course: {said.reason}",
        cause=f"{said.model} saw it {said.size:.1f} robust units from its usual course{value}, and no change is known.",
        fix="Look at what else happened then; if something was changed, say so with `trimwatch change add`.",
        evidence=Evidence(f"alarms {said.service}", said.model, 0, said.reason),
        stream=f"alarms/{said.service}",
        at_ms=said.at_ms,
    ).finding


def _of_signal(
    rule: str,
    change: Change,
    request: JudgeRequest,
    signal: str,
    severity: Severity,
    *,
    title: str,
    cause: str,
    fix: str,
    text: str,
) -> Report:
    return _report(
        rule=rule,
        service=change.service,
        stage=change.stage,
        severity=severity,
        entity=Entity("signal", signal, signal),
        title=title,
        cause=cause,
        fix=fix,
        evidence=Evidence(f"verdict {change.id}", f"window {request.window}", 0, text),
        stream=f"verdict/{change.id}",
        at_ms=request.until_ms,
        holds=True,
        roll_back_to=_way_back(change) or None,
    )


def _report(
    *,
    rule: str,
    service: str,
    stage: Stage,
    severity: Severity,
    entity: Entity,
    title: str,
    cause: str,
    fix: str,
    evidence: Evidence,
    stream: str,
    at_ms: int,
    holds: bool = False,
    roll_back_to: str | None = None,
    tags: tuple[str, ...] = ("signals",),
) -> Report:
    finding = Finding(
        rule=rule,
        stream_key=stream,
        event_start=at_ms,
        event_end=at_ms,
        service=service,
        severity=severity,
        stage=stage,
        entity=entity,
        title=title,
        cause=cause,
        fix=fix,
        tags=tags,
        time_ms=at_ms,
        time_from=TimeFrom.EVENT,
        evidence=evidence,
        dedup_key=key_of(rule, service, entity.normal),
    )
    return Report(finding, holds=holds, roll_back_to=roll_back_to)


def _way_back(change: Change) -> str:
    """Where to go back to. A rollback came from what had failed: that is no way back."""
    return "" if change.is_rollback else change.release_before or change.image_before


def _named(change: Change) -> str:
    releases = " to ".join(filter(None, (change.release_before, change.release_after)))
    words = ", ".join(filter(None, (releases, change.note)))
    return f"{change.id} ({words})" if words else change.id


def _before(judged: Judged) -> str:
    return judged.before or "the time before it"
