"""Records as columns: value, offset, time, key and headers, without an object a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, dropwhile, islice
from typing import Protocol, overload

from aiokafka.errors import CorruptRecordException

from detector.records import Labels

KEY_LABEL = "kafka.key"
AT_ONCE = 128  # fewer than make the cyclic collector run
_LONGEST_LABEL = 256
_MOST_HEADERS = 32

Header = tuple[str, bytes | None]


class Row(Protocol):
    """A record as aiokafka gives it."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...


class Table:
    """Records as columns, so that no object a record stays: the cyclic collector would walk through them again and again.

    `keys` and `headers` are None where no record has any.
    """

    __slots__ = ("headers", "keys", "offsets", "times_ms", "values")

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.times_ms: list[int] = []
        self.values: list[bytes | None] = []
        self.keys: list[bytes | None] | None = None
        self.headers: list[Sequence[Header]] | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def add(self, rows: Sequence[Row]) -> None:
        before = len(self.offsets)
        self.offsets += [row.offset for row in rows]
        self.times_ms += [row.timestamp for row in rows]
        self.values += [row.value for row in rows]
        keys, headers = [row.key for row in rows], [row.headers for row in rows]
        if self.keys is not None or keys.count(None) != len(keys):
            self.keys = [None] * before if self.keys is None else self.keys
            self.keys += keys
        if self.headers is not None or any(headers):
            self.headers = [()] * before if self.headers is None else self.headers
            self.headers += headers

    def rows(self) -> Iterator[tuple[int, int, bytes | None]]:
        """Offset, time and value of each."""
        return zip(self.offsets, self.times_ms, self.values, strict=True)

    def only(self, chosen: Sequence[int], values: Sequence[bytes]) -> Table:
        """The records at these places of the table, with other values."""
        found = Table()
        found.offsets = [self.offsets[at] for at in chosen]
        found.times_ms = [self.times_ms[at] for at in chosen]
        found.values = list(values)
        found.keys = None if self.keys is None else [self.keys[at] for at in chosen]
        found.headers = None if self.headers is None else [self.headers[at] for at in chosen]
        return found

    @property
    def labels(self) -> Sequence[Labels]:
        """Empty where no record has any."""
        if self.keys is None and self.headers is None:
            return ()
        return KeysAndHeaders(self.keys or [None] * len(self), self.headers or [()] * len(self))


class Tables:
    """Records some at a time. `otherwise` gives all of them where `rows` breaks off with an error."""

    def __init__(self, rows: Iterable[Row], otherwise: Callable[[], Iterable[Row]] = tuple) -> None:
        self._rows: Iterator[Row] = chain(rows)  # a batch of aiokafka allows `iter` once
        self._otherwise = otherwise
        self._reached = 0

    def since(self, offset: int) -> Tables:
        """Without those before."""
        self._reached = offset
        self._rows = dropwhile(lambda row: row.offset < offset, self._rows)
        return self

    def next(self, count: int) -> Table:
        """So many of them, fewer at the end."""
        table = Table()
        self.fill(table, count)
        return table

    def fill(self, table: Table, count: int) -> None:
        """Adds so many to a table, fewer at the end."""
        most = len(table) + count
        while (left := most - len(table)) and (taken := self._some(min(left, AT_ONCE))):
            table.add(taken)
            self._reached = taken[-1].offset + 1

    def _some(self, count: int) -> Sequence[Row]:
        try:
            return list(islice(self._rows, count))
        except (CorruptRecordException, ValueError):
            reached = self._reached
            self._rows = dropwhile(lambda row: row.offset < reached, self._otherwise())
            return list(islice(self._rows, count))


class KeysAndHeaders(Sequence[Labels]):
    """The labels of records, made when one is asked for: few are."""

    def __init__(self, keys: Sequence[bytes | None], headers: Sequence[Sequence[Header]]) -> None:
        self._keys = keys
        self._headers = headers

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Labels: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Labels]: ...
    def __getitem__(self, at: int | slice) -> Labels | Sequence[Labels]:
        if isinstance(at, slice):
            return KeysAndHeaders(self._keys[at], self._headers[at])
        return labels_of(self._keys[at], self._headers[at])


def labels_of(key: bytes | None, headers: Iterable[Header]) -> Labels:
    found = [] if key is None else [(KEY_LABEL, _text(key))]
    for name, value in islice(headers, _MOST_HEADERS):
        found.append((name[:_LONGEST_LABEL], _text(value or b"")))
    return tuple(found)


def _text(raw: bytes) -> str:
    return raw[:_LONGEST_LABEL].decode(errors="replace")
