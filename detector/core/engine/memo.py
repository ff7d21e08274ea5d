"""What a text said the last time: in a storm the same few texts come again and again."""

from __future__ import annotations

from typing import Generic, TypeVar

from detector.records import LogEvent

T = TypeVar("T")

MAX_TEXTS = 1000
MAX_TEXT_BYTES = 2048


class Memo(Generic[T]):
    """Results by text, level and marks; at most two mebibytes of text. When it is full it starts anew: where texts never come
    again, that costs the least."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, int | None, tuple[int, ...]], T] = {}

    def get(self, event: LogEvent, marks: tuple[int, ...]) -> T | None:
        return self._known.get((event.text, event.level, marks))

    def put(self, event: LogEvent, marks: tuple[int, ...], result: T) -> None:
        if len(event.text) > MAX_TEXT_BYTES:
            return
        if len(self._known) >= MAX_TEXTS:
            self._known.clear()
        self._known[event.text, event.level, marks] = result
