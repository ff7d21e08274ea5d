"""What the judge is asked, and what its answers mean for incidents: a pure function of changes, answers and time.

A service has one judgement at a time, of its latest change. The judge process is asked for each window when that is over; its
answer opens, holds or ends an incident a signal. What failed stays open until a later window, or the judgement of a later change,
passes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from detector.core.incidents.hold import Recovered, Released, Said
from detector.core.incidents.self_report import SERVICE
from detector.core.judgements import told
from detector.core.judgements.alarms import AlarmWatch
from detector.core.judgements.announced import IMAGE_FLIP, goes_back, is_same_rollout
from detector.core.judgements.judgement import TRIES, Judgement
from detector.core.judgements.verdicts import said_of
from detector.records import Change, Judged, JudgeRequest, Judging, SignalAlarm
from detector.settings import AlarmSettings, VerdictSettings

STATE, UPCOMING, ALARMS = "judgement/", "change/", "alarms"
MOST_SERVICES, MOST_UPCOMING = 1_000, 100
LONGEST_TROUBLE_MS = 7 * 86_400_000  # what was bad for longer is what people live with: a later change is compared with that
OLD_NEWS_MS = 86_400_000  # a change whose last window was over so long ago is written down, and not judged
VERSION = 1


@dataclass(frozen=True, slots=True)
class JudgementChanges:
    """What followed since the last time somebody asked: what the judge is to be asked, changed state, answers that count."""

    requests: tuple[JudgeRequest, ...]
    state: tuple[tuple[str, bytes | None], ...]
    judged: tuple[Judged, ...]


class Judgements:
    """`now_ms` everywhere is the pipeline's own time. What an input means for incidents is returned, in order."""

    def __init__(self, verdicts: VerdictSettings, alarms: AlarmSettings) -> None:
        self._set(verdicts, alarms)
        self._known: dict[str, Judgement] = {}  # by service
        self._upcoming: dict[str, Change] = {}  # by id, of changes that have been announced for later
        self._alarms = AlarmWatch()
        self._requests: list[JudgeRequest] = []
        self._judged: list[Judged] = []
        self._touched: dict[str, None] = {}  # keys of state
        self._wake_ms = 0
        self.ignored = 0  # answers that nobody waits for any more

    # -- inputs -----------------------------------------------------------------------------------------------------------

    def configure(self, verdicts: VerdictSettings, alarms: AlarmSettings) -> tuple[Said, ...]:
        """Other settings from here on. A judgement that has begun keeps its windows; one that is switched off lets go."""
        self._set(verdicts, alarms)
        return self._let_go()

    def begin(self, change: Change, now_ms: int) -> tuple[Said, ...]:
        """A service was changed, or will be. Ends the judgement of its change before; one that is older is passed over."""
        if not self._is_on:
            return ()
        self._wake_ms = 0
        if change.at_ms > now_ms:
            self._upcoming[change.id] = change
            self._touched[UPCOMING + change.id] = None
            if len(self._upcoming) > MOST_UPCOMING:
                furthest = max(self._upcoming, key=lambda id_: self._upcoming[id_].at_ms)
                del self._upcoming[furthest]
                self._touched[UPCOMING + furthest] = None
            return ()
        return self._begin(change, now_ms)

    def tick(self, now_ms: int) -> tuple[Said, ...]:
        """Asks for what is due."""
        if now_ms < self._wake_ms:
            return ()
        said = self._begin_upcoming(now_ms)
        for service, judgement in self._known.items():
            if self._is_on and (request := judgement.ask(now_ms, self._lateness_ms)) is not None:
                self._requests.append(request)
                self._touched[STATE + service] = None
        if self._alarm_settings.enabled:
            was = self._alarms.until_ms
            request = self._alarms.ask(now_ms, self._every_ms, self._lateness_ms)
            if request is not None:
                self._requests.append(request)
            if request is not None or self._alarms.until_ms != was:
                self._touched[ALARMS] = None
        self._wake_ms = self._next_ms()
        return said

    def take(self, judged: Judged, now_ms: int) -> tuple[Said, ...]:
        """An answer of the judge, with a verdict or with why there is none."""
        self._wake_ms = 0
        if judged.request.what is Judging.ALARMS:
            return self._take_alarms(judged, now_ms)
        request = judged.request
        judgement = self._known.get(request.service)
        if judgement is None or judgement.request is None or judgement.request.id != request.id:
            self.ignored += 1
            return ()
        self._judged.append(judged)
        self._touched[STATE + request.service] = None
        if not judged.problem and not judged.verdicts and not judged.vanished:
            judged = replace(judged, problem="no signal of the service has a before and an after")
        if judged.problem:
            return self._not_judged(judgement, judged, now_ms)
        judgement.judged()
        said = said_of(judgement, judged)
        return (*said, *_over(judgement, told.NOT_JUDGED))

    def restore(self, state: Mapping[str, bytes]) -> tuple[Said, ...]:
        """What the last checkpoint held; called once. What was asked and not answered is asked again.
        Raises ValueError when the state is not ours."""
        self._wake_ms = 0
        try:
            for key, body in state.items():
                if key.startswith(STATE):
                    self._known[key.removeprefix(STATE)] = Judgement.restore(_opened(body))
                elif key.startswith(UPCOMING):
                    self._upcoming[key.removeprefix(UPCOMING)] = Judgement.restore(_opened(body)).change
                elif key == ALARMS:
                    self._alarms = AlarmWatch.restore(_opened(body))
        except (TypeError, KeyError, AttributeError) as problem:
            raise ValueError(f"judgements that this release does not read: {problem!r}") from problem
        said = self._let_go()
        waiting_for = [*(each.request for each in self._known.values()), self._alarms.request]
        self._requests += [request for request in waiting_for if request is not None]
        return said

    # -- what followed ----------------------------------------------------------------------------------------------------

    def drain(self) -> JudgementChanges:
        state = tuple((key, self._snapshot(key)) for key in self._touched)
        changes = JudgementChanges(tuple(self._requests), state, tuple(self._judged))
        self._requests, self._judged, self._touched = [], [], {}
        return changes

    def known(self) -> list[Judgement]:
        """The judgement of each service, the latest change first."""
        return sorted(self._known.values(), key=lambda each: -each.change.at_ms)

    @property
    def held(self) -> set[str]:
        """The dedup keys of incidents that we hold open."""
        keys = {key for each in self._known.values() for key in each.held}
        return keys | {told.key_of(told.NOT_JUDGED, SERVICE, told.BETWEEN)} if self._alarms.is_held else keys

    # -- how --------------------------------------------------------------------------------------------------------------

    def _set(self, verdicts: VerdictSettings, alarms: AlarmSettings) -> None:
        self._settings, self._alarm_settings = verdicts, alarms
        self._is_on = verdicts.enabled
        self._lateness_ms, self._every_ms, self._quiet_ms = map(_ms, (verdicts.lateness, alarms.every, alarms.quiet))
        self._wake_ms = 0

    def _let_go(self) -> tuple[Said, ...]:
        """Of what nobody looks at any more."""
        said: list[Said] = []
        if not self._is_on:
            for service, judgement in self._known.items():
                said += [Released(key) for key in judgement.held]
                self._touched[STATE + service] = None
            self._touched |= {UPCOMING + id_: None for id_ in self._upcoming}
            self._known, self._upcoming = {}, {}
        if not self._alarm_settings.enabled and self._alarms.until_ms:
            said += self._alarms_work()
            self._alarms = AlarmWatch()
            self._touched[ALARMS] = None
        return tuple(said)

    def _begin_upcoming(self, now_ms: int) -> tuple[Said, ...]:
        said: list[Said] = []
        for change in sorted(self._upcoming.values(), key=lambda each: (each.at_ms, each.id)):
            if change.at_ms <= now_ms:
                del self._upcoming[change.id]
                self._touched[UPCOMING + change.id] = None
                said += self._begin(change, now_ms)
        return tuple(said)

    def _begin(self, change: Change, now_ms: int) -> tuple[Said, ...]:
        if change.at_ms + self._settings.windows * _ms(self._settings.window) < now_ms - OLD_NEWS_MS:
            return ()
        known = self._known.get(change.service)
        if known is not None:
            is_same = is_same_rollout(change, known.change)
            if change.made_by == IMAGE_FLIP if is_same else change.at_ms < known.change.at_ms:
                return ()
            was_rollback = is_same and known.change.is_rollback
            change = replace(change, is_rollback=was_rollback or goes_back(change, known.change))
        begun = self._judgement(change, known)
        released = self._make_room(change.service)
        self._known[change.service] = begun
        self._touched[STATE + change.service] = None
        return (*released, *_over(begun, told.UNDECIDED), *_over(begun, told.NOT_JUDGED))

    def _judgement(self, change: Change, known: Judgement | None) -> Judgement:
        """A time in which signals failed, or of which nobody knows yet, is no before to compare with: then the before is that of
        the judgement that ends."""
        begun = Judgement(change, _ms(self._settings.window), self._settings.windows, change.at_ms, change.id)
        if known is None:
            return begun
        begun.held = dict(known.held)
        is_unknown = not known.was_judged and change.at_ms < known.end_ms
        is_no_before = any(known.held.values()) or is_unknown or change.is_rollback
        if is_no_before and change.at_ms - known.before_ms <= LONGEST_TROUBLE_MS:
            begun.before_ms, begun.before_change = min(known.before_ms, change.at_ms), known.before_change
        return begun

    def _make_room(self, service: str) -> tuple[Said, ...]:
        """Forgets the oldest judgement that holds nothing, else the oldest."""
        if service in self._known or len(self._known) < MOST_SERVICES:
            return ()
        oldest = min(self._known, key=lambda each: (bool(self._known[each].held), self._known[each].change.at_ms))
        self._touched[STATE + oldest] = None
        return tuple(Released(key) for key in self._known.pop(oldest).held)

    def _not_judged(self, judgement: Judgement, judged: Judged, now_ms: int) -> tuple[Said, ...]:
        key = told.key_of(told.NOT_JUDGED, SERVICE, judged.request.service)
        if not judgement.failed(now_ms, 1 if key in judgement.held else TRIES):
            return ()
        judgement.held[key] = ""
        return (told.not_judged(judged, now_ms),)

    def _take_alarms(self, judged: Judged, now_ms: int) -> tuple[Said, ...]:
        asked = self._alarms.request
        if asked is None or asked.id != judged.request.id:
            self.ignored += 1
            return ()
        self._judged.append(judged)
        self._touched[ALARMS] = None
        if judged.problem:
            return (told.not_judged(judged, now_ms),) if self._alarms.failed(now_ms) else ()
        works = self._alarms_work()
        reports = self._alarms.reports(judged.alarms, self._quiet_ms, self._is_between_changes)
        self._alarms.looked()
        return (*works, *reports)

    def _alarms_work(self) -> tuple[Said, ...]:
        return (Recovered(told.key_of(told.NOT_JUDGED, SERVICE, told.BETWEEN)),) if self._alarms.is_held else ()

    def _is_between_changes(self, alarm: SignalAlarm) -> bool:
        """What follows a change is for its verdicts to say."""
        known = self._known.get(alarm.service)
        return known is None or not known.change.at_ms <= alarm.at_ms < known.end_ms

    def _next_ms(self) -> int:
        due = [each.due_ms(self._lateness_ms) for each in self._known.values()] if self._is_on else []
        times = [each for each in due if each is not None] + [change.at_ms for change in self._upcoming.values()]
        if self._alarm_settings.enabled:
            times.append(self._alarms.due_ms(self._every_ms, self._lateness_ms))
        return min(times, default=1 << 62)

    def _snapshot(self, key: str) -> bytes | None:
        if key == ALARMS:
            return _packed(self._alarms.snapshot()) if self._alarms.until_ms else None
        if key.startswith(UPCOMING):
            change = self._upcoming.get(key.removeprefix(UPCOMING))
            return None if change is None else _packed(Judgement(change, 0, 0, 0, "").snapshot())
        known = self._known.get(key.removeprefix(STATE))
        return None if known is None else _packed(known.snapshot())


def _over(judgement: Judgement, rule: str) -> tuple[Said, ...]:
    """What was told of the judgement itself is over."""
    service = SERVICE if rule == told.NOT_JUDGED else judgement.change.service
    key = told.key_of(rule, service, judgement.change.service)
    if key not in judgement.held:
        return ()
    del judgement.held[key]
    return (Recovered(key),)


def _packed(state: Mapping[str, object]) -> bytes:
    return json.dumps({"v": VERSION, **state}, separators=(",", ":")).encode()


def _opened(body: bytes) -> dict[str, object]:
    said = json.loads(body)
    if not isinstance(said, dict) or said.pop("v", None) != VERSION:
        raise ValueError(f"judgements of another version than {VERSION}")
    return said


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
