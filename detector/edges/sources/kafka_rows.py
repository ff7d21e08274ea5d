"""Records become lines: each one's value, with a newline, beside where it lies, when it was written, its key and headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol, cast, overload

from detector.records import Batch, Labels, Records, Stream

KEY_LABEL = "kafka.key"
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


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a stream that a run of records stands for, and what holds for all of it."""

    stream: Stream
    offset: int
    next_offset: int
    observed_ms: int
    silent_until: int = 0


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
    for name, value in list(headers)[:_MOST_HEADERS]:
        found.append((name[:_LONGEST_LABEL], _text(value or b"")))
    return tuple(found)


def lines(rows: Sequence[Row], span: Span, max_line: int) -> Batch:
    """Records without a value are left out: they tell nothing but that a key is gone."""
    values = [row.value for row in rows]
    if None in values:
        rows = [row for row in rows if row.value is not None]
        values = [row.value for row in rows]
    texts = cast("list[bytes]", values)
    cut_at, cut_bytes = _cut(texts, rows, max_line)
    buffer = _joined(texts)
    begins = list(accumulate(map((1).__add__, map(len, texts)), initial=0))[:-1]
    records = Records(begins, [row.offset for row in rows], [row.timestamp for row in rows], _labels(rows))
    return replace(nothing(span), buffer=buffer, end=len(buffer), cut_at=cut_at, cut_bytes=cut_bytes, records=records)


def nothing(span: Span) -> Batch:
    """The span holds no record for us."""
    return Batch(
        span.stream,
        b"",
        0,
        0,
        span.offset,
        span.observed_ms,
        records=Records((), (), ()),
        next_offset=span.next_offset,
        silent_until=span.silent_until,
    )


def _joined(texts: list[bytes]) -> bytes:
    """Changes `texts`: a value that ends its last line itself is given no second newline."""
    if not texts:
        return b""
    buffer = b"\n".join([*texts, b""])
    if b"\n\n" not in buffer:
        return buffer
    for at, text in enumerate(texts):
        if text.endswith(b"\n"):
            texts[at] = text[:-1]
    return b"\n".join([*texts, b""])


def _cut(texts: list[bytes], rows: Sequence[Row], max_line: int) -> tuple[tuple[int, ...], int]:
    """Changes `texts`. Returns the offsets of records that were cut, and how many bytes that cost."""
    if max(map(len, texts), default=0) <= max_line:
        return (), 0
    long = [at for at, text in enumerate(texts) if len(text) > max_line]
    cut_bytes = sum(len(texts[at]) - max_line for at in long)
    for at in long:
        texts[at] = texts[at][:max_line]
    return tuple(rows[at].offset for at in long), cut_bytes


def _labels(rows: Sequence[Row]) -> Sequence[Labels]:
    keys, headers = [row.key for row in rows], [row.headers for row in rows]
    has_any = any(headers) or keys.count(None) != len(keys)
    return KeysAndHeaders(keys, headers) if has_any else ()


def _text(raw: bytes) -> str:
    return raw[:_LONGEST_LABEL].decode(errors="replace")
