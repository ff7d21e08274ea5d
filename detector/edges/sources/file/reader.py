"""Hands over what there is to read of one file: whole lines, the end of it, or what a gzip file has left of it."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from enum import Enum

from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import Inbox
from detector.edges.sources.file.identity import HEAD, TAIL, Content, Stretch, Token, digest, head_of_gzip
from detector.edges.sources.file.tail import Tail, stream_key
from detector.edges.sources.gunzip import MAGIC, GzipDamaged, gunzip
from detector.edges.sources.lines import READ, ROOM, LineBuffer
from detector.records import Batch, LostRange, Stream
from detector.settings import FileSourceSettings

READS_A_TURN = 4
MOST_KEYS = 100_000  # of files that are gone, remembered so that a new file is not taken for one of them


class Outcome(Enum):
    MORE = "more"
    CAUGHT_UP = "caught_up"
    CHANGED = "changed"  # not the content that was read so far: truncated, or written over
    PACKED = "packed"  # gzip: not for us while it is followed


class FileReader:
    """Owns the one buffer that all files of a source are read into: the inbox is done with it when `put` returns."""

    def __init__(self, settings: FileSourceSettings, inbox: Inbox, keys: dict[str, None]) -> None:
        self._settings = settings
        self._inbox = inbox
        self._keys = keys
        self._max_line = settings.max_line.bytes
        self._buffer = bytearray(ROOM + max(READ, self._max_line + 1) + 1)

    async def turn(self, tail: Tail) -> Outcome:
        """Reads an open file for a while. Raises OSError."""
        if tail.stream is None and (outcome := self._name_stream(tail)) is not None:
            return outcome
        if tail.starts_at_end:
            await self._start_at_end(tail)
        for _ in range(READS_A_TURN):
            batch = tail.read(self._buffer, self._max_line, _now_ms())
            if not tail.is_same_content():  # looked at after the read: before it, it might still be truncated in between
                return Outcome.CHANGED
            if batch is None:
                break
            reach(CrashPoint.SOURCE_READ)
            tail.accept(batch)
            is_all = batch.size < READ // 2 and not tail.is_behind()  # asked before others run, who may write another content
            await self._hand_over(batch, tail.token())
            if is_all:
                return Outcome.CAUGHT_UP
        return Outcome.MORE if tail.is_behind() else Outcome.CAUGHT_UP

    async def finish(self, tail: Tail) -> None:
        """Ends the stream of an open file, with the line that never got its newline, if there is one. Raises OSError."""
        if tail.stream is None and self._name_stream(tail) is not None:
            tail.is_finished = True
            return
        batch = tail.last(self._buffer, self._max_line, _now_ms())
        tail.accept(batch)
        await self._end(tail, batch)

    async def break_off(self, tail: Tail, lost: LostRange | None) -> None:
        """Ends the stream where it is: what would follow cannot be read."""
        if tail.stream is not None:
            await self._end(tail, Batch(tail.stream, b"", 0, 0, tail.offset, _now_ms(), ends=True, lost=lost))

    async def _end(self, tail: Tail, batch: Batch) -> None:
        tail.is_finished = True
        await self._hand_over(batch, tail.token())
        reach(CrashPoint.FILE_FINISHED)

    async def unpack(self, tail: Tail) -> None:
        """Reads a rotated file that was packed before we came to it, from where it was read up to. Raises OSError."""
        name, path, begin = tail.name, tail.path or "", tail.offset
        tail.look()
        head = head_of_gzip(path)
        key = tail.stream.key if tail.stream else stream_key(tail.identity, head, self._keys.__contains__)
        lines = LineBuffer(self.stream(name, key), self._max_line, begin)
        last, lost, at = b"", None, 0
        with open(path, "rb", buffering=0) as packed:
            modified_ns = os.fstat(packed.fileno()).st_mtime_ns
            try:
                for piece in gunzip(packed):
                    at += len(piece)
                    wanted = piece[max(0, begin - (at - len(piece))) :]
                    last = (last + piece)[-TAIL:]
                    lines.space()[: len(wanted)] = wanted
                    await self._hand_over_all(lines, len(wanted), Token(name, _packed_content(head, last, at)).text())
            except (GzipDamaged, OSError) as problem:
                lost = LostRange(lines.stream, lines.reached, None, f"damaged gzip: {problem}")
        content = replace(_packed_content(head, last, at), modified_ns=modified_ns)
        token = Token(name, content, is_finished=True)
        await self._hand_over(lines.finish(_now_ms(), lost), token.text())
        reach(CrashPoint.FILE_FINISHED)

    def stream(self, name: str, key: str) -> Stream:
        self._keys[key] = None
        if len(self._keys) > MOST_KEYS:
            del self._keys[next(iter(self._keys))]
        service = self._settings.service
        return Stream(key, name, service, layout=self._settings.layout, service_fixed=service is not None)

    def _name_stream(self, tail: Tail) -> Outcome | None:
        head = tail.head()
        if not head:
            return Outcome.CAUGHT_UP
        if head.startswith(MAGIC):
            return Outcome.PACKED
        tail.stream = self.stream(tail.path or tail.name, stream_key(tail.identity, head, self._keys.__contains__))
        return None

    async def _start_at_end(self, tail: Tail) -> None:
        """An empty batch writes the position down: after a restart the file was seen before."""
        assert tail.stream is not None
        tail.starts_at_end = False
        tail.go_to_end(self._buffer)
        await self._hand_over(Batch(tail.stream, b"", 0, 0, tail.offset, _now_ms()), tail.token())

    async def _hand_over_all(self, lines: LineBuffer, size: int, token: str) -> None:
        batch = lines.filled(size, _now_ms())
        while batch is not None:
            reach(CrashPoint.SOURCE_READ)
            await self._hand_over(batch, token)
            batch = lines.more(_now_ms())
        await asyncio.sleep(0)

    async def _hand_over(self, batch: Batch, token: str) -> None:
        await self._inbox.put(batch, token)
        await asyncio.sleep(0)  # an inbox with room returns at once: let the others run


def _packed_content(head: bytes, last: bytes, end: int) -> Content:
    return Content(Stretch(0, len(head), digest(head)), Stretch(end - len(last), end, digest(last)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


assert HEAD <= READ
