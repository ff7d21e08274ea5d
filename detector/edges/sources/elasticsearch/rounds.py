"""One look at the index after the other, and what is handed over of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import groupby

import structlog

from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import Resume, SharedInbox
from detector.edges.sources.elasticsearch.batches import batches_of, stream_of
from detector.edges.sources.elasticsearch.cluster import Cluster
from detector.edges.sources.elasticsearch.frontier import END_OF_TIME, Frontier, Place, place_of
from detector.edges.sources.elasticsearch.hits import Hit
from detector.edges.sources.elasticsearch.lanes import Lanes, MergedPages
from detector.edges.sources.elasticsearch.memory import Memory
from detector.edges.sources.elasticsearch.query import Query, any_of, between, named, without
from detector.edges.sources.elasticsearch.recall import MOST_READ, Recalled, recall
from detector.edges.sources.elasticsearch.token import MOST_TAIL, Progress, ShardMark, marks_of, read, short, written
from detector.records import LostRange
from detector.settings import ElasticsearchSourceSettings
from detector.settings.start_at import start_at

log = structlog.get_logger()

MOST_A_ROUND = 100_000  # documents; what is left is the next round's
RECALL_PAGE = 5_000
MOST_NAMED = 1_000  # documents that are asked for by their names at once
COUNT_EVERY_MS = 300_000


class Rounds:
    """`begin` once, then `look` again and again."""

    def __init__(self, settings: ElasticsearchSourceSettings, cluster: Cluster, inbox: SharedInbox) -> None:
        self.stream = stream_of(settings)
        self.offset = 0
        self._settings = settings
        self._cluster = cluster
        self._inbox = inbox
        self._memory = Memory(round(settings.late.total_seconds() * 1000))
        self._floor_ms: int | None = None  # nothing before it was ever wanted
        self._first = 0  # the record number of this round's first document
        self._frontier = Frontier()  # at the beginning of this round
        self._reached: Place = (-1, END_OF_TIME)  # up to here this round has handed all over
        self._tail: deque[int] = deque(maxlen=MOST_TAIL)  # the last documents that were handed over
        self._timeless: int | None = None
        self._count_ms = 0

    @property
    def has_handed_over(self) -> bool:
        """Whether the last round had something new."""
        return self.offset > self._first

    async def begin(self, resume: Resume | None, now_ms: int) -> None:
        """Goes on where the last checkpoint stood, or begins where the settings say."""
        start = start_at(self._settings.start_at)
        if resume is not None:
            self.offset = resume.offset
            known = read(resume.token)
            if known is not None:
                self.offset = known[0].offset
                await self._recall(resume, *known)
                return
            log.warning("elasticsearch_position_unknown", source=self._settings.name, offset=resume.offset)
        self._floor_ms = None if start == "earliest" else now_ms if start == "latest" else start

    async def look(self, now_ms: int) -> bool:
        """Hands over what is new. True when there is more to read at once."""
        self._memory.begin(now_ms)
        self._first, self._reached = self.offset, (-1, END_OF_TIME)
        lanes = Lanes(self._cluster, self._settings)
        try:
            await lanes.open()
            if lanes.was_missing:
                self._memory.doubt()
            await self._count_unread(lanes, now_ms)
            is_whole = await self._read(lanes.pages(await self._wanted(lanes, now_ms), self._settings.page))
        finally:
            await lanes.close()
        seqs = self._memory.seqs()
        self._frontier = Frontier.whole(seqs) if is_whole else self._frontier.moved(self._reached, seqs)
        return not is_whole

    async def _read(self, pages: MergedPages) -> bool:
        """Whether it was read to its end; else so many documents that another round should go on."""
        memory, width_ms = self._memory, self._memory.width_ms
        seen: dict[int, int] = {}
        looked = 0
        while hits := await pages.next():
            reach(CrashPoint.SOURCE_READ)
            for at, same in groupby(hits, lambda hit: hit.at[0] // width_ms):
                seen[at] = seen.get(at, 0) + sum(1 for _ in same)
            await self._hand_over([hit for hit in hits if not memory.knows(hit)], pages)
            looked += len(hits)
            if looked >= MOST_A_ROUND and not pages.is_over:
                self._reached = pages.until
                memory.looked(seen, self._reached[0])
                return False
        memory.looked(seen, None)
        return True

    async def _hand_over(self, hits: Sequence[Hit], pages: MergedPages) -> None:
        begin = self.offset
        for batch in batches_of(hits, begin, self.stream, self._settings, _now_ms(), pages.plain):
            taken = hits[batch.offset - begin : batch.next_offset - begin]
            self._memory.note(taken)
            self._tail.extend(short(hit.number) for hit in taken[-MOST_TAIL:])
            self._reached = _reached(taken[-1], hits[batch.next_offset - begin :], pages.until)
            self.offset = batch.next_offset
            await self._inbox.put(batch, self._token())

    def _token(self) -> str:
        memory = self._memory
        low_ms = max(memory.low_ms, self._floor_ms or 0)
        ends, tail = self._frontier.ends, tuple(self._tail)
        progress = Progress(self.offset, self._first, low_ms, memory.newest_ms, self._reached, ends, tail)
        return written(progress, marks_of(memory.peaks(), memory.tallies(), self._frontier))

    async def _wanted(self, lanes: Lanes, now_ms: int) -> Query:
        """What may hold something new: ranges in which the index counts other numbers than before, and all that is later."""
        memory, field = self._memory, self._settings.time_field
        span = memory.span(now_ms)
        if span is None:
            return between(field, self._floor_ms, None)
        floor_ms = self._floor_ms or 0
        counts = await lanes.counts(between(field, max(span[0], floor_ms), span[1]), memory.width_ms)
        await self._lose_late(memory.too_late(counts))
        ranges = [between(field, max(begin, floor_ms), end) for begin, end in memory.changed(counts, span[1]) if end > floor_ms]
        return any_of([*ranges, between(field, max(span[1], floor_ms), None)])

    async def _count_unread(self, lanes: Lanes, now_ms: int) -> None:
        """Documents without a time have no place in the order, and those that come much too late have none any more: they are
        never read, but new ones are counted."""
        if now_ms < self._count_ms:
            return
        self._count_ms = now_ms + COUNT_EVERY_MS
        field, until_ms = self._settings.time_field, self._memory.aged_ms
        if until_ms > (self._floor_ms or 0):
            old = self._memory.older(await lanes.total(between(field, self._floor_ms, until_ms)))
            await self._lose_late(old)
        count = await lanes.total(without(field))
        if self._timeless is not None and count > self._timeless:
            await self._lose(count - self._timeless, f"have no `{field}`")
        self._timeless = count

    async def _lose_late(self, count: int) -> None:
        if count:
            await self._lose(count, f"became visible later than `late` ({self._settings.late}) allows")

    async def _lose(self, count: int, reason: str) -> None:
        await self._inbox.lost(LostRange(self.stream, self.offset, self.offset + count, reason, "records"))

    # -- after a restart ------------------------------------------------------------------------------------------------------

    async def _recall(self, resume: Resume, progress: Progress, marks: Sequence[ShardMark]) -> None:
        """Knows again what was handed over, and hands over once more what the pipeline had not finished with."""
        lanes = Lanes(self._cluster, self._settings)
        try:
            await lanes.open()
            found = recall(await self._remembered(lanes, progress), progress, marks)
            if found.doubtful:
                log.warning("elasticsearch_may_repeat", source=self._settings.name, documents=found.doubtful)
            self._remember(found, progress)
            log.info(
                "elasticsearch_recalled",
                source=self._settings.name,
                remembered=len(found.known),
                last=len(found.last),
                first=progress.first,
                reached=progress.offset,
                again_from=resume.offset,
            )
            if resume.offset < progress.offset:
                await self._repeat(lanes, found, resume, progress)
        finally:
            await lanes.close()

    async def _remembered(self, lanes: Lanes, progress: Progress) -> list[Hit]:
        """All documents inside the look-back, without what they hold."""
        field = self._settings.time_field
        pages = lanes.pages(between(field, progress.low_ms, progress.newest_ms + 1), RECALL_PAGE, [field, "log.offset"])
        found: list[Hit] = []
        while len(found) < MOST_READ and (hits := await pages.next()):
            for hit in hits:
                hit.source = None
            found += hits
        return found

    def _remember(self, found: Recalled, progress: Progress) -> None:
        memory, counts = self._memory, dict[int, int]()
        self._floor_ms, self._frontier = progress.low_ms, found.frontier
        memory.note(found.known)
        memory.newest_ms, memory.low_ms = max(progress.newest_ms, memory.newest_ms), progress.low_ms
        for hit in found.known:
            at = hit.at[0] // memory.width_ms
            counts[at] = counts.get(at, 0) + 1
        memory.looked(counts, None)
        self._tail.extend(progress.tail)

    async def _repeat(self, lanes: Lanes, found: Recalled, resume: Resume, progress: Progress) -> None:
        """The last documents, under the record numbers that they had. Those that were deleted, or are not known again, are left
        out: the pipeline takes their lines for over."""
        wanted = {hit.number: at for at, hit in found.last.items() if at >= resume.offset}
        if len(wanted) < progress.offset - resume.offset:
            missing = progress.offset - resume.offset - len(wanted)
            log.warning("elasticsearch_not_read_again", source=self._settings.name, documents=missing)
        numbered: list[tuple[int, Hit]] = []
        ids = [found.last[at].id for at in sorted(wanted.values())]
        for begin in range(0, len(ids), MOST_NAMED):
            pages = lanes.pages(named(ids[begin : begin + MOST_NAMED]), self._settings.page)
            while hits := await pages.next():
                numbered += [(wanted[hit.number], hit) for hit in hits if hit.number in wanted]
        numbered.sort(key=lambda each: each[0])
        for _, run in groupby(enumerate(numbered), lambda each: each[1][0] - each[0]):
            same = [each for _, each in run]
            for batch in batches_of([hit for _, hit in same], same[0][0], self.stream, self._settings, _now_ms()):
                await self._inbox.put(batch, resume.token)


def _reached(last: Hit, following: Sequence[Hit], until: Place) -> Place:
    """How far all was handed over when this was the last document of a batch."""
    if following and following[0].at[0] == last.at[0]:
        return place_of(last)
    return min((last.at[0], END_OF_TIME), until)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
