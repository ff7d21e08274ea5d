"""At most so many files are open at once; whoever was read longest ago makes room."""

from __future__ import annotations

import errno

from detector.edges.sources.file.identity import Identity
from detector.edges.sources.file.tail import Tail

_NO_ROOM = (errno.EMFILE, errno.ENFILE)


class OpenFiles:
    """`open` before every read, `close` when a file is done with. `at_once` sinks when the system allows fewer."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._open: dict[Identity, Tail] = {}  # the one that was read longest ago first

    def open(self, tail: Tail) -> None:
        """Raises OSError; with EMFILE or ENFILE when not even one file can be opened."""
        if tail.fd is None:
            tail.look()  # or else room would be made for nothing
            self._make_room(self.at_once)
            self._open_somehow(tail)
        self._open.pop(tail.identity, None)
        self._open[tail.identity] = tail

    def close(self, tail: Tail) -> None:
        self._open.pop(tail.identity, None)
        tail.close()

    def close_all(self) -> None:
        for tail in list(self._open.values()):
            self.close(tail)

    def _open_somehow(self, tail: Tail) -> None:
        while True:
            try:
                return tail.open()
            except OSError as error:
                if error.errno not in _NO_ROOM or not self._open:
                    raise
                self.at_once = max(1, len(self._open) - 1)  # one less: others in this process need room too
                self._make_room(self.at_once)

    def _make_room(self, at_once: int) -> None:
        """A file that has no name goes last: it cannot be opened again."""
        while len(self._open) >= at_once:
            victim = next((tail for tail in self._open.values() if tail.has_name()), None)
            self.close(victim or next(iter(self._open.values())))
