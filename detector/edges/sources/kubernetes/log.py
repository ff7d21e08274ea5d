"""One container instance's log as a stream: the API's lines in, CRI lines out, and the position that finds its place again.

The API gives `<time> <line>`; what we hand over is `<time> stdout F <line>`, the frame the runtime itself writes, so that the
time is kept as a frame's time (which of the two streams a line was written to, the API does not say). Offsets count what is
handed over. What comes without a time is no line of the log but the kubelet's own words (`unable to retrieve container logs`).

The API takes no offset, only a time in whole seconds. So a position is a time and how many lines with exactly this time were
handed over; when reading goes on, what was seen is skipped up to there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from detector.edges.sources.lines import READ, LineBuffer
from detector.records import Batch, LostRange, Stream

MARK_EVERY = 128 << 10  # bytes between two marks that a token keeps
MARKS = 12  # so that they reach back over 1.5 MiB: more than the pipeline may want to read again (1 MiB, FAULTS.md F5)
FRAME = b" stdout F "
SLACK_NS = 1_000_000_000  # lines of two streams may be written in another order than that of their times, by less than this
_LINE = re.compile(rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (.*\n?)", re.M)
_FRAMED = rb"\1" + FRAME + rb"\2"


class OverlapGone(Exception):
    """The line we stood at is not there any more: the log was rotated since."""


@dataclass(frozen=True, slots=True)
class Mark:
    """At `offset`, `count` lines with the time `time` have been handed over, the last one just before. No time: nothing yet."""

    offset: int = 0
    time: str = ""
    count: int = 0

    @property
    def since(self) -> str | None:
        """What to ask the API for."""
        return re.sub(r"\.\d+", "", self.time) or None


class ContainerLog:
    """`begin` before every connection, `lines` for every piece of it, `finish` when the instance has ended."""

    def __init__(self, stream: Stream, max_line: int, token: str = "", offset: int = 0) -> None:
        self.stream = stream
        self.offset = offset
        self.is_finished = False
        marks, self.is_finished = _read_token(token)
        marks = [mark for mark in marks if mark.offset <= offset]
        self._mark = marks[-1] if marks else Mark()  # the last line that was seen, or that is looked for
        self._marks: list[Mark] = []
        for mark in marks:
            self._keep(mark)
        self._raw = LineBuffer(stream, max_line)
        self._skip_bytes = 0
        self._lines_left = 0
        self._after_ns = -1
        self.foreign = b""  # the last line without a time on this connection
        self._has_lines = False

    @property
    def saw_only_foreign(self) -> bool:
        """Whether this connection brought an explanation instead of a log: the kubelet gives it with status 200."""
        return bool(self.foreign) and not self._has_lines

    @property
    def since(self) -> str | None:
        return self._mark.since

    @property
    def is_looking(self) -> bool:
        """Whether the line we stood at was not found yet."""
        return self._lines_left > 0

    def begin(self, is_overlap_gone: bool = False) -> None:
        """A new connection, asked for what came `since`: half a line of the old one is forgotten, what was seen will be skipped.
        `is_overlap_gone`: the line we stood at is not there; take everything that is later."""
        self._raw.drop()
        self.foreign, self._has_lines = b"", False
        self._skip_bytes = 0 if is_overlap_gone else self.offset - self._mark.offset
        self._lines_left = 0 if is_overlap_gone else self._mark.count
        self._after_ns = _instant_ns(self._mark.time.encode()) if is_overlap_gone and self._mark.time else -1

    def lines(self, piece: bytes, observed_ms: int) -> Iterator[Batch]:
        """The new whole lines in what has come. Raises OverlapGone."""
        for at in range(0, len(piece), READ):
            part = piece[at : at + READ]
            self._raw.space()[: len(part)] = part
            raw = self._raw.filled(len(part), observed_ms)
            while raw is not None:
                if (batch := self._hand_over(raw)).size:
                    yield batch
                raw = self._raw.more(observed_ms)

    def end(self) -> None:
        """The connection was ended by the server. Raises OverlapGone when it did not bring the line we stood at."""
        if (held := self._raw.held()) and not _LINE.match(held):
            self.foreign = held
            self._raw.drop()
        if self._lines_left and not self.foreign:
            raise OverlapGone

    def finish(self, observed_ms: int, lost: LostRange | None = None, *, is_whole: bool = True) -> Batch:
        """The batch that ends the stream; with the last line, if it never got its newline and the end was seen."""
        if not is_whole:
            self._raw.drop()
        batch = self._hand_over(self._raw.finish(observed_ms, lost))
        self.is_finished = True
        return batch

    def token(self) -> str:
        """At most 1 KiB."""
        last = [self._mark] if self._mark not in self._marks and self._mark.time else []
        marks = [[mark.offset, mark.time, mark.count] for mark in (*self._marks, *last)]
        return json.dumps({"kubernetes": marks, "done": int(self.is_finished)}, separators=(",", ":"))

    def _hand_over(self, raw: Batch) -> Batch:
        run = bytes(memoryview(raw.buffer)[raw.begin : raw.end])
        is_new = not self._lines_left and not self._skip_bytes and self._after_ns < 0
        self._has_lines = self._has_lines or _LINE.search(run) is not None
        last, count, out = (self._frame if is_new else self._frame_unseen)(run)
        skipped = min(self._skip_bytes, len(out))
        cut = raw.cut_bytes if out else 0  # then `out` is one line, the one that was cut
        self._skip_bytes -= skipped
        if out and skipped == len(out):
            self._skip_bytes -= cut
            cut = 0
        out = out[skipped:]
        cut_at = (self.offset,) if cut else ()
        batch = Batch(self.stream, out, 0, len(out), self.offset, raw.observed_ms, raw.ends, cut_at, cut, raw.lost)
        self.offset += len(out) + cut
        if last:
            self._note(last, count)
        return batch

    def _frame(self, run: bytes) -> tuple[bytes, int, bytes]:
        """The time of the last line, how many have the same, and all lines in their frame."""
        out, lines = _LINE.subn(_FRAMED, run)
        if lines != run.count(b"\n") + (not run.endswith(b"\n")):
            return self._frame_unseen(run)
        last = _LINE.match(run, run.rfind(b"\n", 0, -1) + 1)
        time = last[1] if last else b""
        return time, run.count(b"\n" + time + b" ") + run.startswith(time + b" "), out

    def _frame_unseen(self, run: bytes) -> tuple[bytes, int, bytes]:
        """As `_frame`, line by line, without those that were handed over before."""
        self.foreign = next((line for line in run.splitlines() if not _LINE.match(line)), self.foreign)[:200]
        fresh = [(match[1], match[2]) for match in _LINE.finditer(run) if not self._was_seen(match[1])]
        last = fresh[-1][0] if fresh else b""
        return last, sum(time == last for time, _ in fresh), b"".join([time + FRAME + line for time, line in fresh])

    def _was_seen(self, time: bytes) -> bool:
        if self._lines_left:
            if time == self._mark.time.encode():
                self._lines_left -= 1
            elif _instant_ns(time) > _instant_ns(self._mark.time.encode()) + SLACK_NS:
                raise OverlapGone
            return True
        if self._after_ns < 0:
            return False
        ahead_ns = _instant_ns(time) - self._after_ns
        if ahead_ns > SLACK_NS:
            self._after_ns = -1
        return ahead_ns <= 0

    def _note(self, time: bytes, count: int) -> None:
        text = time.decode()
        before = self._mark.count if text == self._mark.time else 0
        self._mark = Mark(self.offset - self._skip_bytes, text, before + count)
        self._keep(self._mark)

    def _keep(self, mark: Mark) -> None:
        if not self._marks or mark.offset - self._marks[-1].offset >= MARK_EVERY:
            self._marks = [*self._marks, mark][-MARKS:]


def _read_token(token: str) -> tuple[list[Mark], bool]:
    try:
        fields = json.loads(token)
        return [Mark(int(offset), str(time), int(count)) for offset, time, count in fields["kubernetes"]], bool(fields["done"])
    except (ValueError, KeyError, TypeError):
        return [], False


def _instant_ns(time: bytes) -> int:
    """RFC 3339 with any number of decimals, as nanoseconds since the epoch; -1 if it is none."""
    whole, _, rest = time.partition(b".")
    decimals = re.match(rb"\d*", rest)[0] if rest else b""  # type: ignore[index]
    zone = rest[len(decimals) :]
    try:
        seconds = datetime.fromisoformat((whole + zone).decode()).timestamp()
    except ValueError:
        return -1
    return int(seconds) * 1_000_000_000 + int((decimals + b"000000000")[:9])
