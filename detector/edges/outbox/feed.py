"""One consumer's turn at the feed: takes what waits for it, a batch at a time, hands it over, writes down how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detector.edges.mirror.base import Document, Mirror, Refused
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.store.feed import Feed, Page
from detector.edges.store.rows import parsed
from detector.errors import SinkError, StoreUnavailable
from detector.masking import mask_record
from detector.records import DeadLetter
from detector.telemetry import Health, Metrics, Trouble
from detector.telemetry import logger as log

BATCH_ROWS = 300
BATCH_BYTES = 1 << 20
# What changes often waits for so long, so that an incident that counts on is one document a second and not ten.
LINGER_S = 1.0
LOOK_EVERY_S = 5.0  # deliveries ring nobody
STORE_PAUSE_S = 1.0
# The longest a consumer may hold its lane: above every time-out of its own, so that it only ends what hangs.
TAKE_LIMIT_S = 300.0
# An exception that no consumer should raise is a bug, perhaps in one document only: that one must not block the lane for ever.
BUG_ATTEMPTS = 5
TROUBLE_FAILURES = 3


@dataclass(frozen=True, slots=True)
class FeedTools:
    """What every lane shares. `now_ms` never jumps."""

    feed: Feed
    plan: RetryPlan
    metrics: Metrics
    health: Health
    now_ms: Callable[[], int]


class FeedLane:
    """Documents go out in the order of their ids. Whatever goes wrong with a whole batch, it is tried again, with growing pauses:
    only a document that is refused by itself becomes a dead letter."""

    def __init__(self, mirror: Mirror, tools: FeedTools) -> None:
        self.name = mirror.name
        self._mirror = mirror
        self._tools = tools
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_open = False
        self._failures = 0
        self._bugs = 0
        self._careful = 0  # so many documents are still handed over one at a time: one of them may be what raises
        self._until = -1

    async def run(self) -> None:
        """Until cancelled. Raises StoreDamaged."""
        try:
            while True:
                self._news.clear()
                wait_s = await self._pass()
                if wait_s is not None or not self._news.is_set():
                    self._idle.set()
                await _either(self._news, LOOK_EVERY_S) if wait_s is None else await asyncio.sleep(wait_s)
                await _either(self._hurry, LINGER_S)
        finally:
            self._is_open = False
            await self._mirror.close()

    def wake(self) -> None:
        """Rows were written."""
        self._idle.clear()
        self._news.set()

    async def drained(self) -> None:
        """Returns when nothing waits but for a retry. For a stop, under a time-out: nothing lingers from here on."""
        self._hurry.set()
        if not self._failures:
            self.wake()
        await self._idle.wait()

    async def send_due(self) -> float | None:
        """Hands over what waits. Returns in how many seconds to try again; None: all was taken, but what came meanwhile."""
        while True:
            page = await asyncio.to_thread(self._tools.feed.after, self.name, 1 if self._careful else BATCH_ROWS, BATCH_BYTES)
            try:
                refused = await self._take(page) if page.rows else ()
            except SinkError as error:
                return self._failed(error)
            await self._moved(page, refused)
            if page.is_last:
                return None

    async def _pass(self) -> float | None:
        try:
            return await self.send_due()
        except StoreUnavailable as error:
            log.warning("feed_unreadable", consumer=self.name, problem=str(error))
            return STORE_PAUSE_S

    async def _take(self, page: Page) -> Sequence[Refused]:
        documents = await asyncio.to_thread(_documents, page)
        try:
            async with asyncio.timeout(TAKE_LIMIT_S):
                await self._open()
                refused = await self._mirror.take(documents)
        except SinkError:
            raise
        except TimeoutError as error:
            raise SinkError("no answer", retryable=True, reason="contextDeadlineExceeded") from error
        except Exception as error:
            log.exception("mirror_broken", consumer=self.name, documents=len(documents))
            return self._after_a_bug(documents, error)
        self._recovered()
        return refused

    async def _open(self) -> None:
        if self._is_open:
            return
        try:
            await self._mirror.open()
        except (SinkError, TimeoutError):
            raise
        except Exception as error:  # a bug, and no document's fault
            log.exception("mirror_broken", consumer=self.name, documents=0)
            raise SinkError(type(error).__name__, retryable=True, reason="clientError") from error
        self._is_open = True

    def _after_a_bug(self, documents: Sequence[Document], error: Exception) -> Sequence[Refused]:
        """Tried again, alone in the end; then it is refused for what was raised. Raises SinkError."""
        if len(documents) > 1:
            self._careful, self._bugs = len(documents), 0
        self._bugs += 1
        if len(documents) > 1 or self._bugs <= BUG_ATTEMPTS:
            raise SinkError(type(error).__name__, retryable=True, reason="clientError") from error
        self._recovered()
        return [Refused(documents[0], f"{type(error).__name__} while it was written")]

    def _recovered(self) -> None:
        if self._failures >= TROUBLE_FAILURES:
            log.info("mirror_works_again", consumer=self.name)
        self._failures = self._bugs = 0
        self._careful = max(0, self._careful - 1)
        self._tools.health.clear(Trouble.MIRROR_FAILING, self.name)

    def _failed(self, error: SinkError) -> float:
        self._failures += 1
        self._tools.metrics.feed_failed(self.name, error.reason)
        log.warning("mirror_failed", consumer=self.name, reason=error.reason, problem=str(error), failures=self._failures)
        if self._failures >= TROUBLE_FAILURES or not error.retryable:
            text = f"{error.reason}: {error}"
            self._tools.health.set(Trouble.MIRROR_FAILING, self.name, text, self._tools.now_ms())
        return self._tools.plan.pause_ms(self._failures, error.retry_after_s) / 1000

    async def _moved(self, page: Page, refused: Sequence[Refused]) -> None:
        """Without this the same documents come again after a restart: they have the same ids, and no document is doubled."""
        if page.until == self._until:
            return
        letters = [_letter(self.name, each) for each in refused]
        for reason, first in {letter.reason: letter for letter in reversed(letters)}.items():  # one line for what has one cause
            count = sum(letter.reason == reason for letter in letters)
            log.warning("document_refused", consumer=self.name, position=first.position, reason=reason, documents=count)
        await asyncio.to_thread(self._tools.feed.taken, self.name, page.until, letters, self._tools.now_ms())
        self._until = page.until
        self._tools.metrics.feed_taken(self.name, len(page.rows) - len(letters), len(letters))


def _documents(page: Page) -> list[Document]:
    """In a thread: masking a large batch takes tens of milliseconds."""
    return [Document(row.id, row.kind, row.key, row.at_ms, mask_record(parsed(row.body))) for row in page.rows]


def _letter(consumer: str, refused: Refused) -> DeadLetter:
    document = refused.document
    return DeadLetter(
        consumer, f"{document.kind} {document.id}", refused.reason[:1000], json.dumps(document.body).encode()[:1024]
    )


async def _either(event: asyncio.Event, wait_s: float) -> None:
    """Until the event, or so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await event.wait()
