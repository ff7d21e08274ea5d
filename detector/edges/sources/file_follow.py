"""The life of followed files: found, read, renamed or deleted, truncated, finished, forgotten."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import count

import structlog

from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.file_identity import Content, Identity, content_up_to
from detector.edges.sources.file_open import OpenFiles
from detector.edges.sources.file_reader import FileReader, Outcome
from detector.edges.sources.file_resume import ROTATED_AWAY, TRUNCATED, Start, left_by, plan
from detector.edges.sources.file_search import (
    Finder,
    Found,
    begins_like,
    find_copy,
    find_moved,
    find_unseen,
    is_packed,
    look_at,
    originals,
)
from detector.edges.sources.file_tail import Tail
from detector.records import LostRange
from detector.settings import FileSourceSettings

# A file that has not changed for t is looked at again after t / 20, at least `poll` and at most the larger of 5 polls and 0.4 ms
# a file: a thousand idle files cost two looks each a second, ten thousand a quarter of one.
QUIET_SHARE = 20
LONGEST_POLLS = 5
S_A_FILE = 0.0004
RARELY_S = 5.0  # looks at what is finished or cannot be read

log = structlog.get_logger()


class Follower:
    """`scan`, `look_at_due` and `take_turn` are called in turns by one task."""

    def __init__(self, settings: FileSourceSettings, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        self._settings = settings
        self._finder = Finder(settings.paths)
        self._left = left_by(resume, self._finder)
        self._reader = FileReader(settings, inbox, dict.fromkeys(resume))
        self._open = OpenFiles(settings.max_files)
        self._tails: dict[Identity, Tail] = {}
        self._by_path: dict[str, Tail] = {}
        self._rotated: dict[str, Tail] = {}  # by name: what was rotated last
        self._again: dict[str, float] = {}  # paths the next scans look at; until when they may be a copy that is being made
        self._freed: dict[str, Content] = {}  # by name: what was rotated away from there; its successor is not found yet
        self._ready: deque[Tail] = deque()
        self._looks: list[tuple[float, int, Tail]] = []
        self._order = count()
        self._is_first_scan = True
        self._logged: set[str] = set()
        self._poll_s = settings.poll.total_seconds()
        self._quiet_s = settings.rotated_quiet.total_seconds()
        self.wants_scan = False

    def close(self) -> None:
        self._open.close_all()

    # -- finding ----------------------------------------------------------------------------------------------------------

    async def scan(self) -> None:
        """Looks for files at paths where we follow none."""
        self.wants_scan = False
        found = await asyncio.to_thread(self._finder.find, self._by_path, self._again)
        self._log_closed_folders()
        await self._bury({one.identity for one in found})
        unknown = [one for one in found if self._is_plain(one) and not self._is_known(one) and not self._may_be_a_copy(one)]
        if unknown or self._left:
            starts, self._left = await asyncio.to_thread(plan, unknown, self._left)
            for start in starts:
                if not start.is_rotated and start.name in self._freed:
                    await self._begin_unseen(start.name, self._freed[start.name])
                await self._begin(start)
        self._is_first_scan = False

    async def _bury(self, identities: set[Identity]) -> None:
        """A file that has no name and is not open is no more: its inode is another file's now."""
        for tail in [tail for one in identities if (tail := self._tails.get(one)) is not None]:
            if tail.path is None and tail.fd is None:
                if not tail.is_finished:
                    await self._reader.break_off(tail, self._unread(tail, ROTATED_AWAY))
                self._forget(tail)

    def _is_plain(self, found: Found) -> bool:
        """A gzip file that a glob matches is what a rotation made of one that was followed: looked into only in that case."""
        if is_packed(found.path):
            self._log_once("file_is_packed", found.path, "gzip files are read by replay, not followed")
        return not is_packed(found.path)

    def _is_known(self, found: Found) -> bool:
        """The same file under a second name, or under its old name again."""
        tail = self._tails.get(found.identity)
        if tail is None:
            return False
        if tail.is_rotated:
            tail.path = found.path
            if found.path == tail.name:
                tail.is_rotated = tail.is_finished = False
                self._by_path[found.path] = tail
                self._queue(tail)
        self._again.pop(found.path, None)
        return True

    def _may_be_a_copy(self, found: Found) -> bool:
        """copytruncate copies first and truncates then. A new file that begins like one we follow waits for that a while."""
        until_s = self._again.get(found.path, 0.0)
        if until_s and until_s < time.monotonic():
            return False
        followed = [tail.content for path in originals(found.path) if (tail := self._by_path.get(path)) is not None]
        if not any(content.end for content in followed) or not begins_like(found.path, followed):
            return False
        self._again[found.path] = until_s or time.monotonic() + self._quiet_s
        return True

    async def _begin(self, start: Start) -> None:
        if start.found is None:
            await self._tell_lost(start)
            return
        if start.found.identity in self._tails:
            self.wants_scan = True  # it was rotated since the scan has seen it: another one is at its path
            return
        tail = Tail(start.name, start.found.path, start.found.identity, start.offset)
        tail.content, tail.is_rotated, tail.is_finished = start.content, start.is_rotated, start.is_finished
        tail.size = max(start.offset, start.content.end)
        tail.starts_at_end = start.is_new and self._is_first_scan and self._settings.start_at == "end"
        tail.after = self._rotated.get(start.name)
        self._tails[tail.identity] = tail
        self._again.pop(start.found.path, None)
        if start.key is not None:
            tail.stream = self._reader.stream(start.name, start.key)
        if not start.is_rotated:
            self._freed.pop(start.name, None)
            self._by_path[start.found.path] = tail
        elif not start.is_finished:
            self._rotated[start.name] = tail
        if start.is_rotated and not start.is_finished and is_packed(start.found.path):
            await self._unpack(tail)
        if tail.is_finished:
            self._look_later(tail, RARELY_S)
        else:
            self._queue(tail)

    async def _unpack(self, tail: Tail) -> None:
        key = tail.stream.key if tail.stream else None
        tail.is_finished = tail.is_caught_up = True
        try:
            await self._reader.unpack(tail.name, tail.path or "", tail.identity, key, tail.offset)
        except OSError as error:
            self._trouble(tail, error)

    async def _tell_lost(self, start: Start) -> None:
        tail = Tail(start.name, None, (0, 0), start.offset)
        tail.content = start.content
        tail.stream = self._reader.stream(start.name, start.key or "")
        await self._reader.break_off(tail, LostRange(tail.stream, start.offset, None, start.lost))

    # -- looking ----------------------------------------------------------------------------------------------------------

    async def look_at_due(self, now_s: float) -> None:
        """One stat for every file whose time has come."""
        while self._looks and self._looks[0][0] <= now_s:
            tail = heappop(self._looks)[2]
            if self._tails.get(tail.identity) is not tail or tail.is_queued:
                continue
            try:
                await (self._look_at_rotated(tail, now_s) if tail.is_rotated else self._look_at(tail))
            except FileNotFoundError:
                await self._was_rotated(tail)
            except OSError as error:
                self._trouble(tail, error)

    async def _look_at(self, tail: Tail) -> None:
        status = tail.look()
        if status.st_size != tail.searched or status.st_mtime_ns != tail.modified_ns:
            self._queue(tail)
        else:
            self._look_later(tail, self._pause_s(tail))

    def _pause_s(self, tail: Tail) -> float:
        idle_s = time.time() - tail.modified_ns / 1e9
        longest_s = max(LONGEST_POLLS * self._poll_s, S_A_FILE * len(self._tails))
        return min(max(self._poll_s, idle_s / QUIET_SHARE), longest_s)

    async def _look_at_rotated(self, tail: Tail, now_s: float) -> None:
        if tail.is_finished:
            await self._look_at_finished(tail)
        elif self._size_of(tail) != tail.searched:
            self._queue(tail)
        elif now_s - tail.quiet_since_s < self._quiet_s:
            self._look_later(tail, self._poll_s)
        else:
            await self._finish(tail)

    async def _look_at_finished(self, tail: Tail) -> None:
        """It is kept in mind as long as it has a name: the globs may find it, and somebody may still write to it."""
        now = look_at(tail.path) if tail.path else None
        if now is None or now.identity != tail.identity:
            self._free_name(tail)
            now = await asyncio.to_thread(find_moved, tail.name, tail.identity, tail.content)
        if now is None:
            self._forget(tail)
            return
        tail.path = now.path
        if now.size > tail.offset and tail.stream is not None and not is_packed(now.path):
            tail.is_finished = False
            self._queue(tail)
        else:
            self._look_later(tail, RARELY_S)

    def _size_of(self, tail: Tail) -> int:
        return os.fstat(tail.fd).st_size if tail.fd is not None else os.stat(tail.path or tail.name).st_size

    def _look_later(self, tail: Tail, pause_s: float) -> None:
        heappush(self._looks, (time.monotonic() + pause_s, next(self._order), tail))

    # -- reading ----------------------------------------------------------------------------------------------------------

    async def take_turn(self) -> bool:
        """Lets the next file read; False if none has anything to read."""
        for _ in range(len(self._ready)):
            tail = self._ready.popleft()
            if tail.after is None or tail.after.is_caught_up or tail.after.is_finished:
                tail.is_queued, tail.after = False, None
                await self._turn(tail)
                await asyncio.sleep(0)
                return True
            self._ready.append(tail)
        return False

    async def _turn(self, tail: Tail) -> None:
        try:
            self._open.open(tail)
            outcome = await self._reader.turn(tail)
        except FileNotFoundError:
            await self._was_rotated(tail)
        except OSError as error:
            self._trouble(tail, error)
        else:
            await self._follow_up(tail, outcome)

    async def _follow_up(self, tail: Tail, outcome: Outcome) -> None:
        tail.problem = ""
        match outcome:
            case Outcome.MORE:
                self._queue(tail)
            case Outcome.CAUGHT_UP:
                tail.is_caught_up = True
                tail.quiet_since_s = time.monotonic()
                self._look_later(tail, self._pause_s(tail))
            case Outcome.CHANGED:
                await self._was_truncated(tail)
            case Outcome.PACKED:
                self._leave_packed(tail)

    def _queue(self, tail: Tail) -> None:
        if not tail.is_queued:
            tail.is_queued = True
            self._ready.append(tail)

    def _leave_packed(self, tail: Tail) -> None:
        """gzip under another name."""
        self._log_once("file_is_packed", tail.path or tail.name, "gzip files are read by replay, not followed")
        self._open.close(tail)
        tail.is_rotated = tail.is_finished = True
        self._look_later(tail, RARELY_S)

    # -- what happens to files --------------------------------------------------------------------------------------------

    async def _was_rotated(self, tail: Tail) -> None:
        """It is not at its path any more: it is read to its end first, then what came between, then what is there now."""
        if not tail.is_rotated:
            reach(CrashPoint.FILE_ROTATED)
            self._free_name(tail)
            self._freed[tail.name] = content = self._content_of(tail)
            tail.is_rotated, tail.after, tail.quiet_since_s = True, self._rotated.get(tail.name), time.monotonic()
            self._rotated[tail.name] = tail
            await self._find_again(tail)
            await self._begin_unseen(tail.name, content)
        else:
            await self._find_again(tail)

    async def _begin_unseen(self, name: str, content: Content) -> None:
        """Files that were created at this path and rotated before we looked: behind `content`, before what is there now."""
        for found in await asyncio.to_thread(find_unseen, name, content.modified_ns, self._tails, [content]):
            await self._begin(Start(name, found, is_rotated=True))

    async def _find_again(self, tail: Tail) -> None:
        """It may have a new name; while it is open it needs none."""
        moved = await asyncio.to_thread(find_moved, tail.name, tail.identity, tail.content)
        tail.path = moved.path if moved else None
        if tail.path is None and tail.fd is None:
            await self._is_gone(tail)
        else:
            self._queue(tail)

    async def _is_gone(self, tail: Tail) -> None:
        """It has no name and is not open. Perhaps it was packed; else what was not read of it is lost."""
        copy = await asyncio.to_thread(find_copy, tail.name, tail.content)
        if copy is not None and copy.identity not in self._tails:
            await self._go_on_in(copy, tail)
        else:
            await self._reader.break_off(tail, self._unread(tail, ROTATED_AWAY))
        self._forget(tail)

    def _free_name(self, tail: Tail) -> None:
        if self._by_path.get(tail.name) is tail:
            del self._by_path[tail.name]
        self._again[tail.name] = 0.0
        self.wants_scan = True

    async def _was_truncated(self, tail: Tail) -> None:
        reach(CrashPoint.FILE_TRUNCATED)
        copy = await asyncio.to_thread(find_copy, tail.name, tail.content)
        if copy is not None and copy.identity not in self._tails:
            await self._go_on_in(copy, tail)
        else:
            await self._reader.break_off(tail, self._unread(tail, TRUNCATED))
        tail.restart()
        tail.after = self._rotated.get(tail.name) if copy else None
        self._queue(tail)

    async def _go_on_in(self, copy: Found, tail: Tail) -> None:
        assert tail.stream is not None
        await self._begin(Start(tail.name, copy, tail.stream.key, tail.offset, tail.content, is_rotated=True))

    async def _finish(self, tail: Tail) -> None:
        """Gives out the line that has no newline, if there is one, and closes the file."""
        self._open.open(tail)
        await self._reader.finish(tail)
        tail.is_caught_up = True
        self._open.close(tail)
        if self._rotated.get(tail.name) is tail:
            del self._rotated[tail.name]
        self._look_later(tail, RARELY_S) if tail.path else self._forget(tail)

    def _forget(self, tail: Tail) -> None:
        self._open.close(tail)
        tail.is_finished = True
        if self._tails.get(tail.identity) is tail:
            del self._tails[tail.identity]

    def _unread(self, tail: Tail, reason: str) -> LostRange | None:
        """What we know was there and was not read."""
        if tail.stream is None or tail.size <= tail.offset:
            return None
        return LostRange(tail.stream, tail.offset, tail.size, reason)

    def _content_of(self, tail: Tail) -> Content:
        """What the file holds at least, also if nothing was given out of it yet."""
        if tail.content.end or tail.fd is None:
            return tail.content
        return content_up_to(tail.fd, os.fstat(tail.fd).st_size, tail.content)

    def _trouble(self, tail: Tail, error: OSError) -> None:
        """Tried again later, said once."""
        problem = error.strerror or type(error).__name__
        if tail.problem != problem:
            tail.problem = problem
            log.warning("file_unreadable", source=self._settings.name, path=tail.path or tail.name, error=problem)
        tail.is_caught_up = True  # nobody waits for it
        self._look_later(tail, max(self._poll_s, min(RARELY_S, self._quiet_s)))

    def _log_closed_folders(self) -> None:
        for folder, problem in self._finder.closed_folders.items():
            self._log_once("folder_unreadable", folder, problem)

    def _log_once(self, event: str, path: str, problem: str) -> None:
        if path not in self._logged and len(self._logged) < 1000:
            self._logged.add(path)
            log.info(event, source=self._settings.name, path=path, error=problem)
