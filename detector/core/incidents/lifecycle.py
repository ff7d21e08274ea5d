"""Moves incidents open -> acknowledged -> resolved, and says which receiver must hear of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from detector.core.incidents import self_report
from detector.core.incidents.grouping import Report
from detector.core.incidents.life import Life, Told, first_report
from detector.core.incidents.silences import Silences
from detector.records import Alert, AlertAction, Finding, Incident, IncidentState, Receiver
from detector.settings import IncidentSettings

LIFE = "life/"
SILENCES = "silences"
OWN = 100


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of the incidents since the last time somebody asked."""

    incidents: tuple[Incident, ...]
    alerts: tuple[Alert, ...]
    state: tuple[tuple[str, bytes | None], ...]


class Incidents:
    """All incidents of one pipeline. `at_ms` everywhere is the pipeline's own time: it never runs backwards."""

    def __init__(self, settings: IncidentSettings, receivers: Iterable[Receiver] = ()) -> None:
        self.configure(settings, receivers)
        self._lives: dict[str, Life] = {}
        self._silences = Silences()
        self._changed: dict[str, None] = {}
        self._forgotten: list[str] = []
        self._alerts: list[Alert] = []
        self._silences_changed = False
        self._last_words: list[Incident] = []  # forgotten before anybody heard what became of them
        self.not_opened = 0  # findings beyond max_open distinct causes

    def configure(self, settings: IncidentSettings, receivers: Iterable[Receiver]) -> None:
        """New settings for the incidents there are; who is new among the receivers hears of what is open at the next look."""
        self._settings, self._receivers = settings, tuple(receivers)
        self._quiet_ms, self._flap_ms, self._update_ms = map(_ms, (settings.quiet, settings.flap_window, settings.update_every))

    # -- what happens ---------------------------------------------------------------------------------------------------------

    def take(self, report: Report, at_ms: int) -> None:
        """One event with a finding."""
        key = report.finding.dedup_key
        life = self._lives.get(key)
        if life is None:
            if len(self._lives) >= self._most(report) and not self._forget_one():
                self.not_opened += 1
                return
            self._lives[key] = life = first_report(report, at_ms)
        else:
            if self._was_quiet(life, at_ms):
                self._resolve(life, at_ms)
            if life.is_over:
                self._reopen(life, report, at_ms)
            life.take(report, at_ms)
        self._changed[key] = None
        self._tell(life, at_ms)
        for finding in report.beside:
            beside = self._lives.get(finding.dedup_key)
            if beside is not None and not beside.is_over:
                self.take(Report(finding), at_ms)

    def succeeded(self, finding: Finding, at_ms: int) -> None:
        """A start of this service succeeded: what only ever kept it from starting is over."""
        for life in self._lives.values():
            kept_from_starting = life.is_startup and not life.is_over and life.service == finding.service
            if kept_from_starting and life.last_seen_ms <= finding.time_ms:
                self._resolve(life, at_ms)

    def recovered(self, key: str, at_ms: int) -> None:
        """What was wrong was looked at again and is well: it is over, held or not."""
        life = self._lives.get(key)
        if life is not None and not life.is_over:
            life.active_ms = max(life.active_ms, at_ms)
            self._resolve(life, at_ms)

    def released(self, key: str, at_ms: int) -> None:
        """Nobody looks at it any more: from here on it is resolved when it was quiet."""
        life = self._lives.get(key)
        if life is not None and life.is_held:
            life.is_held = False
            life.active_ms = max(life.active_ms, at_ms)
            self._changed[key] = None

    def hold_only(self, keys: Collection[str], at_ms: int) -> None:
        """Lets go of what nobody will ever say is over."""
        for key, life in self._lives.items():
            if life.is_held and key not in keys:
                self.released(key, at_ms)

    def tick(self, at_ms: int) -> None:
        """Time went by: resolves what is quiet, tells what is due, forgets what is long over."""
        if self._silences.expire(at_ms):
            self._silences_changed = True
        for key, life in list(self._lives.items()):
            if not life.is_over:
                if self._was_quiet(life, at_ms):
                    self._resolve(life, at_ms)
                else:
                    self._tell(life, at_ms)
            elif at_ms - life.active_ms > self._memory_ms:
                self._drop(key)

    def settle(self, at_ms: int) -> None:
        """Nothing more will come: resolves what is quiet and forgets nothing."""
        for life in self._lives.values():
            if self._was_quiet(life, at_ms):
                self._resolve(life, at_ms)

    def acknowledge(self, key: str, at_ms: int) -> bool:
        """A person has taken it. False when no such incident is open."""
        life = self._lives.get(key)
        if life is None or life.state is not IncidentState.OPEN:
            return False
        life.move(IncidentState.ACKNOWLEDGED)
        self._changed[key] = None
        return True

    def tell_again(self, key: str, at_ms: int) -> None:
        """Others took the incident for over while we were not heard of, and its receivers were told so."""
        life = self._lives.get(key)
        if life is None or life.is_over:
            return
        for told in life.told.values():
            told.is_open = False
        self._changed[key] = None
        self._tell(life, at_ms)

    def silence(self, key: str, until_ms: int) -> None:
        """`key` is a dedup key or `service:<name>`."""
        self._silences.add(key, until_ms)
        self._silences_changed = True

    # -- what is known --------------------------------------------------------------------------------------------------------

    def all(self) -> list[Incident]:
        """Every incident that is remembered, by first sight."""
        return sorted((life.incident for life in self._lives.values()), key=lambda i: (i.first_seen_ms, i.dedup_key))

    def open_count(self) -> dict[str, int]:
        """How many are in each state."""
        counts = dict.fromkeys((s.value for s in IncidentState), 0)
        for life in self._lives.values():
            counts[life.state.value] += 1
        return counts

    @property
    def has_alerts(self) -> bool:
        """Whether somebody must be told since the last drain."""
        return bool(self._alerts)

    def drain(self) -> Changes:
        """What changed since the last call."""
        incidents = (*self._last_words, *(self._lives[key].incident for key in self._changed if key in self._lives))
        state: list[tuple[str, bytes | None]] = [(LIFE + key, None) for key in self._forgotten]
        state += [(LIFE + key, self._lives[key].snapshot()) for key in self._changed if key in self._lives]
        if self._silences_changed:
            state.append((SILENCES, self._silences.snapshot()))
        changes = Changes(incidents, tuple(self._alerts), tuple(state))
        self._changed, self._alerts, self._forgotten, self._silences_changed = {}, [], [], False
        self._last_words = []
        return changes

    def restore(self, incidents: Iterable[Incident], state: Mapping[str, bytes]) -> None:
        """What a store held; called once, before anything happens. Raises ValueError when the state is not ours."""
        for incident in incidents:
            if (said := state.get(LIFE + incident.dedup_key)) is not None:
                self._lives[incident.dedup_key] = Life.restore(incident, said)
        if SILENCES in state:
            self._silences = Silences.restore(state[SILENCES])

    # -- how --------------------------------------------------------------------------------------------------------------

    @property
    def _memory_ms(self) -> int:
        return 2 * max(self._flap_ms, self._quiet_ms)

    def _most(self, report: Report) -> int:
        """What we say about ourselves has room of its own: a storm of causes must not hide that something was lost."""
        return self._settings.max_open + (OWN if report.finding.service == self_report.SERVICE else 0)

    def _was_quiet(self, life: Life, at_ms: int) -> bool:
        """A flapping incident must be quiet for the whole flap window: that damps it. One that is held is never quiet."""
        if life.is_held:
            return False
        silent_ms = at_ms - life.active_ms
        if silent_ms < self._quiet_ms or (life.is_flapping and silent_ms < self._flap_ms):
            return False
        return not life.is_over

    def _reopen(self, life: Life, report: Report, at_ms: int) -> None:
        window_ms = self._flap_ms
        recent = [t for t in life.openings if at_ms - t < window_ms]
        life.openings = [*recent[-self._settings.flap_count :], at_ms]
        life.move(IncidentState.OPEN, is_flapping=len(life.openings) > self._settings.flap_count)
        life.is_startup = report.finding.is_startup

    def _resolve(self, life: Life, at_ms: int) -> None:
        life.move(IncidentState.RESOLVED)
        life.is_held = False
        self._changed[life.key] = None
        for receiver in self._receivers:
            told = life.told.get(receiver.name)
            if told is None or not told.is_open:
                continue
            told.is_open = False
            if receiver.wants_resolves and self._settings.resolve != "never":  # shared: the lane asks the others
                self._alert(life, receiver, AlertAction.RESOLVE, at_ms)

    def _tell(self, life: Life, at_ms: int) -> None:
        """Triggers with whoever does not hold it open, updates whoever has not heard of news for a while."""
        if self._silences.hides(life.key, life.service, at_ms):
            return
        for receiver in self._receivers:
            if life.severity.rank < receiver.min_severity.rank:
                continue
            told = life.told.get(receiver.name)
            if told is None or not told.is_open:
                self._alert(life, receiver, AlertAction.TRIGGER, at_ms)
            elif receiver.wants_updates and self._has_news(life, told, at_ms):
                self._alert(life, receiver, AlertAction.UPDATE, at_ms)

    def _has_news(self, life: Life, told: Told, at_ms: int) -> bool:
        return life.count > told.count and at_ms - told.at_ms >= self._update_ms

    def _alert(self, life: Life, receiver: Receiver, action: AlertAction, at_ms: int) -> None:
        life.seq += 1
        life.told[receiver.name] = Told(action is not AlertAction.RESOLVE, at_ms, life.count)
        self._alerts.append(Alert(receiver.name, action, life.incident, life.seq, at_ms))
        self._changed[life.key] = None

    def _forget_one(self) -> bool:
        """Makes room by forgetting the incident that has been over for longest; false when all are open."""
        over = [key for key, life in self._lives.items() if life.is_over]
        if not over:
            return False
        self._drop(min(over, key=lambda key: self._lives[key].active_ms))
        return True

    def _drop(self, key: str) -> None:
        life = self._lives.pop(key)
        if key in self._changed:
            del self._changed[key]
            self._last_words.append(life.incident)
        self._forgotten.append(key)


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
