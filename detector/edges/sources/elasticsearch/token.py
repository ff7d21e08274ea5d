"""What a checkpoint keeps of an index: where reading stood, and of each shard how far it had been read.

A shard is known again by the last document that it had taken in; and that nothing slipped in below that one, by how many they are
and by a sum. About 20 shards find room; documents of others are handed over again. The last documents are named one by one, for a
line that is not over may have begun some rounds ago.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from detector.edges.sources.elasticsearch.frontier import END_OF_TIME, NONE, Frontier, Place, Shard
from detector.edges.sources.elasticsearch.memory import Peak, Tally

MOST_BYTES = 1024
_VERSION = 2
MOST_TAIL = 128  # documents
_LEAST_TAIL = 40  # more than the lines over which one may ask for another
_TAIL_BYTES = 4


@dataclass(frozen=True, slots=True)
class ShardMark:
    """`seq`: the last document that the shard had taken in, of those that were handed over; `check` is part of its number.
    `count` documents were handed over in all, with this sum. `before`: the shard's cuts at the beginning of the round."""

    seq: int
    check: int
    count: int
    total: int
    before: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """A round goes through the index once, in time order. `first` is the record number of its first document, `offset` the one
    that comes next; the round has come to `reached`. `ends` are those of the frontier at its beginning. `low_ms` to `newest_ms`
    is what is remembered. `tail` are the last documents that were handed over, as `short` names them, the last one last."""

    offset: int
    first: int
    low_ms: int
    newest_ms: int
    reached: Place
    ends: tuple[Place, ...]
    tail: tuple[int, ...] = ()


def short(number: int) -> int:
    """A document's name among those of the look-back."""
    return number & 0xFFFFFFFF


def check_of(number: int) -> int:
    return number & 0xFFFFFF


def total_of(total: int) -> int:
    return total & 0xFFFF


def marks_of(peaks: Mapping[Shard, Peak], tallies: Mapping[Shard, Tally], before: Frontier) -> Iterator[ShardMark]:
    nothing = (NONE,) * (len(before.ends) + 1)
    for shard, peak in peaks.items():
        tally = tallies[shard]
        cuts = tuple(min(cut, peak.seq) for cut in before.cuts.get(shard, nothing))
        yield ShardMark(peak.seq, check_of(peak.number), tally.count, total_of(tally.total), cuts)


def written(progress: Progress, marks: Iterator[ShardMark]) -> str:
    """At most MOST_BYTES; the first marks go before the later ones, and the last documents before the earlier ones."""
    head = {
        "elasticsearch": _VERSION,
        "next": progress.offset,
        "first": progress.first,
        "low": progress.low_ms,
        "newest": progress.newest_ms,
        "at": _pair(progress.reached, progress.low_ms),
        "ends": [_pair(end, progress.low_ms) for end in progress.ends],
        "shards": "",
        "tail": "",
    }
    room = (MOST_BYTES - len(_json(head))) * 4 // 5 - 4
    kept = min(len(progress.tail), _LEAST_TAIL) * _TAIL_BYTES
    packed = b""
    for mark in marks:
        numbers = (mark.seq, mark.check, mark.count, mark.total, *(mark.seq - cut for cut in mark.before))
        piece = b"".join(map(_varint, numbers))
        if len(packed) + len(piece) > room - kept:
            break
        packed += piece
    named = min(len(progress.tail), (room - len(packed)) // _TAIL_BYTES)
    tail = b"".join(each.to_bytes(_TAIL_BYTES, "big") for each in progress.tail[len(progress.tail) - named :])
    return _json({**head, "shards": base64.b85encode(packed).decode(), "tail": base64.b85encode(tail).decode()})


def read(token: str) -> tuple[Progress, tuple[ShardMark, ...]] | None:
    """None when it is not ours."""
    try:
        known = json.loads(token)
        if known["elasticsearch"] != _VERSION:
            return None
        offset, first, low_ms, newest_ms = (int(known[name]) for name in ("next", "first", "low", "newest"))
        ends = tuple(_place(end, low_ms) for end in known["ends"])
        tail = _numbers(base64.b85decode(known["tail"]))
        progress = Progress(offset, first, low_ms, newest_ms, _place(known["at"], low_ms), ends, tail)
        packed = list(_varints(base64.b85decode(known["shards"])))
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    width = 5 + len(progress.ends)
    rows = (packed[at : at + width] for at in range(0, len(packed) - width + 1, width))
    return progress, tuple(_mark(row) for row in rows)


def _mark(row: list[int]) -> ShardMark:
    seq, check, count, total, *apart = row
    return ShardMark(seq, check, count, total, tuple(seq - each for each in apart))


def _numbers(tail: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(tail[at : at + _TAIL_BYTES], "big") for at in range(0, len(tail), _TAIL_BYTES))


def _pair(place: Place, low_ms: int) -> tuple[int, int]:
    """In few digits."""
    return place[0] - low_ms, 0 if place[1] == END_OF_TIME else place[1] + 1


def _place(pair: list[int], low_ms: int) -> Place:
    return int(pair[0]) + low_ms, int(pair[1]) - 1 if pair[1] else END_OF_TIME


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
