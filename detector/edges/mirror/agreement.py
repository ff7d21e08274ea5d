"""Asked by a lane before an alert leaves: is it ours to send, or did another daemon? And told what became of it.

When the cluster cannot be asked, a TRIGGER leaves after a few seconds all the same (the pager folds what comes twice under one
dedup key), while updates and resolves wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from detector.core.incidents import sharing
from detector.core.incidents.shared_incident import Lapsed, SharedIncident, Telling
from detector.core.incidents.sharing import Asking, Claim, Known, Send, Told
from detector.edges.mirror.ledger import Contended, Ledger
from detector.edges.store.rows import column, pack, parsed
from detector.errors import SinkError
from detector.masking import mask_incident
from detector.records import Alert, AlertAction, Incident
from detector.telemetry import Metrics

WITHIN_S = 3.0  # how long others may be faster before the alert waits for its next turn
TURN_S = 1.0
FIRST_LOOK_S = 2.0  # within this a crowd looks again whether the one whose turn it is has delivered
FAILURES_HELD = 3  # so often a claim survives that its alert could not be delivered; then another daemon may have better luck
LONGEST_TRUST_MS = 30_000  # so long is waited for another daemon that is about to tell, while the cluster is away
MOST_UNMARKED = 10_000
EVIDENCE_KEPT, TEXT_KEPT = 2, 500


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after so long."""

    seconds: float


Permission = Send | Wait | Told


@dataclass(frozen=True, slots=True)
class _Sent:
    """An alert that was delivered and of which the document does not know yet."""

    alert: Alert
    claim: Claim
    note: str
    again_s: float | None


