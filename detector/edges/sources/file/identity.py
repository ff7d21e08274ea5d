"""What tells one file's content from another's: device and inode, and prints of two stretches of bytes that no longer change.

An inode alone proves nothing (a file that is deleted and created anew gets the old one back nearly always, FAULTS.md F3), and
neither does a size (a truncated file can grow beyond it, F2). So we keep a hash of the first bytes and one of the last bytes
before the position; whoever has both the same has the same content up to the position, under whatever name or inode.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from detector.edges.sources.gunzip import GzipDamaged, gunzip

HEAD = 1024
TAIL = 256
LONGEST_PATH = 600  # a token is at most 1 KiB; a longer path is not written down, such a file is known by its content alone

Identity = tuple[int, int]  # device, inode


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes `begin:end` of a file and their hash."""

    begin: int
    end: int
    digest: str

    def is_in(self, read: Callable[[int, int], bytes]) -> bool:
        """`read(size, offset)` gives the bytes to compare; fewer are a difference."""
        return self.begin == self.end or digest(read(self.end - self.begin, self.begin)) == self.digest


@dataclass(frozen=True, slots=True)
class Content:
    """What was given out of a file: its first and its last bytes, up to `end`. `modified_ns` is the file's time of last change as
    we last saw it."""

    head: Stretch
    tail: Stretch
    modified_ns: int = 0

    @property
    def end(self) -> int:
        return self.tail.end

    def is_in(self, fd: int) -> bool:
        """Whether the open file still holds it. Raises OSError."""
        return os.fstat(fd).st_size >= self.end and all(
            s.is_in(lambda n, at: os.pread(fd, n, at)) for s in (self.head, self.tail)
        )


NOTHING = Content(Stretch(0, 0, ""), Stretch(0, 0, ""))


@dataclass(frozen=True, slots=True)
class Token:
    """What we write beside a position to know the file again."""

    path: str
    content: Content
    is_finished: bool = False

    def text(self) -> str:
        head, tail = self.content.head, self.content.tail
        path = self.path if len(self.path.encode("utf-8", "surrogateescape")) <= LONGEST_PATH else ""
        stretches = [head.end, head.digest, tail.begin, tail.end, tail.digest]
        fields = {"file": path, "is": stretches, "m": self.content.modified_ns, "done": int(self.is_finished)}
        return json.dumps(fields, separators=(",", ":"))


def token_of(text: str) -> Token | None:
    """The token that `text` holds, or None if another kind of source wrote it."""
    try:
        fields = json.loads(text)
        head_end, head, begin, end, tail = fields["is"]
        content = Content(Stretch(0, int(head_end), str(head)), Stretch(int(begin), int(end), str(tail)), int(fields["m"]))
        return Token(str(fields["file"]), content, bool(fields["done"]))
    except (ValueError, KeyError, TypeError):
        return None


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()


def stretch(fd: int, begin: int, end: int) -> Stretch:
    """Raises OSError."""
    data = os.pread(fd, end - begin, begin)
    return Stretch(begin, begin + len(data), digest(data))


def content_up_to(fd: int, end: int, before: Content) -> Content:
    """The content once `end` bytes were given out. A head that is long enough is not read again."""
    head = before.head if before.head.end >= min(HEAD, end) else stretch(fd, 0, min(HEAD, end))
    return Content(head, stretch(fd, max(0, end - TAIL), end), os.fstat(fd).st_mtime_ns)


def is_gzip_of(path: str, content: Content) -> bool:
    """Whether the file is `content`, packed: both stretches are compared, so it is unpacked up to the position."""
    if content.end == 0:
        return False
    wanted = [content.head, content.tail]
    try:
        with open(path, "rb", buffering=0) as packed:
            at = 0
            kept = b""
            for piece in gunzip(packed):
                kept = kept[-HEAD:] + piece
                start = at + len(piece) - len(kept)
                at += len(piece)
                for one in [one for one in wanted if one.end <= at]:
                    if digest(kept[one.begin - start : one.end - start]) != one.digest:
                        return False
                    wanted.remove(one)
                if not wanted:
                    return True
    except (OSError, GzipDamaged):
        return False
    return False


def head_of(path: str) -> bytes:
    """The file's first bytes, at most HEAD; empty when there are none or we may not read it."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(HEAD)
    except OSError:
        return b""


def head_of_gzip(path: str) -> bytes:
    """As `head_of`, unpacked."""
    try:
        with open(path, "rb", buffering=0) as packed:
            return next(gunzip(packed), b"")[:HEAD]
    except (OSError, GzipDamaged):
        return b""
