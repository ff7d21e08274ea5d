"""One followed file: where it is, how far it was read, and its next whole lines."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from detector.edges.sources.file.identity import HEAD, NOTHING, Content, Identity, Token, content_up_to, digest
from detector.edges.sources.lines import READ, ROOM, whole_lines
from detector.records import Batch, Stream

SCAN_READS = 16  # so many reads may look for the end of a long line before others get their turn


class Tail:
    """`read` and `accept` move it; the file source decides when.

    `name` is the path it is followed as, `path` where it is now (None: it has no name any more). `offset` is the start of the
    first line that was not given out; up to `searched` there is no newline behind it.
    """

    __slots__ = (
        "after",
        "content",
        "fd",
        "identity",
        "is_caught_up",
        "is_finished",
        "is_queued",
        "is_rotated",
        "modified_ns",
        "name",
        "offset",
        "path",
        "quiet_since_s",
        "searched",
        "size",
        "starts_at_end",
        "stream",
    )

    def __init__(self, name: str, path: str | None, identity: Identity, offset: int = 0) -> None:
        self.name = name
        self.path = path
        self.identity = identity
        self.offset = offset
        self.searched = offset
        self.size = offset  # the largest that was seen of this content
        self.stream: Stream | None = None
        self.content: Content = NOTHING
        self.fd: int | None = None
        self.is_rotated = False  # renamed, deleted or a copy: read until it is quiet, then finish
        self.is_finished = False
        self.starts_at_end = False
        self.is_caught_up = False
        self.after: Tail | None = None  # the file that was rotated to make place for this one: it is read first
        self.quiet_since_s = 0.0
        self.modified_ns = 0
        self.is_queued = False

    def look(self) -> os.stat_result:
        """Raises FileNotFoundError when the file is not at its path, OSError when we cannot see."""
        if self.path is None or self._is_another(status := os.stat(self.path)):
            raise FileNotFoundError(self.path or self.name)
        return status

    def open(self) -> None:
        """Raises as `look` does."""
        if self.path is None:
            raise FileNotFoundError(self.name)
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        if self._is_another(os.fstat(fd)):
            os.close(fd)
            raise FileNotFoundError(self.path)
        self.fd = fd

    def has_name(self) -> bool:
        """Whether the open file could be opened again."""
        return self.fd is not None and os.fstat(self.fd).st_nlink > 0

    def close(self) -> None:
        fd, self.fd = self.fd, None
        if fd is not None:
            os.close(fd)

    def go_to_end(self, buffer: bytearray) -> None:
        """Begin with the line that is being written now. Raises OSError."""
        assert self.fd is not None
        end = os.fstat(self.fd).st_size
        while end > 0:
            begin = max(0, end - READ)
            size = self._read_at(buffer, ROOM, end - begin, begin)
            newline = buffer.rfind(b"\n", ROOM, ROOM + size)
            end = begin if newline < 0 else begin + newline - ROOM + 1
            if newline >= 0:
                break
        self.offset = self.searched = self.size = end
        self.content = content_up_to(self.fd, end, NOTHING)

    def head(self) -> bytes:
        """The file's first bytes. Raises OSError."""
        assert self.fd is not None
        return os.pread(self.fd, HEAD, 0)

    def is_same_content(self) -> bool:
        """Whether everything that was given out is still there, and nothing was cut off behind it. Raises OSError."""
        assert self.fd is not None
        size = os.fstat(self.fd).st_size
        is_same = size >= self.searched and self.content.is_in(self.fd)
        self.size = max(self.size, size) if is_same else self.size
        return is_same

    def is_behind(self) -> bool:
        """Whether there is more to read; notes how large the file is and when it changed. Raises OSError."""
        assert self.fd is not None
        status = os.fstat(self.fd)
        self.size, self.modified_ns = max(self.size, status.st_size), status.st_mtime_ns
        return self.searched < status.st_size

    def read(self, buffer: bytearray, max_line: int, observed_ms: int) -> Batch | None:
        """The next whole lines, in the buffer; None if there are none yet. Nothing moves before `accept`. Raises OSError."""
        assert self.stream is not None
        if self.searched > self.offset:
            newline = self._end_of_line(buffer)
            if newline is None:
                return None
            if newline - self.offset > max_line:
                return self._cut(buffer, max_line, newline, observed_ms)
        size = self._read_at(buffer, ROOM, max(READ, self.searched + 1 - self.offset), self.offset)
        stop, is_long = whole_lines(buffer, ROOM, ROOM + size, max_line)
        if stop > ROOM:
            return Batch(self.stream, buffer, ROOM, stop, self.offset, observed_ms)
        self.searched = self.offset + (max_line + 1 if is_long else size)
        return self.read(buffer, max_line, observed_ms) if self.searched < self._size_now() else None

    def accept(self, batch: Batch) -> None:
        """The batch is on its way: what follows starts behind it. Raises OSError."""
        assert self.fd is not None
        self.offset = self.searched = batch.offset + batch.size + batch.cut_bytes
        self.size = max(self.size, self.offset)
        self.content = content_up_to(self.fd, self.offset, self.content)

    def last(self, buffer: bytearray, max_line: int, observed_ms: int) -> Batch:
        """The batch that ends the stream: the line that never got its newline, if there is one. Raises OSError."""
        assert self.stream is not None
        left = max(0, self._size_now() - self.offset)
        size = self._read_at(buffer, ROOM, min(left, max_line), self.offset)
        cut_bytes = left - size if left > max_line else 0
        cut_at = (self.offset,) if cut_bytes else ()
        return Batch(self.stream, buffer, ROOM, ROOM + size, self.offset, observed_ms, True, cut_at, cut_bytes)

    def token(self) -> str:
        return Token(self.name, self.content, self.is_finished).text()

    def has_changed(self) -> bool:
        """Whether there may be something new. Raises as `look` does."""
        if self.is_rotated and self.fd is not None:
            return os.fstat(self.fd).st_size != self.searched
        status = self.look()
        return status.st_size != self.searched or status.st_mtime_ns != self.modified_ns

    def content_at_least(self) -> Content:
        """What the file holds as far as we can tell, also if nothing was given out of it yet."""
        if self.content.end:
            return self.content
        try:
            return content_up_to(self.fd or -1, os.fstat(self.fd or -1).st_size, self.content)
        except OSError:
            return replace(self.content, modified_ns=self.modified_ns)

    def restart(self) -> None:
        """The content is another one: begin anew."""
        self.stream, self.content = None, NOTHING
        self.offset = self.searched = self.size = 0
        self.is_caught_up = self.is_finished = False

    def _is_another(self, status: os.stat_result) -> bool:
        return (status.st_dev, status.st_ino) != self.identity

    def _end_of_line(self, buffer: bytearray) -> int | None:
        """Offset of the newline that ends the line at `offset`; None if it is not there yet or far away."""
        for _ in range(SCAN_READS):
            size = self._read_at(buffer, ROOM, READ, self.searched)
            found = buffer.find(b"\n", ROOM, ROOM + size)
            if found >= 0:
                newline = self.searched + found - ROOM
                self.searched = newline
                return newline
            self.searched += size
            if size < READ:
                return None
        return None

    def _cut(self, buffer: bytearray, max_line: int, newline: int, observed_ms: int) -> Batch:
        """The head of a line that is too long, read again, its newline behind it."""
        assert self.stream is not None
        size = self._read_at(buffer, ROOM, max_line, self.offset)
        buffer[ROOM + size] = 0x0A
        cut_bytes = newline - self.offset - size
        return Batch(self.stream, buffer, ROOM, ROOM + size + 1, self.offset, observed_ms, False, (self.offset,), cut_bytes)

    def _read_at(self, buffer: bytearray, at: int, size: int, offset: int) -> int:
        assert self.fd is not None
        return os.preadv(self.fd, [memoryview(buffer)[at : at + size]], offset)

    def _size_now(self) -> int:
        assert self.fd is not None
        return os.fstat(self.fd).st_size


def stream_key(identity: Identity, head: bytes, is_taken: Callable[[str], bool]) -> str:
    """Device, inode and the print of what the file began with when it was first seen; a number tells apart what is equal in all
    three (the same banner written into a file that was truncated)."""
    first = key = f"{identity[0]:x}:{identity[1]:x}:{digest(head)}"
    number = 1
    while is_taken(key):
        number += 1
        key = f"{first}:{number}"
    return key
