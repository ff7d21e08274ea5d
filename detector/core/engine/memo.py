"""What a text said the last time: in a storm the same few texts come again and again."""

from __future__ import annotations

from typing import Generic, TypeVar

from detector.records import LogEvent

T = TypeVar("T")

MAX_TEXTS = 512
MAX_TEXT_BYTES = 8192
MAX_BYTES = 1 << 20

_Key = tuple[bytes, int | None, tuple[int, ...]]


class Memo(Generic[T]):
    """Results by text, level and marks; the oldest go first. Holds at most MAX_BYTES of text."""

    def __init__(self) -> None:
        self._known: dict[_Key, T] = {}
        self._bytes = 0

    def get(self, event: LogEvent, marks: tuple[int, ...]) -> T | None:
        return self._known.get((event.text, event.level, marks))

    def put(self, event: LogEvent, marks: tuple[int, ...], result: T) -> None:
        size = len(event.text)
        if size > MAX_TEXT_BYTES:
            return
        self._known[event.text, event.level, marks] = result
        self._bytes += size
        while self._bytes > MAX_BYTES or len(self._known) > MAX_TEXTS:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._bytes -= len(oldest[0])

    def clear(self) -> None:
        self._known.clear()
        self._bytes = 0