class Agreement:
    """One daemon's side of it. May be asked from several lanes at once; `run` must run beside them."""

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._claims: dict[tuple[str, str, bool], Claim] = {}
        self._renewed_ms: dict[tuple[str, str, bool], int] = {}
        self._unmarked: dict[tuple[str, str, bool], _Sent] = {}
        self._last_words: set[tuple[str, str]] = set()  # where a TRIGGER of ours, sent alone, may be the last that was heard
        self._others: dict[tuple[str, str, bool], tuple[int, Telling | None]] = {}

    async def may_send(self, alert: Alert, *, is_repeat: bool = False) -> Permission:
        """Whether the alert may leave now. After Send, `sent` or `failed` must be called, or the claim lapses."""
        if not self._ledger.is_away and not await self._mark_before(alert) and not self._ledger.is_away:
            return self._waiting(TURN_S)
        if self._ledger.is_away:
            return self._unasked(alert)
        ask = self._asking(alert, is_repeat)

        def step(known: Known, lapsed: Lapsed) -> tuple[SharedIncident, sharing.Answer]:
            self._learn(alert, known)
            after, answer = _asked(alert, ask, known, lapsed)
            if alert.action is AlertAction.RESOLVE and isinstance(answer, Told) and _place(alert) in self._last_words:
                return sharing.ended_anyway(after, ask, answer)
            return after, answer

        try:
            answer = await self._ledger.change(alert.incident.dedup_key, step, WITHIN_S)
        except Contended:
            self._others[_which(alert)] = (self._ledger.now_ms(), None)
            return self._waiting(self._ledger.random.uniform(0.5, 2.0))
        except SinkError:
            return self._unasked(alert)
        if isinstance(answer, sharing.Later):
            age_s = self._ledger.claim_age_ms(alert.incident.dedup_key, answer.part, answer.slot) / 1000
            longest_s = max(1.0, self._ledger.terms.claim_ms / 4000)
            return self._waiting(self._ledger.random.uniform(0.3, min(longest_s, FIRST_LOOK_S + age_s)))
        self._others.pop(_which(alert), None)
        if alert.action is AlertAction.RESOLVE or (alert.action is AlertAction.TRIGGER and isinstance(answer, Send)):
            self._last_words.discard(_place(alert))
        if isinstance(answer, Send):
            self._hold(alert, answer.round)
        self._metrics.agreed("send" if isinstance(answer, Send) else "told")
        return answer

    async def sent(self, alert: Alert, note: str, again_s: float | None) -> None:
        """It was delivered. Returns in a few seconds whatever the cluster does: what it could not be told it is told later."""
        held = self._let_go(alert)
        done = _Sent(alert, held or self._claim(alert, 0), note, again_s)
        if self._ledger.is_away or not await self._mark(done):
            self._unmarked[_which(alert)] = done
            if len(self._unmarked) > MOST_UNMARKED:
                del self._unmarked[next(iter(self._unmarked))]

    async def failed(self, alert: Alert, attempts: int, *, is_final: bool) -> None:
        """It could not be delivered, so often now; `is_final`: it will not be tried again."""
        claim = self._let_go(alert)
        if claim is None or claim.round == 0 or not (is_final or attempts >= FAILURES_HELD):
            return
        with contextlib.suppress(SinkError, Contended):  # the claim lapses
            await self._ledger.change(
                alert.incident.dedup_key, lambda known, _: (sharing.given_back(known, claim), None), WITHIN_S
            )

    def forget(self, alert: Alert) -> None:
        """Nobody knows what became of it: the lane was stopped."""
        self._let_go(alert)
        self._others.pop(_which(alert), None)

    async def run(self) -> None:
        """Until cancelled: keeps claims alive whose alerts are on their way, and tells the cluster what it has missed."""
        while True:
            await asyncio.sleep(min(TURN_S, self._ledger.terms.claim_ms / 4000))
            with contextlib.suppress(SinkError, Contended):
                await self.settle()

    async def settle(self) -> None:
        """One turn of `run`. Raises SinkError, Contended."""
        if self._ledger.is_away:
            return
        now_ms = self._ledger.now_ms()
        for which, done in list(self._unmarked.items()):
            if not await self._mark(done):
                return
            self._unmarked.pop(which, None)
        for which, claim in list(self._claims.items()):
            if claim.round and now_ms - self._renewed_ms.get(which, now_ms) >= self._ledger.terms.claim_ms / 3:
                self._renewed_ms[which] = now_ms
                renew = partial(sharing.renewed, claim=claim, beat=self._ledger.beat())
                await self._ledger.change(which[0], partial(_changed_by, renew), WITHIN_S)

    # -- how --------------------------------------------------------------------------------------------------------------

    async def _mark_before(self, alert: Alert) -> bool:
        """What else we have said to this receiver, which the document does not know yet, comes first. False: not now."""
        for which, done in list(self._unmarked.items()):
            if which[:2] == _place(alert):
                if not await self._mark(done):
                    return False
                self._unmarked.pop(which, None)
        return True

    async def _mark(self, done: _Sent) -> bool:
        """Whether the document knows now that this was delivered."""
        ask = self._asking(done.alert, False)
        incident = None if done.alert.action is AlertAction.RESOLVE else kept(done.alert.incident)

        def step(known: Known, lapsed: Lapsed) -> tuple[SharedIncident | None, None]:
            claim = done.claim
            if not claim.round:  # it left while nobody could be asked
                if known is not None and not known.is_open:  # who knows whether an end was told before it or after it
                    self._last_words.add(_place(done.alert))
                    return None, None
                known, _ = _asked(done.alert, ask, known, lapsed)
                claim = replace(claim, round=known.round)
            return sharing.delivered(known, claim, done.note, done.again_s, incident) or known, None

        try:
            await self._ledger.change(done.alert.incident.dedup_key, step, WITHIN_S)
        except (Contended, SinkError):
            return False
        return True

    def _asking(self, alert: Alert, is_repeat: bool) -> Asking:
        return Asking(
            self._ledger.instance, _slot(alert), alert.seq, alert.incident.count, self._ledger.beat(), is_repeat=is_repeat
        )

    def _claim(self, alert: Alert, round: int) -> Claim:
        return Claim(self._ledger.instance, _slot(alert), alert.action is AlertAction.RESOLVE, round)

    def _hold(self, alert: Alert, round: int) -> None:
        which = _which(alert)
        self._claims[which] = self._claim(alert, round)
        self._renewed_ms[which] = self._ledger.now_ms()

    def _let_go(self, alert: Alert) -> Claim | None:
        self._renewed_ms.pop(_which(alert), None)
        return self._claims.pop(_which(alert), None)

    def _waiting(self, seconds: float) -> Wait:
        self._metrics.agreed("later")
        return Wait(seconds)

    def _learn(self, alert: Alert, known: Known) -> None:
        """Who tells the receiver of this, or has, as we have read last."""
        told = known.told.get(_slot(alert)) if known is not None and known.is_open else None
        if told is not None and told.by not in ("", self._ledger.instance):
            self._others[_which(alert)] = (self._ledger.now_ms(), told)

    def _unasked(self, alert: Alert) -> Permission:
        """The cluster does not answer. What another daemon has told is told; one that was about to has time for it."""
        if alert.action is not AlertAction.TRIGGER:
            return self._waiting(self._ledger.away_s + self._ledger.random.uniform(0.1, 1.0))
        since_ms, told = self._others.get(_which(alert), (0, None))
        if told is not None and told.is_delivered:
            del self._others[_which(alert)]
            return Told(told.by, told.again_s)
        if self._ledger.now_ms() - since_ms < min(self._ledger.terms.claim_ms, LONGEST_TRUST_MS):
            return self._waiting(self._ledger.random.uniform(1.0, 3.0))
        self._others.pop(_which(alert), None)
        self._hold(alert, 0)
        self._metrics.agreed("alone")
        return Send()


def kept(incident: Incident) -> Mapping[str, Any]:
    """As much of it as whoever tells of the end needs, secrets masked."""
    evidence = tuple(replace(each, text=each.text[:TEXT_KEPT]) for each in incident.evidence[:EVIDENCE_KEPT])
    body: Mapping[str, Any] = _spelled(parsed(pack(mask_incident(replace(incident, evidence=evidence)))))
    return body


def _spelled(value: Any) -> Any:
    """Text that no JSON of others takes (lone surrogates, out of file names) is spelled out."""
    if isinstance(value, dict):
        return {name: _spelled(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_spelled(each) for each in value]
    return column(value) if isinstance(value, str) else value


def _asked(alert: Alert, ask: Asking, known: Known, lapsed: Lapsed) -> tuple[SharedIncident, sharing.Answer]:
    after, answer = sharing.MAY[alert.action](known, ask, lapsed)
    return after if after.incident else replace(after, incident=kept(alert.incident)), answer


def _slot(alert: Alert) -> str:
    return sharing.slot_of(alert.receiver, alert.instead_of)


def _place(alert: Alert) -> tuple[str, str]:
    return alert.incident.dedup_key, _slot(alert)


def _which(alert: Alert) -> tuple[str, str, bool]:
    return alert.incident.dedup_key, _slot(alert), alert.action is AlertAction.RESOLVE


def _changed_by(change: Callable[[Known], Known], known: Known, _: Lapsed) -> tuple[Known, None]:
    return change(known), None
