"""What a bulk request says, and what its answer means, item by item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from detector.edges.elasticsearch.failures import reason_of
from detector.edges.mirror.base import Document
from detector.edges.mirror.shapes import Shape
from detector.errors import SinkError

# Said about a document although it is the index, or the cluster, that takes no document at all now.
_ABOUT_THE_STREAM = frozenset({"validation_exception", "index_closed_exception", "invalid_index_name_exception"})
# The index changed while the request ran: an earlier item was taken, the next ones are not.
_BLOCKED = _ABOUT_THE_STREAM | {"cluster_block_exception", "index_not_found_exception"}
_NOT_OURS = frozenset({401, 403, 404})
# Two daemons make the same data stream at once: the one that comes second finds it there.
_COMES_SECOND = "resource_already_exists_exception"
_IN_ALREADY = "version_conflict_engine_exception"


@dataclass(frozen=True, slots=True)
class Line:
    """A document as the request holds it: two lines, each with its newline."""

    document: Document
    stream: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line. `kind` is the cluster's own word for an error, `reason` its words."""

    line: Line
    status: int
    kind: str = ""
    reason: str = ""

    @property
    def is_in(self) -> bool:
        """Taken now, or by an earlier request whose answer was lost."""
        return 200 <= self.status < 300 or (self.status == 409 and self.kind in ("", _IN_ALREADY))

    @property
    def may_come_later(self) -> bool:
        """It was told to wait, or something broke that may mend: an index may be blocked, or closed, in mid-bulk."""
        is_told_to_wait = (self.status in (408, 409, 429) and not self.is_in) or self.kind == _COMES_SECOND
        return is_told_to_wait or self.status >= 500 or self.kind in _BLOCKED

    @property
    def is_refused(self) -> bool:
        return not self.is_in and not self.may_come_later

    @property
    def is_about_the_stream(self) -> bool:
        return self.status in _NOT_OURS or (self.status == 400 and self.kind in _ABOUT_THE_STREAM)

    @property
    def word(self) -> str:
        """The reason as SinkError knows it."""
        if self.status == 429:
            return "rateLimited"
        if self.status >= 500:
            return "serverError"
        return "authError" if self.status in (401, 403) else "clientError"


def line_of(document: Document, stream: str, shape: Shape) -> Line:
    action = orjson.dumps({"create": {"_index": stream, "_id": shape.id}})
    return Line(document, stream, b"%s\n%s\n" % (action, shape.source))


def bulks(lines: Sequence[Line], most_bytes: int) -> Iterator[list[Line]]:
    """The lines in order, in requests of at most so many bytes; a line that is longer is one by itself."""
    bulk: list[Line] = []
    size = 0
    for line in lines:
        if bulk and size + len(line.text) > most_bytes:
            yield bulk
            bulk, size = [], 0
        bulk.append(line)
        size += len(line.text)
    if bulk:
        yield bulk


def outcomes(lines: Sequence[Line], answer: object) -> list[Outcome]:
    """What became of each line. Raises SinkError when the answer does not say so of each, or when a stream took nothing for a
    reason that is not its documents': all of them come again."""
    items = answer.get("items") if isinstance(answer, Mapping) else None
    if not isinstance(items, list) or len(items) != len(lines):
        raise SinkError(
            "the answer to a bulk request does not say what became of each document", retryable=True, reason="serverError"
        )
    found = [_outcome(line, item) for line, item in zip(lines, items, strict=True)]
    _look_at_streams(found)
    return found


def _outcome(line: Line, item: object) -> Outcome:
    result = next(iter(item.values()), None) if isinstance(item, Mapping) else None
    status = result.get("status") if isinstance(result, Mapping) else None
    if not isinstance(result, Mapping) or not isinstance(status, int):
        raise SinkError("an item of a bulk answer has no status", retryable=True, reason="serverError")
    error = result.get("error")
    kind = error.get("type", "") if isinstance(error, Mapping) else ""
    return Outcome(line, status, str(kind), reason_of(error) or ("" if status < 300 else f"status {status}"))


def _look_at_streams(found: Sequence[Outcome]) -> None:
    by_stream: dict[str, list[Outcome]] = defaultdict(list)
    for each in found:
        by_stream[each.line.stream].append(each)
    for stream, those in by_stream.items():
        if all(each.is_about_the_stream for each in those):
            raise SinkError(f"{stream} takes nothing: {those[0].reason}", retryable=True, reason=those[0].word)
