"""What a checkpoint keeps of an index: where reading stood, and of each shard how far it had been read.

A shard numbers its documents in the order in which it takes them in. So of the documents inside the look-back those were handed
over that are not numbered higher than the last one that was: one number a shard says it, however many they are. The shard is
known again by that document; and that nothing slipped in below it, by how many they are and by a sum. About 35 shards find
room; documents of others are handed over again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from detector.edges.sources.elasticsearch_memory import Peak, Shard, Tally

MOST_BYTES = 1024
_NONE = -1


@dataclass(frozen=True, slots=True)
class ShardMark:
    """`seq`: the last document that the shard had taken in, of those that were handed over; `check` is part of its number.
    `before`: the same at the beginning of the round, -1 when there was none. `count` documents were handed over in all, with
    this sum."""

    seq: int
    check: int
    count: int
    before: int
    total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A round goes through the index once, in time order. `first` is the record number of its first document, `offset` the one
    that comes next. `reached`: the last document's time, and how many of that millisecond the round has handed over.
    `before_ms`: the round before went so far, None: to the end. `low_ms` to `newest_ms` is what is remembered."""

    offset: int
    first: int
    low_ms: int
    newest_ms: int
    before_ms: int | None
    reached: tuple[int, int]


def check_of(number: int) -> int:
    return number & 0xFFFFFF


def total_of(total: int) -> int:
    return total & 0xFFFF


def marks_of(peaks: Mapping[Shard, Peak], tallies: Mapping[Shard, Tally], before: Mapping[Shard, Peak]) -> Iterator[ShardMark]:
    for shard, peak in peaks.items():
        earlier, tally = before.get(shard), tallies[shard]
        begin = _NONE if earlier is None else min(earlier.seq, peak.seq)
        yield ShardMark(peak.seq, check_of(peak.number), tally.count, begin, total_of(tally.total))


def written(progress: Progress, marks: Iterator[ShardMark]) -> str:
    """At most MOST_BYTES; the first marks go before the later ones."""
    head = {
        "elasticsearch": 1,
        "next": progress.offset,
        "first": progress.first,
        "low": progress.low_ms,
        "newest": progress.newest_ms,
        "before": progress.before_ms,
        "at": progress.reached,
        "shards": "",
    }
    room = (MOST_BYTES - len(_json(head))) * 4 // 5 - 4
    packed = b""
    for mark in marks:
        piece = b"".join(map(_varint, (mark.seq, mark.check, mark.count, mark.seq - mark.before, mark.total)))
        if len(packed) + len(piece) > room:
            break
        packed += piece
    return _json({**head, "shards": base64.b85encode(packed).decode()})


def read(token: str) -> tuple[Progress, tuple[ShardMark, ...]] | None:
    """None when it is not ours."""
    try:
        known = json.loads(token)
        if known["elasticsearch"] != 1:
            return None
        before = known["before"]
        progress = Progress(
            int(known["next"]),
            int(known["first"]),
            int(known["low"]),
            int(known["newest"]),
            None if before is None else int(before),
            (int(known["at"][0]), int(known["at"][1])),
        )
        numbers = list(_varints(base64.b85decode(known["shards"])))
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    rows = zip(*[iter(numbers)] * 5, strict=False)
    return progress, tuple(ShardMark(seq, check, count, seq - apart, total) for seq, check, count, apart, total in rows)


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varints(packed: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
