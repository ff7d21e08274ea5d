"""The life of followed files: found, read, renamed or deleted, truncated, finished, forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.file.identity import NOTHING, Content
from detector.edges.sources.file.open import OpenFiles
from detector.edges.sources.file.reader import FileReader, Outcome
from detector.edges.sources.file.register import Register
from detector.edges.sources.file.resume import ROTATED_AWAY, TRUNCATED, Start, left_by, plan, rotated_from
from detector.edges.sources.file.schedule import RARELY_S, Schedule
from detector.edges.sources.file.search import Finder, Found, find_copy, find_moved, find_unseen, is_packed, look_at
from detector.edges.sources.file.tail import Tail
from detector.edges.sources.file.troubles import FileTroubles
from detector.records import LostRange
from detector.settings import FileSourceSettings


class Follower:
    """`scan`, `look_at_due` and `take_turn` are called in turns by one task."""

    def __init__(self, settings: FileSourceSettings, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        self._settings = settings
        self._finder = Finder(settings.paths)
        self._left = left_by(resume, self._finder)
        self._reader = FileReader(settings, inbox, dict.fromkeys(resume))
        self._open = OpenFiles(settings.max_files)
        self._quiet_s = settings.rotated_quiet.total_seconds()
        self._files = Register(self._quiet_s)
        self._schedule = Schedule(settings.poll.total_seconds())
        self._troubles = FileTroubles(settings.name)
        self._is_first_scan = True
        self.wants_scan = False

    def close(self) -> None:
        self._open.close_all()

    @property
    def pause_s(self) -> float:
        """How long to wait when no file has anything to read."""
        return self._schedule.pause_s()

    # -- found ------------------------------------------------------------------------------------------------------------

    async def scan(self) -> None:
        """Looks for files at paths where we follow none."""
        self.wants_scan = False
        again = self._files.paths_to_look_at(time.monotonic())
        found = await asyncio.to_thread(self._finder.find, self._files.by_path, again)
        self._troubles.folders(self._finder.closed_folders)
        for tail in self._files.buried(found):
            await self._give_up(tail)
        unknown = [one for one in found if self._is_unknown(one)]
        if unknown or self._left:
            starts, self._left = await asyncio.to_thread(plan, unknown, self._left)
            followed = {*self._files.by_path, *self._files.left, *(one.path for one in found)}
            for start in (rotated_from(start, followed) for start in starts):
                if not start.is_rotated and start.name in self._files.left:
                    await self._begin_unseen(start.name, self._files.left[start.name][1])
                await self._begin(start)
        self._is_first_scan = False

    def _is_unknown(self, found: Found) -> bool:
        """gzip files are what a rotation made of one that was followed: they are looked into only in that case."""
        if is_packed(found.path):
            self._troubles.packed(found.path)
            return False
        tail = self._files.tails.get(found.identity)
        if tail is None:
            return not self._files.may_be_a_copy(found, time.monotonic())
        if tail.is_rotated:
            tail.path = found.path
            if found.path == tail.name:
                self._files.comes_back(tail)
                self._schedule.queue(tail)
        return False

    async def _begin(self, start: Start) -> None:
        if start.found is None:
            await self._tell_lost(start)
        elif start.found.identity in self._files.tails:
            self.wants_scan = True  # it was rotated since the scan has seen it: another one is at its path
        else:
            tail = Tail(start.name, start.found.path, start.found.identity, start.offset)
            tail.content, tail.is_rotated, tail.is_finished = start.content, start.is_rotated, start.is_finished
            tail.size = max(start.offset, start.content.end)
            tail.modified_ns = start.found.modified_ns
            tail.starts_at_end = start.is_new and self._is_first_scan and self._settings.start_at == "end"
            tail.stream = None if start.key is None else self._reader.stream(start.name, start.key)
            self._files.add(tail)
            if start.is_rotated and not start.is_finished and is_packed(start.found.path):
                await self._unpack(tail)
            self._go_on(tail)

    async def _tell_lost(self, start: Start) -> None:
        tail = Tail(start.name, None, (0, 0), start.offset)
        tail.content = start.content
        tail.stream = self._reader.stream(start.name, start.key or "")
        await self._reader.break_off(tail, LostRange(tail.stream, start.offset, None, start.lost))

    async def _unpack(self, tail: Tail) -> None:
        tail.is_finished = tail.is_caught_up = True
        while tail.path is not None:
            try:
                await self._reader.unpack(tail)
                break
            except FileNotFoundError:  # the rotation goes on
                moved = await asyncio.to_thread(find_moved, tail.name, tail.identity, NOTHING)
                tail.path = moved.path if moved else None
            except OSError as error:
                self._troubles.file(tail, error)
                tail.path = None
        if tail.path is None and tail.stream is not None:
            await self._reader.break_off(tail, LostRange(tail.stream, tail.offset, None, ROTATED_AWAY))
        self._files.finished(tail)

    def _go_on(self, tail: Tail) -> None:
        if tail.is_finished:
            self._schedule.look_later(tail, RARELY_S)
        else:
            self._schedule.queue(tail)

    # -- looked at --------------------------------------------------------------------------------------------------------

    async def look_at_due(self, now_s: float) -> None:
        """One stat for every file whose time has come."""
        for tail in self._schedule.due(now_s):
            if self._files.tails.get(tail.identity) is not tail:
                continue
            try:
                await self._look_at(tail, now_s)
            except FileNotFoundError:
                await self._was_rotated(tail)
            except OSError as error:
                self._try_later(tail, error)

    async def _look_at(self, tail: Tail, now_s: float) -> None:
        if tail.is_finished:
            await self._look_at_finished(tail)
        elif tail.has_changed():
            self._schedule.queue(tail)
        elif not tail.is_rotated:
            self._schedule.look_when_quiet(tail, len(self._files.tails))
        elif now_s - tail.quiet_since_s < self._quiet_s:
            self._schedule.look_later(tail, self._schedule.poll_s)
        else:
            await self._finish(tail)

    async def _look_at_finished(self, tail: Tail) -> None:
        """It is kept in mind as long as it has a name: the globs may find it, and somebody may still write to it."""
        now = look_at(tail.path) if tail.path else None
        if now is None or now.identity != tail.identity:
            self._files.leaves_its_path(tail, tail.content, time.monotonic())
            now = await asyncio.to_thread(find_moved, tail.name, tail.identity, tail.content)
        if now is None:
            self._forget(tail)
        else:
            tail.path = now.path
            tail.is_finished = now.size <= tail.offset or tail.stream is None or is_packed(now.path)
            self._go_on(tail)

    # -- read -------------------------------------------------------------------------------------------------------------

    async def take_turn(self) -> bool:
        """Lets the next file read; False if none has anything to read."""
        tail = self._schedule.next_ready()
        if tail is None:
            return False
        try:
            self._open.open(tail)
            await self._follow_up(tail, await self._reader.turn(tail))
        except FileNotFoundError:
            await self._was_rotated(tail)
        except OSError as error:
            self._try_later(tail, error)
        await asyncio.sleep(0)
        return True

    async def _follow_up(self, tail: Tail, outcome: Outcome) -> None:
        self._troubles.over(tail)
        match outcome:
            case Outcome.MORE:
                self._schedule.queue(tail)
            case Outcome.CAUGHT_UP:
                tail.is_caught_up, tail.quiet_since_s = True, time.monotonic()
                self._schedule.look_when_quiet(tail, 0 if tail.is_rotated else len(self._files.tails))
            case Outcome.CHANGED:
                await self._was_truncated(tail)
            case Outcome.PACKED:
                self._troubles.packed(tail.path or tail.name)
                self._open.close(tail)
                tail.is_rotated = tail.is_finished = True
                self._go_on(tail)

    def _try_later(self, tail: Tail, error: OSError) -> None:
        self._troubles.file(tail, error)
        tail.is_caught_up = True  # nobody waits for it
        self._schedule.look_later(tail, max(self._schedule.poll_s, min(RARELY_S, self._quiet_s)))

    # -- renamed, deleted, truncated, finished ----------------------------------------------------------------------------

    async def _was_rotated(self, tail: Tail) -> None:
        """It is not at its path any more: it is read to its end first, then what came between, then what is there now."""
        if tail.is_rotated:
            await self._find_again(tail)
            return
        reach(CrashPoint.FILE_ROTATED)
        content = tail.content_at_least()
        tail.is_rotated, tail.is_caught_up, tail.quiet_since_s = True, False, time.monotonic()
        self._files.leaves_its_path(tail, content, time.monotonic())
        self._files.add(tail)
        self.wants_scan = True
        await self._find_again(tail)
        await self._begin_unseen(tail.name, content)

    async def _begin_unseen(self, name: str, content: Content) -> None:
        """Files that were created at this path and rotated before we looked: behind `content`, before what is there now."""
        for found in await asyncio.to_thread(find_unseen, name, content.modified_ns, self._files.tails, [content]):
            await self._begin(Start(name, found, is_rotated=True))

    async def _find_again(self, tail: Tail) -> None:
        """It may have a new name; while it is open it needs none."""
        moved = await asyncio.to_thread(find_moved, tail.name, tail.identity, tail.content)
        packed = look_at(f"{tail.path}.gz") if tail.stream is None else None
        tail.path = moved.path if moved else None
        if tail.path is not None or tail.fd is not None:
            self._schedule.queue(tail)
        elif packed is not None and packed.identity not in self._files.tails:  # nothing of it was read: only its name says so
            await self._begin(Start(tail.name, packed, is_rotated=True))
            self._forget(tail)
        elif await self._go_on_in_copy(tail):
            self._forget(tail)
        else:
            if tail.stream is None:  # nothing of it was read, so only its time can tell it from others: packed and renamed again
                for found in await asyncio.to_thread(find_unseen, tail.name, tail.modified_ns, self._files.tails, []):
                    await self._begin(Start(tail.name, found, is_rotated=True))
            await self._give_up(tail)

    async def _was_truncated(self, tail: Tail) -> None:
        reach(CrashPoint.FILE_TRUNCATED)
        content = tail.content
        if not await self._go_on_in_copy(tail):
            await self._reader.break_off(tail, self._unread(tail, TRUNCATED))
        await self._begin_unseen(tail.name, content)
        tail.restart()
        tail.after = self._files.rotated.get(tail.name)
        self._schedule.queue(tail)

    async def _go_on_in_copy(self, tail: Tail) -> bool:
        """Whether a rotation has left a copy, plain or packed: what was not read is read from there, in the same stream."""
        copy = await asyncio.to_thread(find_copy, tail.name, tail.content)
        if copy is None or copy.identity in self._files.tails:
            return False
        key = tail.stream.key if tail.stream else None
        await self._begin(Start(tail.name, copy, key, tail.offset, tail.content, is_rotated=True))
        return True

    async def _finish(self, tail: Tail) -> None:
        """Gives out the line that has no newline, if there is one, and closes the file."""
        self._open.open(tail)
        await self._reader.finish(tail)
        tail.is_caught_up = True
        is_deleted = not tail.has_name()
        self._open.close(tail)
        self._files.finished(tail)
        if is_deleted:
            self._forget(tail)
        else:
            self._go_on(tail)

    async def _give_up(self, tail: Tail) -> None:
        """It is gone, and nobody has a copy: what was not read of it is lost."""
        if not tail.is_finished:
            await self._reader.break_off(tail, self._unread(tail, ROTATED_AWAY))
        self._forget(tail)

    def _forget(self, tail: Tail) -> None:
        self._open.close(tail)
        tail.is_finished = True
        self._files.forget(tail)

    def _unread(self, tail: Tail, reason: str) -> LostRange | None:
        """What we know was there and was not read."""
        if tail.stream is None or tail.size <= tail.offset:
            return None
        return LostRange(tail.stream, tail.offset, tail.size, reason)
