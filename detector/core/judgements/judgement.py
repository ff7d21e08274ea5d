"""One change and the windows after it: which of them is to be judged, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from detector.records import Change, JudgeRequest, Judging, Stage

ASK_AGAIN_MS = 3_600_000  # nobody answered, not even with a problem; the id is the same, so that a late answer counts
TRIES = 3  # of one window, until people hear that it cannot be judged
PAUSES_MS = (30_000, 120_000)


@dataclass(slots=True)
class Judgement:
    """Windows of `window_ms` from the change on, `windows` of them, `window` the newest that was judged or given up. `asked` is
    the one that was asked for and not answered yet (0: none). `held` are the dedup keys of incidents that stay open until this,
    or a later judgement of the service, says that they are over, with the signal's id (empty: it is about the judgement)."""

    change: Change
    window_ms: int
    windows: int
    before_ms: int
    before_change: str
    window: int = 0
    asked: int = 0
    asked_ms: int = 0
    failures: int = 0
    not_before_ms: int = 0
    was_judged: bool = False
    held: dict[str, str] = field(default_factory=dict)

    @property
    def end_ms(self) -> int:
        """When the last window is over."""
        return self.change.at_ms + self.windows * self.window_ms

    @property
    def is_over(self) -> bool:
        return self.window >= self.windows

    def due_ms(self, lateness_ms: int) -> int | None:
        """When there is something to ask for; None: never again."""
        if self.asked:
            return self.asked_ms + ASK_AGAIN_MS
        if self.is_over:
            return None
        return max(self.not_before_ms, self.change.at_ms + (self.window + 1) * self.window_ms + lateness_ms)

    def ask(self, now_ms: int, lateness_ms: int) -> JudgeRequest | None:
        """What is to be asked for now: the newest window that is over. Those that passed meanwhile are in it."""
        due_ms = self.due_ms(lateness_ms)
        if due_ms is None or due_ms > now_ms:
            return None
        if not self.asked:
            self.asked = min(self.windows, (now_ms - lateness_ms - self.change.at_ms) // self.window_ms)
        self.asked_ms = now_ms
        return self.request

    @property
    def request(self) -> JudgeRequest | None:
        """The question that has no answer yet."""
        if not self.asked:
            return None
        change = self.change
        return JudgeRequest(
            id=f"{change.id}/{self.asked}",
            what=Judging.VERDICT,
            begin_ms=change.at_ms,
            until_ms=change.at_ms + self.asked * self.window_ms,
            change=change.id,
            service=change.service,
            window=self.asked,
            window_ms=self.window_ms,
            before_ms=self.before_ms,
            before_change=self.before_change,
        )

    def judged(self) -> None:
        """The question was answered."""
        self.window, self.asked, self.failures, self.was_judged = self.asked, 0, 0, True

    def failed(self, now_ms: int, tries: int) -> bool:
        """The question could not be answered. True when it is given up: the next one is the next window's."""
        self.failures += 1
        if self.failures < tries:
            self.not_before_ms = now_ms + PAUSES_MS[min(self.failures, len(PAUSES_MS)) - 1]
            self.asked = 0
            return False
        self.window, self.asked, self.failures = self.asked, 0, 0
        return True

    def snapshot(self) -> dict[str, object]:
        """As JSON has it. What the change took away is not judged, and may be a megabyte."""
        return asdict(replace(self, change=replace(self.change, manifest=None)))

    @classmethod
    def restore(cls, said: Mapping[str, object]) -> Judgement:
        """Raises ValueError, TypeError or KeyError when it is not ours."""
        fields = dict(said)
        change = fields.pop("change")
        if not isinstance(change, dict) or not isinstance(fields.get("held"), dict):
            raise ValueError("this is no judgement")
        return cls(Change(**{**change, "stage": Stage(change["stage"])}), **fields)  # type: ignore[arg-type]
