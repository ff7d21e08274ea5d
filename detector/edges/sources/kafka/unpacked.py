"""One record batch in a buffer, no longer compressed, and the records in it."""

from __future__ import annotations

from aiokafka.record.default_records import DefaultRecordBatch

from detector.edges.sources.kafka.codecs import Scratch
from detector.edges.sources.kafka.rows import Tables
from detector.edges.sources.kafka.walk import walk
from detector.edges.sources.kafka.wire import HEADER_SIZE, Header, plain_header


class Unpacked(Scratch):
    """Remembers which batch is in it: pieces of one are asked for one after the other."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.holds: bytes | None = None
        self._end = 0

    def start(self) -> None:
        super().start()
        self.holds = None

    def plain(self, header: Header, data: bytes) -> memoryview:
        """The header and the records after it, not compressed. Raises Refused."""
        if header.codec == 0:
            return memoryview(data)
        if self.holds is not data:
            self.start()
            self._end = self.unpack(header.codec, memoryview(data)[HEADER_SIZE:], HEADER_SIZE)
            self.buffer[:HEADER_SIZE] = plain_header(data)
            self.holds = data
        return memoryview(self.buffer)[: self._end]


def tables(plain: memoryview, header: Header, offset: int) -> Tables:
    """The records of an unpacked batch from `offset` on, read by aiokafka at the speed of C. Where it gives up we walk ourselves:
    the name of a header that is no UTF-8 is no damage. Raises Refused where they are damaged."""
    found = Tables(DefaultRecordBatch(plain), lambda: walk(plain))
    return found if offset <= header.base_offset else found.since(offset)
