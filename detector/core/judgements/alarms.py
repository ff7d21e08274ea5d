"""When signals are looked at between changes, and which of their alarms are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from detector.core.incidents.grouping import Report
from detector.core.judgements import told
from detector.core.judgements.judgement import ASK_AGAIN_MS, PAUSES_MS, TRIES
from detector.records import Finding, JudgeRequest, Judging, SignalAlarm

LONGEST_CATCH_UP_MS = 3_600_000  # after a long stop: what alarmed hours ago wakes nobody
MOST_TOLD = 20_000  # signals whose last alarm is remembered
MOST_ALSO = 20


@dataclass(slots=True)
class AlarmWatch:
    """`until_ms` is how far was looked (0: never yet); `asked_until_ms` how far the question goes that has no answer (0: none).
    `told` is when a dedup key last alarmed, by event time. `held` says that people know that it cannot be looked."""

    until_ms: int = 0
    asked_from_ms: int = 0
    asked_until_ms: int = 0
    asked_ms: int = 0
    failures: int = 0
    not_before_ms: int = 0
    is_held: bool = False
    told: dict[str, int] = field(default_factory=dict)

    def ask(self, now_ms: int, every_ms: int, lateness_ms: int) -> JudgeRequest | None:
        """What is to be asked for now. The first time begins at the present: nobody asked about the past."""
        reached_ms = (now_ms - lateness_ms) // every_ms * every_ms
        if not self.until_ms:
            self.until_ms = reached_ms
        if self.asked_until_ms:
            if now_ms < self.asked_ms + ASK_AGAIN_MS:
                return None
        elif reached_ms <= self.until_ms or now_ms < self.not_before_ms:
            return None
        else:
            self.asked_from_ms = max(self.until_ms, reached_ms - max(every_ms, LONGEST_CATCH_UP_MS))
            self.asked_until_ms = reached_ms
        self.asked_ms = now_ms
        return self.request

    @property
    def request(self) -> JudgeRequest | None:
        """The question that has no answer yet."""
        if not self.asked_until_ms:
            return None
        return JudgeRequest(f"alarms/{self.asked_until_ms}", Judging.ALARMS, self.asked_from_ms, self.asked_until_ms)

    def due_ms(self, every_ms: int, lateness_ms: int) -> int:
        """When there is something to ask for."""
        if self.asked_until_ms:
            return self.asked_ms + ASK_AGAIN_MS
        return max(self.not_before_ms, self.until_ms + every_ms + lateness_ms) if self.until_ms else 0

    def looked(self) -> None:
        """The question was answered."""
        self.until_ms, self.asked_until_ms, self.failures, self.is_held = self.asked_until_ms, 0, 0, False

    def failed(self, now_ms: int) -> bool:
        """The question could not be answered. True when it is given up: the next one is about later."""
        self.failures += 1
        if self.failures < (1 if self.is_held else TRIES):
            self.not_before_ms = now_ms + PAUSES_MS[min(self.failures, len(PAUSES_MS)) - 1]
            self.asked_until_ms = 0
            return False
        self.until_ms, self.asked_until_ms, self.failures, self.is_held = self.asked_until_ms, 0, 0, True
        return True

    def reports(self, alarms: Iterable[SignalAlarm], quiet_ms: int, is_told: Callable[[SignalAlarm], bool]) -> list[Report]:
        """One a service: its largest alarm names the incident, the others stand beside it. Not those of signals that alarmed
        a while ago, and not those that `is_told` refuses."""
        self.told = {key: ms for key, ms in self.told.items() if ms > self.asked_from_ms - quiet_ms}
        by_service: dict[str, list[Finding]] = {}
        for each in sorted(alarms, key=lambda said: (-said.size, said.service, said.signal, said.at_ms)):
            key = told.key_of(told.ALARM, each.service, each.signal)
            last_ms = self.told.get(key)
            if (last_ms is not None and each.at_ms < last_ms + quiet_ms) or not is_told(each):
                continue
            self._remember(key, each.at_ms)
            by_service.setdefault(each.service, []).append(told.alarm(each))
        return [_together(findings) for findings in by_service.values()]

    def snapshot(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def restore(cls, said: Mapping[str, object]) -> AlarmWatch:
        """Raises ValueError or TypeError when it is not ours."""
        if not isinstance(said.get("told"), dict):
            raise ValueError("this is no watch over alarms")
        return cls(**said)  # type: ignore[arg-type]

    def _remember(self, key: str, at_ms: int) -> None:
        self.told[key] = at_ms
        if len(self.told) > MOST_TOLD:
            del self.told[min(self.told, key=self.told.__getitem__)]


def _together(findings: list[Finding]) -> Report:
    chief, *others = findings
    also = tuple(f"{each.rule}: {each.entity.token}" for each in others[:MOST_ALSO] if each.entity is not None)
    return Report(chief, also, tuple(others))
