"""One receiver's turn: takes what it is owed, one alert at a time, sends it, writes down what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from detector.core.incidents.sharing import Send, Told
from detector.crash_points import CrashPoint, reach
from detector.edges.mirror.agreement import Agreement, Wait
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.sinks.base import Delivered, Sink
from detector.edges.store.outbox import Outbox, OutboxRow
from detector.errors import SinkError, StoreUnavailable
from detector.records import Alert
from detector.telemetry import Health, Metrics, Trouble
from detector.telemetry import logger as log

# The longest a sink may hold its lane: above every sink's own time-out, so that it only ends what hangs.
SEND_LIMIT_S = 120.0
STORE_PAUSE_S = 1.0
LAST_MOMENT_S = 1.0
# An exception that no sink should raise is a bug, perhaps in one alert only: it must not block the lane for a day.
BUG_ATTEMPTS = 5
# A receiver that failed so often in a row is in trouble, not unlucky.
TROUBLE_FAILURES = 3
# Told to wait or not reached: the receiver's state. Any other failure may be about the one alert, which then waits for longer.
_ABOUT_THE_RECEIVER = ("rateLimited", "connectionError", "contextDeadlineExceeded")


@dataclass(frozen=True, slots=True)
class LaneTools:
    """What every lane shares. `now_ms` never jumps; `told` is called with a receiver's name when it has got something to do. With
    an `agreement` daemons share their incidents: it is asked before an alert leaves."""

    outbox: Outbox
    plan: RetryPlan
    metrics: Metrics
    health: Health
    now_ms: Callable[[], int]
    fallback: str | None
    told: Callable[[str], None]
    agreement: Agreement | None = None


class Lane:
    """Alerts of one receiver go out one after the other, so a later one cannot overtake an earlier one of its key, and a receiver
    that is down is asked once a pause, not once an alert. Other receivers have lanes of their own."""

    def __init__(self, name: str, sink: Sink, tools: LaneTools) -> None:
        self.name = name
        self._sink = sink
        self._tools = tools
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_open = False
        self._failures = 0
        self._paused_until_ms = 0
        self._unwritten: dict[int, Callable[[], None]] = {}  # what became of a row, while the store cannot take it

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._news.clear()
                wait_s = await self._pass()
                if not self._news.is_set():
                    self._idle.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._news.wait()
        finally:
            self._is_open = False
            await self._sink.close()

    def wake(self) -> None:
        """Rows were written."""
        self._idle.clear()
        self._news.set()

    async def drained(self) -> None:
        """Returns when nothing is due."""
        await self._idle.wait()

    async def send_due(self) -> float | None:
        """Sends what is due. Returns in how many seconds there is more to do; None: not before the next `wake`."""
        await self._write_what_became()
        rows, next_ms = await asyncio.to_thread(self._owed)
        while rows:
            reach(CrashPoint.OUTBOX_TAKEN)
            await self._deliver(rows[0])
            rows, next_ms = await asyncio.to_thread(self._owed)
        if self._unwritten:
            return STORE_PAUSE_S
        return None if next_ms is None else max(0, max(next_ms, self._paused_until_ms) - self._tools.now_ms()) / 1000

    def _owed(self) -> tuple[list[OutboxRow], int | None]:
        """The alert to send now; or none, and when the next one is due. In one go, because each change of threads costs."""
        now_ms, skip = self._tools.now_ms(), tuple(self._unwritten)
        rows = self._tools.outbox.due(self.name, now_ms, 1, skip) if now_ms >= self._paused_until_ms else []
        return rows, None if rows else self._tools.outbox.next_ms(self.name, skip)

    async def send(self, alert: Alert, note: str) -> Delivered:
        """One attempt, past the outbox; alone on the lane. Raises SinkError."""
        async with self._turn:
            try:
                async with asyncio.timeout(SEND_LIMIT_S):
                    await self._open()
                    return await self._sink.send(alert, note, self._tools.now_ms())
            except TimeoutError as error:
                raise SinkError("no answer", retryable=True, reason="contextDeadlineExceeded") from error

    async def _pass(self) -> float | None:
        try:
            return await self.send_due()
        except StoreUnavailable as error:
            log.warning("outbox_unreadable", sink=self.name, problem=str(error))
            return STORE_PAUSE_S

    async def _open(self) -> None:
        if not self._is_open:
            await self._sink.open()
            self._is_open = True

    async def _deliver(self, row: OutboxRow) -> None:
        agreement = self._tools.agreement
        if agreement is None:
            await self._attempt(row, row.note)
            return
        match await agreement.may_send(row.alert, is_repeat=row.is_standing):
            case Send(note):
                await self._attempt_as_agreed(row, note or row.note, agreement)
            case Wait(seconds):
                next_ms = self._tools.now_ms() + max(1, round(seconds * 1000))
                await self._write_down(row, partial(self._tools.outbox.wait, row, next_ms))
            case Told(by, again_s):
                now_ms = self._tools.now_ms()
                again_ms = None if again_s is None else now_ms + round(again_s * 1000)
                await self._write_down(row, partial(self._tools.outbox.told_elsewhere, row, by, now_ms, again_ms))

    async def _attempt_as_agreed(self, row: OutboxRow, note: str, agreement: Agreement) -> None:
        """A lane that is stopped in the middle stays until the others know, as far as a moment allows: whatever ends the daemon
        would else make somebody tell it again."""
        attempt = asyncio.ensure_future(self._attempt(row, note))
        try:
            await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait([attempt], timeout=LAST_MOMENT_S)
            raise
        finally:
            attempt.cancel()
            agreement.forget(row.alert)

    async def _attempt(self, row: OutboxRow, note: str) -> None:
        started_ms = self._tools.now_ms()
        try:
            delivered = await self.send(row.alert, note)
        except SinkError as error:
            await self._failed(row, error)
        except Exception as error:  # a sink's bug: counted, and given up after a few tries
            log.exception("sink_broken", sink=self.name, dedup_key=row.alert.incident.dedup_key)
            may_pass = row.attempts + 1 < BUG_ATTEMPTS
            await self._failed(row, SinkError(type(error).__name__, retryable=may_pass, reason="clientError"))
        else:
            self._tools.metrics.notified(self.name, (self._tools.now_ms() - started_ms) / 1000)
            await self._delivered(row, delivered)
            if self._tools.agreement is not None:
                await self._tools.agreement.sent(row.alert, delivered.note, delivered.again_after_s)
        reach(CrashPoint.OUTBOX_NOTED)

    async def _delivered(self, row: OutboxRow, delivered: Delivered) -> None:
        self._failures = 0
        self._tools.health.clear(Trouble.SINK_FAILING, self.name)
        now_ms = self._tools.now_ms()
        again_ms = None if delivered.again_after_s is None else now_ms + int(max(1.0, delivered.again_after_s) * 1000)
        outbox, fallback = self._tools.outbox, self._tools.fallback
        await self._write_down(row, partial(outbox.delivered, row, delivered.note, now_ms, again_ms, fallback))
        if fallback is not None:
            self._tools.told(fallback)

    async def _failed(self, row: OutboxRow, error: SinkError) -> None:
        self._tools.metrics.notification_failed(self.name, error.reason)
        incident = row.alert.incident
        log.warning("alert_failed", sink=self.name, dedup_key=incident.dedup_key, reason=error.reason, problem=str(error))
        if self._tools.agreement is not None:
            await self._tools.agreement.failed(row.alert, row.attempts + 1, is_final=not error.retryable)
        if not error.retryable:
            await self._give_up(row, error.reason, str(error))
            return
        now_ms = self._tools.now_ms()
        if error.only_this:
            next_ms = now_ms + self._tools.plan.pause_ms(1, error.retry_after_s)
            await self._write_down(row, partial(self._tools.outbox.retry_later, row, next_ms, now_ms, error.reason, str(error)))
            return
        self._failures += 1
        self._paused_until_ms = now_ms + self._tools.plan.pause_ms(self._failures, error.retry_after_s)
        next_ms = self._paused_until_ms
        if error.reason not in _ABOUT_THE_RECEIVER:
            next_ms = max(next_ms, now_ms + self._tools.plan.pause_ms(row.attempts + 1, None))
        if self._failures >= TROUBLE_FAILURES:
            self._tools.health.set(Trouble.SINK_FAILING, self.name, f"{error.reason}: {error}", now_ms)
        retry = partial(self._tools.outbox.retry_later, row, next_ms, now_ms, error.reason, str(error))
        await self._write_down(row, retry)
        await self._give_up_overdue(now_ms, error)

    async def _give_up_overdue(self, now_ms: int, error: SinkError) -> None:
        before_ms = self._tools.plan.given_up_before_ms(now_ms)
        while True:
            rows = await asyncio.to_thread(self._tools.outbox.failing_before, self.name, before_ms, 100)
            rows = [row for row in rows if row.id not in self._unwritten]
            if not rows:
                return
            for row in rows:
                await self._give_up(row, error.reason, f"undeliverable for too long: {error}")

    async def _give_up(self, row: OutboxRow, reason: str, problem: str) -> None:
        now_ms = self._tools.now_ms()
        log.error("alert_given_up", sink=self.name, dedup_key=row.alert.incident.dedup_key, reason=reason, problem=problem)
        self._tools.metrics.notification_given_up(self.name)
        self._tools.health.set(Trouble.SINK_FAILING, self.name, f"gave up an alert: {reason}: {problem}", now_ms)
        fallback = self._tools.fallback
        await self._write_down(row, partial(self._tools.outbox.give_up, row, now_ms, reason, problem, fallback))
        if fallback is not None:
            self._tools.told(fallback)

    async def _write_down(self, row: OutboxRow, what_became: Callable[[], None]) -> None:
        """While the store is full the alert must not be sent again and again: what became of it is kept here until it fits."""
        try:
            await asyncio.to_thread(what_became)
        except StoreUnavailable as error:
            log.warning("delivery_not_written", sink=self.name, problem=str(error))
            self._unwritten[row.id] = what_became

    async def _write_what_became(self) -> None:
        """As far as the store takes it; what is still to be sent does not wait for that."""
        with contextlib.suppress(StoreUnavailable):
            for row_id, what_became in list(self._unwritten.items()):
                await asyncio.to_thread(what_became)
                del self._unwritten[row_id]
