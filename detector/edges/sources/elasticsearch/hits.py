"""Documents as a search gives them, and the lines they become."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from detector.plain_text import cut
from detector.records import Labels

NO_TIME = (1 << 63) - 1  # what a search sorts a document by that lacks the field
UNKNOWN = -1
_DATE = r"\d{4}(?:[-._]?(?:\d\d(?:[-._]?\d\d(?:[-._t]?\d\d)?)?|w\d\d))?"
_DATED = re.compile(rf"(?:[-_.]{_DATE})?(?:-\d{{6}})?$", re.I)
_MOUNTED = re.compile(r"(?:partial-|restored-|shrink-\w{4}-)(?=\.)")
_DATA_STREAM = re.compile(r"\.ds-(.+)-\d{4}\.\d\d\.\d\d-\d{6,}$")
_LONGEST_LABEL = 512
_SAYS_SERVICE = ("service", "service.name", "kubernetes", "serviceName", "resource", "Resource", "appname", "serviceContext")


@dataclass(slots=True)
class Hit:
    """A document. `at` is what it is sorted by: its time in milliseconds (NO_TIME without one), then its sequence number where
    the index has one, else `tie` tells it apart. `shard` is its index and the number of its shard there, where that is known.
    `number` is the same for the same document at any time. `source` is None where it was not asked for, or cannot be read."""

    index: str
    id: str
    at: tuple[int, ...]
    tie: int | None
    seq: int
    shard: tuple[str, int]
    number: int
    source: dict[str, Any] | None

    @property
    def time_ms(self) -> int:
        """UNKNOWN without one."""
        return self.at[0] if self.at[0] != NO_TIME else UNKNOWN

    @property
    def name(self) -> str:
        """Where a person finds it."""
        return f"{self.index}/{self.id}"

    @property
    def labels(self) -> Labels:
        """For rules and people, bounded."""
        return (
            ("elasticsearch.index", cut(self.index, _LONGEST_LABEL)),
            ("elasticsearch.id", cut(self.id, _LONGEST_LABEL)),
        )


def hits_of(answer: Mapping[str, Any], has_seq: bool, shard: int | None) -> list[Hit]:
    """What a search has found in the shards of this number. `has_seq`: whether it was sorted by the sequence number too."""
    found = []
    place = -1 if shard is None else shard
    shards: dict[str, tuple[str, int]] = {}  # one object for all hits of a shard: they may be many
    for raw in answer["hits"]["hits"]:
        time_ms, second = raw["sort"][:2]
        shard_of = shards.get(raw["_index"])
        if shard_of is None:
            shard_of = shards[raw["_index"]] = (raw["_index"], place)
        index, name = shard_of[0], raw["_id"]
        seq = raw.get("_seq_no", UNKNOWN)
        number = int.from_bytes(blake2b(f"{index}\0{name}".encode("utf-8", "replace"), digest_size=8).digest(), "big")
        at, tie = ((time_ms, second), None) if has_seq else ((time_ms,), second)
        found.append(Hit(index, name, at, tie, seq if seq >= 0 else UNKNOWN, shard_of, number, raw.get("_source")))
    return found


def line_of(hit: Hit, message_field: str | None, service: str) -> bytes:
    """The document on one line, with its newline. `service` is whose the stream is; an index of another name says its own where
    the document says nothing."""
    source = hit.source or {}
    if message_field is not None:
        source = _with_message(source, message_field)
    own = index_stem(hit.index)
    if own != service and not any(name in source for name in _SAYS_SERVICE):
        source = {**source, "service.name": own}
    try:
        return orjson.dumps(source, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate, a number beyond 64 bits: the decoding has its own ways with those
        return json.dumps(source, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


@lru_cache(maxsize=256)
def index_stem(index: str) -> str:
    """The name of an index, or of the indices of a pattern, without date, generation and stars: whose it is, where nothing says
    it better."""
    stream = _DATA_STREAM.match(_MOUNTED.sub("", index))
    name = stream[1] if stream else index.partition(",")[0].rpartition(":")[2].replace("*", "").strip("-_.<>")
    return _DATED.sub("", name).strip("-_.") or index


def value_at(source: Mapping[str, Any], path: str) -> Any:
    """A field by its dotted name, however much of it is nested; None where it is not there."""
    if path in source:
        return source[path]
    head, dot, rest = path.partition(".")
    while dot:
        below = source.get(head)
        if isinstance(below, Mapping) and (found := value_at(below, rest)) is not None:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def in_order(hits: list[Hit], time_field: str, plain: Collection[int] = ()) -> list[Hit]:
    """Each millisecond's documents in the order in which they were written, as far as they say it, else as shards took them
    in. `plain` are milliseconds of which not all documents are there: those stay in the order of the shards."""

    def key(hit: Hit) -> tuple[int, str, int, int, tuple[str, int]]:
        time_ms = hit.at[0]
        written = ("", UNKNOWN) if time_ms in plain else _order_within(hit.source or {}, time_field)
        return time_ms, *written, hit.seq, hit.shard

    if len({hit.at[0] for hit in hits}) == len(hits):
        return sorted(hits, key=lambda hit: hit.at[0])
    return sorted(hits, key=key)


def _order_within(source: Mapping[str, Any], time_field: str) -> tuple[str, int]:
    """What orders documents of one millisecond better than a search can: the rest of their time, and where Filebeat read them."""
    time = source.get(time_field)
    rest = time[23:].rstrip("Zz") if isinstance(time, str) and len(time) > 24 and time[19:20] == "." else ""
    offset = value_at(source, "log.offset")
    return rest if rest.isdigit() else "", offset if isinstance(offset, int) else UNKNOWN


def _with_message(source: dict[str, Any], path: str) -> dict[str, Any]:
    """The document with the named field as its message."""
    found = value_at(source, path)
    if found is None or path == "message":
        return source
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return {**{name: value for name, value in source.items() if name != path}, "message": text}
