"""What the verdicts on a window mean for the incidents of a judgement."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from detector.core.incidents.hold import Recovered, Released, Said
from detector.core.judgements import told
from detector.core.judgements.judgement import Judgement
from detector.records import Judged, Severity, Verdict, VerdictState


def said_of(judgement: Judgement, judged: Judged) -> list[Said]:
    """In order; `judgement.held` follows. Only the verdict on all windows begins an incident, because it has paid for every look;
    whether an incident goes on or ends is for the newest window to say where it can, because that is about now."""
    by_signal: dict[str, list[Verdict]] = {}
    for verdict in judged.verdicts:
        by_signal.setdefault(verdict.signal, []).append(verdict)
    said: list[Said] = []
    for signal, verdicts in by_signal.items():
        said += _of_signal(judgement, judged, signal, verdicts)
    said += _vanished(judgement, judged, by_signal)
    said += _let_go(judgement, {*by_signal, *judged.vanished, told.EVERY})
    if judgement.is_over:
        said += _undecided(judgement, judged, by_signal)
    return said


def _of_signal(judgement: Judgement, judged: Judged, signal: str, verdicts: Sequence[Verdict]) -> list[Said]:
    change = judgement.change
    newest = next((each for each in verdicts if each.window == judged.request.window), None)
    whole = next((each for each in verdicts if each.window is None), None)
    said: list[Said] = []
    key = told.key_of(told.VANISHED, change.service, signal)
    if key in judgement.held and signal not in judged.vanished:
        del judgement.held[key]
        said.append(Recovered(key))
    key = told.key_of(told.WORSE, change.service, signal)
    now = newest if newest is not None and newest.state is not VerdictState.INCONCLUSIVE else whole
    if now is None or now.state is VerdictState.INCONCLUSIVE:
        return said
    if now.state is VerdictState.PASS:
        if key in judgement.held:
            del judgement.held[key]
            said.append(Recovered(key))
        return said
    is_paid_for = whole is not None and whole.state is VerdictState.FAIL
    if is_paid_for or key in judgement.held:
        telling = whole if is_paid_for and whole is not None else now
        said.append(told.got_worse(change, judged, telling, _severity(judged, signal)))
        judgement.held[key] = signal
    return said


def _vanished(judgement: Judgement, judged: Judged, judged_signals: Collection[str]) -> list[Said]:
    """One incident a signal; one alone where nothing is left: then it is whatever brings them, and not each of them."""
    service = judgement.change.service
    said: list[Said] = []
    key = told.key_of(told.VANISHED, service, told.EVERY)
    if len(judged.vanished) > 1 and set(judged_signals) <= set(judged.vanished):
        worst = Severity.ERROR if set(judged.vanished) & set(judged.required) else Severity.WARNING
        said.append(told.vanished(judgement.change, judged, told.EVERY, worst))
        judgement.held[key] = told.EVERY
        return said
    if judgement.held.pop(key, None) is not None:
        said.append(Recovered(key))
    for signal in judged.vanished:
        said.append(told.vanished(judgement.change, judged, signal, _severity(judged, signal)))
        judgement.held[told.key_of(told.VANISHED, service, signal)] = signal
    return said


def _let_go(judgement: Judgement, looked_at: set[str]) -> list[Said]:
    """Of signals that are not judged any more."""
    gone = [key for key, signal in judgement.held.items() if signal and signal not in looked_at]
    for key in gone:
        del judgement.held[key]
    return [Released(key) for key in gone]


def _undecided(judgement: Judgement, judged: Judged, by_signal: dict[str, list[Verdict]]) -> list[Said]:
    """After the last window: required signals of which nothing is known for sure. Hold, never promote."""
    wholes = [each for verdicts in by_signal.values() for each in verdicts if each.window is None]
    open_ = [each for each in wholes if each.signal in judged.required and each.state is VerdictState.INCONCLUSIVE]
    known = {each.signal for each in wholes}
    missing = [signal for signal in judged.required if signal not in known and signal not in judged.vanished]
    if not open_ and not missing:
        return []
    report = told.undecided(judgement.change, judged, open_, missing)
    judgement.held[report.finding.dedup_key] = ""
    return [report]


def _severity(judged: Judged, signal: str) -> Severity:
    return Severity.ERROR if signal in judged.required else Severity.WARNING
