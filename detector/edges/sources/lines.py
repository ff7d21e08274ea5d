"""Whole lines out of bytes that come in pieces and cannot be read twice: pipes, gzip, HTTP."""

from __future__ import annotations

from detector.records import Batch, LostRange, Stream

ROOM = 64 << 10  # writable bytes before every run, for what the pipeline carries over from the batch before
HELD = 1024
READ = 256 << 10  # one read; also the slice that the pipeline judges at once (DESIGN.md section 2)


def whole_lines(buffer: bytearray, begin: int, end: int, max_line: int, searched: int = 0) -> tuple[int, bool]:
    """Where the run of whole lines that starts at `begin` stops, and whether a line longer than `max_line` starts there.

    `searched` is an index up to which the first line is known to hold no newline.
    """
    stop = begin
    while end - stop > max_line:
        newline = buffer.rfind(b"\n", stop, stop + max_line + 1)
        if newline < 0:
            return stop, True
        stop = newline + 1
    newline = buffer.rfind(b"\n", max(stop, searched), end)
    return (stop if newline < 0 else newline + 1), False


class LineBuffer:
    """One stream's buffer: `space`, then `filled`, then perhaps a batch; `finish` when the input has ended.

    A batch lies in the buffer itself and is valid until the next `space`. Of a line longer than `max_line` bytes the head is
    kept; the tail is counted as it goes by, so that memory stays flat however long it is.
    """

    def __init__(self, stream: Stream, max_line: int, offset: int = 0) -> None:
        self.stream = stream
        self.offset = offset  # of the next line that was not given out
        self._max_line = max_line
        self._buffer = bytearray(ROOM + max_line + READ + 1)
        self._begin = ROOM  # what was not given out is buffer[_begin:_end]
        self._end = ROOM
        self._searched = ROOM
        self._cut_bytes = 0  # thrown away so far, of a line whose head is what the buffer holds

    @property
    def reached(self) -> int:
        """Offset of the byte that comes next: behind the unfinished line, if there is one."""
        return self.offset + self._end - self._begin + max(0, self._cut_bytes - 1)

    def space(self) -> memoryview:
        """Where the next bytes go, at least READ of them. Invalidates the batch before."""
        if self._begin > ROOM:
            held = self._end - self._begin
            self._buffer[ROOM : ROOM + held] = self._buffer[self._begin : self._end]
            self._begin, self._end = ROOM, ROOM + held
            self._searched = self._end
        return memoryview(self._buffer)[self._end : self._end + READ]

    def filled(self, size: int, observed_ms: int) -> Batch | None:
        """`size` bytes were put into the space. Returns the whole lines there are now, if any; call `more` after."""
        self._end += size
        return self.more(observed_ms)

    def more(self, observed_ms: int) -> Batch | None:
        """The next whole lines in the buffer, in a batch of their own; None when only an unfinished line is left."""
        if self._cut_bytes:
            return self._end_of_cut(observed_ms)
        stop, is_long = whole_lines(self._buffer, self._begin, self._end, self._max_line, self._searched)
        if stop > self._begin:
            return self._give(stop, observed_ms)
        if not is_long:
            self._searched = self._end
            return None
        self._cut_bytes = 1  # the byte after the head is no newline: its place is the batch's
        return self._end_of_cut(observed_ms)

    def finish(self, observed_ms: int, lost: LostRange | None = None) -> Batch:
        """The last batch: what is left, with or without its newline."""
        cut_bytes, self._cut_bytes = self._cut_bytes, 0
        end = self._begin + self._max_line if cut_bytes else self._end
        cut_at = (self.offset,) if cut_bytes else ()
        batch = Batch(self.stream, self._buffer, self._begin, end, self.offset, observed_ms, True, cut_at, cut_bytes, lost)
        self.offset += batch.size + cut_bytes
        self._begin = self._end = end
        return batch

    def held(self) -> bytes:
        """The beginning of the unfinished line."""
        return bytes(self._buffer[self._begin : min(self._end, self._begin + HELD)])

    def drop(self) -> None:
        """Forgets the unfinished line: it will be read again from its start."""
        self._end = self._begin
        self._searched = self._begin
        self._cut_bytes = 0

    def _give(self, stop: int, observed_ms: int) -> Batch:
        batch = Batch(self.stream, self._buffer, self._begin, stop, self.offset, observed_ms)
        self.offset += batch.size
        self._begin = stop
        self._searched = stop
        return batch

    def _end_of_cut(self, observed_ms: int) -> Batch | None:
        """Looks for the newline that ends the long line; what comes before it is thrown away, the newline moves to the head."""
        head_end = self._begin + self._max_line
        newline = self._buffer.find(b"\n", head_end, self._end)
        if newline < 0:
            self._cut_bytes += self._end - head_end - 1
            self._end = head_end + 1
            return None
        cut_bytes = self._cut_bytes + newline - head_end - 1
        self._cut_bytes = 0
        self._buffer[head_end] = 0x0A
        at = self.offset
        batch = Batch(self.stream, self._buffer, self._begin, head_end + 1, at, observed_ms, False, (at,), cut_bytes)
        self.offset += batch.size + cut_bytes
        self._begin = newline + 1
        self._searched = self._begin
        return batch
