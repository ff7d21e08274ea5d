"""Documents in batches of records: each becomes one line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate

from detector.edges.sources.elasticsearch.hits import Hit, index_stem, line_of
from detector.records import Batch, DeadLetter, Records, Stream
from detector.settings import ElasticsearchSourceSettings

BATCH_BYTES = 256 << 10  # the slice that the pipeline judges at once (DESIGN.md section 2)


def stream_of(settings: ElasticsearchSourceSettings) -> Stream:
    return Stream(
        f"elasticsearch/{settings.name}/{settings.index}",
        settings.index,
        settings.service or index_stem(settings.index),
        layout=settings.layout,
        service_fixed=settings.service is not None,
    )


def batches_of(
    hits: Sequence[Hit],
    offset: int,
    stream: Stream,
    settings: ElasticsearchSourceSettings,
    observed_ms: int,
    plain: Collection[int] = (),
) -> Iterator[Batch]:
    """The documents as records from `offset` on; those of one millisecond in one batch, unless it is a `plain` one, whose
    documents come by their numbers. One that could not be read is a dead letter in its place."""
    service, begin, size = stream.service or "", 0, 0
    lines: list[bytes] = []
    for at, hit in enumerate(hits):
        line = b"" if hit.source is None else line_of(hit, settings.message_field, service)
        lines.append(line)
        size += min(len(line), settings.max_line.bytes)
        if size >= BATCH_BYTES and _may_part(hits, at, plain):
            yield _batch(hits[begin : at + 1], lines, offset + begin, stream, settings.max_line.bytes, observed_ms)
            begin, size, lines = at + 1, 0, []
    if lines:
        yield _batch(hits[begin:], lines, offset + begin, stream, settings.max_line.bytes, observed_ms)


def _may_part(hits: Sequence[Hit], at: int, plain: Collection[int]) -> bool:
    """Whether a batch may end behind this document."""
    if at + 1 == len(hits):
        return True
    one, following = hits[at].at, hits[at + 1].at
    return one[0] != following[0] or (one[0] in plain and one != following)


def last_batch(stream: Stream, offset: int, observed_ms: int) -> Batch:
    """Nothing comes after it."""
    return Batch(stream, b"", 0, 0, offset, observed_ms, ends=True, records=Records((), (), ()), next_offset=offset)


def _batch(hits: Sequence[Hit], lines: list[bytes], offset: int, stream: Stream, max_line: int, observed_ms: int) -> Batch:
    end = offset + len(hits)
    dead = tuple(DeadLetter(stream.name, hit.name, "the document cannot be read", b"") for hit in hits if hit.source is None)
    offsets: Sequence[int] = range(offset, end)
    if dead:
        offsets = [offsets[at] for at, hit in enumerate(hits) if hit.source is not None]
        hits, lines = [hit for hit in hits if hit.source is not None], [line for line in lines if line]
    long = [at for at, line in enumerate(lines) if len(line) > max_line + 1]
    cut_bytes = sum(len(lines[at]) - max_line - 1 for at in long)
    for at in long:
        lines[at] = lines[at][:max_line] + b"\n"
    buffer = b"".join(lines)
    records = Records(
        list(accumulate((len(line) for line in lines), initial=0))[:-1],
        offsets,
        [hit.time_ms for hit in hits],
        [hit.labels for hit in hits],
        [hit.name for hit in hits],
    )
    cut_at = tuple(offsets[at] for at in long)
    return Batch(
        stream, buffer, 0, len(buffer), offset, observed_ms, False, cut_at, cut_bytes, records=records, next_offset=end, dead=dead
    )
