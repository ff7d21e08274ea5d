"""The signals of one service, before and since a change: each by the question that its file asks."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.catalogued import asked_of
from detector.analysis.baselines.comparison import Compared, Comparison
from detector.analysis.baselines.places import Before, before
from detector.analysis.baselines.table import Table
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.folding import LATENESS_MS, STEP_MS
from detector.edges.store.beside import Beside
from detector.errors import BadInput
from detector.judge.history_tables import PLACE, Since, signals_of, since_change
from detector.judge.learning import keep_before, share_before
from detector.records import Judged, JudgeRequest, Verdict, VerdictState
from detector.settings import Settings
from detector.signal_loading import read_signals

_NOTHING = np.array([], dtype=np.float64)


def judged_verdicts(request: JudgeRequest, settings: Settings, now_ms: int) -> Judged:
    """Of each signal that is known from before the change or since: what its newest window says, and all windows together.
    Raises TrimwatchError when there is nothing that could be read."""
    definitions = read_signals(settings.signals)
    opened = Beside.open(settings.store, now_ms, is_made=False)
    try:
        signals = signals_of(opened, request.service, definitions)
        since = since_change(opened, request, signals)
        found = before(request, signals, settings, opened)
        kept = keep_before(request, found, signals, opened, now_ms) if found.is_own else None
    finally:
        opened.close()
    if kept is not None:
        share_before(kept, settings.elasticsearch)
    case = _Case(request, found, since, now_ms)
    judged = [signal for signal in signals if case.is_known(signal)]
    if not found.tables:
        nothing = f"nothing is known of {request.service} from before the change: {found.source}"
        return Judged(request, now_ms, before=found.source, problem=nothing[:2000])
    return Judged(
        request,
        now_ms,
        tuple(verdict for signal in judged for verdict in case.verdicts(signal)),
        required=tuple(signal.id for signal in judged if signal.is_required),
        before=found.source,
        vanished=tuple(signal.id for signal in judged if case.has_vanished(signal)),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """What there is to judge one request on."""

    request: JudgeRequest
    found: Before
    since: Since
    now_ms: int

    def is_known(self, signal: SignalDefinition) -> bool:
        return signal.id in self.found.tables or signal.id in self.since.tables

    def has_vanished(self, signal: SignalDefinition) -> bool:
        """It has a before, and nothing came in the newest window or later. One whose values are further apart than a window is
        given the time of two."""
        past = self.found.tables.get(signal.id)
        if past is None:
            return False
        at_once = self.found.after.get(signal.id)
        if at_once is not None:
            known = at_once.times_s[np.isfinite(at_once.columns[signal.id])]
            last_ms = float(known[-1]) * 1000 if known.size else -np.inf
        else:
            last_ms = self.since.last_ms.get(signal.id, -np.inf)
        step_ms = float(np.median(np.diff(past.times_s))) * 1000 if past.times_s.size > 1 else 0.0
        silent_ms = max(self.request.window_ms, 2 * step_ms)
        return last_ms < self.request.until_ms - silent_ms and (at_once is not None or self._is_whole(last_ms, silent_ms))

    def _is_whole(self, last_ms: float, silent_ms: float) -> bool:
        """Whether what is not in history by now will not come: others of the service are there up to the window's end, or it was
        silent for longer than the steps of history stay open."""
        newest_ms = max(self.since.last_ms.values(), default=0)
        return newest_ms >= self.request.until_ms - STEP_MS or self.now_ms - last_ms >= silent_ms + LATENESS_MS + STEP_MS

    def verdicts(self, signal: SignalDefinition) -> Iterator[Verdict]:
        """Of the newest window, and of all; one that cannot be computed spoils no other."""
        try:
            yield from self._newest(self.found.judged(signal.id, self._compared(signal)))
        except BadInput as bad:
            yield self._undecided(signal, bad.faults[0].problem)
        except MemoryError:
            raise
        except Exception as error:
            traceback.print_exc(limit=-5, file=sys.stderr)
            yield self._undecided(signal, f"the judge failed on it: {type(error).__name__}")

    def _compared(self, signal: SignalDefinition) -> Compared:
        id_ = signal.id
        # What watched both periods in one way is asked for both.
        past = self.found.tables.get(id_) or Table(self.found.source, _NOTHING, {})
        later = self.found.after.get(id_) or self.since.tables.get(id_) or Table(PLACE, _NOTHING, {})
        (compared,) = Comparison(past, later, Asked(), {id_: asked_of(signal)}, self.request.window_ms / 1000).run()
        if id_ not in self.found.tables:
            return _with_reason(compared, f"there is no baseline of it: {self.found.missing.get(id_, 'nobody knows why')}")
        if self.has_vanished(signal):
            return _with_reason(compared, "it vanished: nothing came in the newest window")
        return compared

    def _newest(self, compared: Compared) -> Iterator[Verdict]:
        windows = [verdict for verdict in compared.verdicts if verdict.window is not None]
        yield from windows[-1:]
        yield compared.whole

    def _undecided(self, signal: SignalDefinition, why: str) -> Verdict:
        asked = asked_of(signal)
        state = VerdictState.INCONCLUSIVE
        return Verdict(
            signal.id, asked.layer, None, None, None, asked.acceptable.text, None, None, signal.unit, state, f"{why}: {state}"
        )


def _with_reason(compared: Compared, why: str) -> Compared:
    """Never a pass: what is not there has not been seen to be well. A failure of an earlier window stays one."""
    told: Sequence[Verdict] = [
        verdict
        if verdict.state is VerdictState.FAIL
        else replace(verdict, state=VerdictState.INCONCLUSIVE, reason=f"{why}: {VerdictState.INCONCLUSIVE}", windows_needed=None)
        for verdict in compared.verdicts
    ]
    return replace(compared, verdicts=tuple(told))
