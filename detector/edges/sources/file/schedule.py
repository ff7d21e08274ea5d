"""Whose turn it is: files with something to read one after the other, quiet files by the time of their next look."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count

from detector.edges.sources.file.tail import Tail

# A file that has not changed for t is looked at again after t / 20, but not before BUSY_S and not after `poll` or 0.4 ms for
# every file: so there are at most 2,500 looks a second at quiet files (1 % of a core, measured), and the last of ten thousand
# idle ones waits 4 s. While a file is being written, a line waits BUSY_S at most: a batch costs 0.5 ms, however small it is.
QUIET_SHARE = 20
BUSY_S = 0.05
TOGETHER_S = 0.02  # with many files looks fall due all the time: those of so long are one turn of the loop
S_A_FILE = 0.0004
RARELY_S = 5.0  # looks at what is finished or cannot be read


class Schedule:
    """A file is either in the queue or waits for a look; never both."""

    def __init__(self, poll_s: float) -> None:
        self.poll_s = poll_s
        self._ready: deque[Tail] = deque()
        self._looks: list[tuple[float, int, Tail]] = []
        self._order = count()

    def queue(self, tail: Tail) -> None:
        if not tail.is_queued:
            tail.is_queued = True
            self._ready.append(tail)

    def look_later(self, tail: Tail, pause_s: float) -> None:
        heappush(self._looks, (time.monotonic() + pause_s, next(self._order), tail))

    def look_when_quiet(self, tail: Tail, files: int) -> None:
        idle_s = time.time() - tail.modified_ns / 1e9
        soonest_s = min(self.poll_s, max(BUSY_S, S_A_FILE * files))
        self.look_later(tail, max(soonest_s, min(idle_s / QUIET_SHARE, max(self.poll_s, S_A_FILE * files))))

    def pause_s(self) -> float:
        """How long there is nothing to do, at most `poll`; for what cannot be read yet is in the queue, and waits so long too."""
        next_s = self._looks[0][0] - time.monotonic() if self._looks else self.poll_s
        return self.poll_s if self._ready else min(self.poll_s, max(TOGETHER_S, next_s))

    def due(self, now_s: float) -> Iterator[Tail]:
        """Those whose time has come."""
        while self._looks and self._looks[0][0] <= now_s:
            tail = heappop(self._looks)[2]
            if not tail.is_queued:
                yield tail

    def next_ready(self) -> Tail | None:
        """The next file to read that waits for no other one."""
        for _ in range(len(self._ready)):
            tail = self._ready.popleft()
            if tail.after is None or tail.after.is_caught_up or tail.after.is_finished:
                tail.is_queued, tail.after = False, None
                return tail
            self._ready.append(tail)
        return None
