"""The lines of a span: where they begin in its buffer, where they stand in the stream, and what they say (read once each)."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from detector.core.decode.logs import line as line_reader
from detector.core.decode.logs.kinds import Kind
from detector.core.decode.logs.line import Line
from detector.core.decode.logs.rebuilding import Rebuilt

_STAMPED = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]{0,10}(?:Z|[+-]\d\d:\d\d)"
_PLAINLY = re.compile(
    rb"(?:" + _STAMPED + rb" (std(?:out|err)) F |(\{\"log\":\"(?=\d\d|\{)))?(?:" + _STAMPED + rb"(?:\s{1,2}[A-Z]{3,}\b|\s\[)|"
    rb"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?![\d.]{0,10}(?:Z|[+-]\d\d:\d\d) )"
    rb"(?!.{0,80}(?:DETAIL|HINT|STATEMENT|CONTEXT|QUERY|LOCATION): )|"
    rb"\{\\?\"(?:(?:level|ts|severity|@t|log\.level)\\?\"|@timestamp\\?\":\\?\"[^\"]{20,35}\",\\?\"(?:log\.level|ecs)))"
)
_CAPTURES = (b"**********", b"==========", b"Sanitizer", b"{\n", b"[\n", b'{\\n"', b'[\\n"', b"{\r\n", b"[\r\n")


def begins_an_event(buffer: bytes | bytearray, begin: int, at: int) -> bool:
    """Whether a glance says that the line which holds index `at` begins an event of its own, so that no line before it matters.
    `buffer[begin:]` begins with a line."""
    match = _PLAINLY.match(buffer, buffer.rfind(b"\n", begin, at) + 1 or begin)
    return match is not None and match[1] is None and match[2] is None


class Lines:
    """`buffer[begin:end]` holds whole lines. `offset` is the stream offset of `begin`, unless `rebuilt` has a table."""

    def __init__(
        self,
        buffer: bytes | bytearray,
        begin: int,
        end: int,
        offset: int,
        observed_ms: int,
        rebuilt: Rebuilt | None,
        *,
        is_plain: bool,
    ) -> None:
        self.buffer, self.begin, self.end = buffer, begin, end
        self._shift = offset - begin
        self._rebuilt = rebuilt
        self._observed_ms = observed_ms
        self._is_plain = is_plain
        self._read: dict[int, tuple[Line, int]] = {}
        self.end_at = end + self._shift if rebuilt is None else rebuilt.untils[-1] if rebuilt.untils else offset

    def read(self, begin: int) -> tuple[Line, int]:
        """The line that begins at `begin`, and where its text ends (its newline, or the end of the buffer)."""
        found = self._read.get(begin)
        if found is None:
            newline = self.buffer.find(b"\n", begin, self.end)
            end = self.end if newline < 0 else newline
            found = self._read[begin] = line_reader.read(self.raw(begin, end), self._observed_ms, self._is_plain), end
        return found

    def end_of(self, begin: int) -> int:
        """Where the text of the line that begins at `begin` ends, without reading what it says."""
        found = self._read.get(begin)
        if found is not None:
            return found[1]
        newline = self.buffer.find(b"\n", begin, self.end)
        return self.end if newline < 0 else newline

    def raw(self, begin: int, end: int) -> bytes:
        """A line's bytes as they are, without CR and the byte order mark."""
        raw = bytes(self.buffer[begin:end])
        if raw[-1:] == b"\r":
            raw = raw[:-1]
        return raw.removeprefix(b"\xef\xbb\xbf") if raw[:1] == b"\xef" else raw

    def begin_of(self, at: int) -> int:
        """Where the line that holds offset `at` begins."""
        return self.buffer.rfind(b"\n", self.begin, at) + 1 or self.begin

    def before(self, begin: int) -> int | None:
        """Where the line before begins; None at the front of the buffer."""
        if begin <= self.begin:
            return None
        return self.buffer.rfind(b"\n", self.begin, begin - 1) + 1 or self.begin

    def at(self, begin: int) -> int:
        """The place in the stream that orders lines: where a line was complete, its last part's start."""
        if self._rebuilt is None:
            return begin + self._shift
        return self._rebuilt.at[self._row(begin)]

    def first(self, begin: int) -> int:
        """Where the line's first part begins in the stream."""
        return begin + self._shift if self._rebuilt is None else self._rebuilt.firsts[self._row(begin)]

    def until(self, begin: int, end: int) -> int:
        """Where a line with its newline ends in the stream."""
        if self._rebuilt is None:
            return min(end + 1, self.end) + self._shift
        return self._rebuilt.untils[self._row(begin)]

    def begin_at(self, at: int) -> int:
        """The inverse of `at`."""
        if self._rebuilt is None:
            return at - self._shift
        row = bisect_left(self._rebuilt.at, at)
        return self._rebuilt.begins[row] if row < len(self._rebuilt.begins) else self.end

    def number(self, begin: int, known: tuple[int, int], total: int) -> int:
        """How many lines of the stream stand before this one and behind the front of the buffer. `known` is an earlier line
        start and its answer, `total` how many lines the buffer has, so that the shorter way is counted."""
        if self._rebuilt is not None:
            return self._rebuilt.numbers[self._row(begin)]
        if begin - known[0] <= self.end - begin:
            return known[1] + self.buffer.count(b"\n", known[0], begin)
        is_open = self.buffer[self.end - 1] != 0x0A
        return total - self.buffer.count(b"\n", begin, self.end) - is_open

    def is_whole(self, first: int) -> bool:
        return self._rebuilt is None or first not in self._rebuilt.cut

    def plain_key(self, begin: int) -> bytes | None:
        """A key, if a glance says that the line begins an event of its own. What Docker writes has its key far behind: each such
        line's is its own place."""
        match = _PLAINLY.match(self.buffer, begin)
        if match is None:
            return None
        return match[1] or (b"%d" % begin if match[2] else b"")

    def may_capture(self, begin: int, end: int) -> bool:
        """Whether something in this range may make an event take any text that follows."""
        begin = max(begin, self.begin)
        return any(self.buffer.find(sign, begin, end) >= 0 for sign in _CAPTURES)

    def is_kind(self, begin: int, *of: Kind) -> bool:
        return self.read(begin)[0].kind in of

    def _row(self, begin: int) -> int:
        assert self._rebuilt is not None
        return bisect_right(self._rebuilt.begins, begin) - 1
