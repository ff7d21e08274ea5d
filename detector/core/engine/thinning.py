"""Loud lines that no rule marked, thinned out where a log is full of them: they only show what no rule explains, and a few do.

The first mebibyte of a stream is looked at whole; after that one such line in 32, chosen by where it stands in the stream, so
that the choice does not depend on where batches are cut. Lines of JSON in whose decoded text rules may find what the raw line
hides are all kept. Of packed batches in which nothing else was marked one in 32 is unpacked.
"""

from __future__ import annotations

from collections.abc import Sequence

from detector.core.decode.logs.stream import Mark, Span
from detector.core.engine.composed import may_be_composed
from detector.records import Batch

WHOLE_BYTES = 1 << 20
ONE_IN = 32
_SPREAD = 0x9E3779B1  # Knuth's multiplicative hash: neighbouring offsets fall apart
_JSON_WITHIN = 64  # behind a frame's header
_LONGEST_KEY = 64
_AROUND = 2048  # where lines do not show, what stands so near a mark may be of its line


def thinned(span: Span, marks: Sequence[Mark], first_loud: int) -> Sequence[Mark]:
    """The marks that are worth decoding; those of rules (below `first_loud`) always are. Of a rebuilt span all are kept."""
    shift = span.offset - span.begin
    if span.rebuilt is not None or shift + span.end <= WHOLE_BYTES:
        return marks
    buffer = span.buffer
    kept = []
    for mark in marks:
        at, pattern = mark
        if pattern >= first_loud:
            begin = buffer.rfind(b"\n", span.begin, at) + 1 or span.begin
            is_chosen = shift + begin < WHOLE_BYTES or ((shift + begin) * _SPREAD >> 16) % ONE_IN == 0
            if not is_chosen and not _may_hide(buffer, begin, at, span.end):
                continue
        kept.append(mark)
    return kept


def may_stay_packed(batch: Batch, seen_bytes: int, marks: Sequence[Mark], first_loud: int) -> bool:
    """Whether nothing in a packed batch with these marks is worth unpacking it, of a stream of which so much was seen before."""
    if not marks:
        return True
    is_chosen = seen_bytes < WHOLE_BYTES or (batch.offset * _SPREAD >> 16) % ONE_IN == 0
    if is_chosen or any(pattern < first_loud for _, pattern in marks):
        return False
    looked_until = batch.begin
    for at, _ in marks:
        begin, end = max(batch.begin, looked_until, at - _AROUND), min(batch.end, at + _AROUND)
        if may_be_composed(bytes(batch.buffer[begin:end])):
            return False
        looked_until = max(looked_until, end - _LONGEST_KEY)
    return True


def _may_hide(buffer: bytes | bytearray, begin: int, at: int, end: int) -> bool:
    """Whether the line from `begin` on, in which something was marked at `at`, is JSON whose text may be put together."""
    if buffer.find(b"{", begin, begin + _JSON_WITHIN) < 0:
        return False
    newline = buffer.find(b"\n", at, end)
    return may_be_composed(bytes(buffer[begin : end if newline < 0 else newline]))
