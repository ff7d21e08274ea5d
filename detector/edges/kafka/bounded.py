"""A bound on what a broker may announce. aiokafka reads as much as the four bytes before an answer say, up to 2 GiB: what listens
there and is no broker (HTTP, SSH, anything that goes on and on) would fill the memory."""

from __future__ import annotations

import asyncio
import struct
from typing import Any
from weakref import ReferenceType

from aiokafka.conn import AIOKafkaConnection

# Above what a broker sends: a fetch of many partitions, or the one batch that is larger than all limits of the fetch. Below what
# the first four letters of any other protocol come to.
LARGEST_ANSWER = 256 << 20


def bound_answers() -> None:
    """For every connection of aiokafka's that reads from now on. May be called again."""
    AIOKafkaConnection._read = staticmethod(_read)


async def _read(connection: ReferenceType[Any]) -> None:
    """As aiokafka's own, which holds no reference while it waits, so that a forgotten connection can go."""
    held = connection()
    if held is None:
        return
    reader: asyncio.StreamReader = held._reader
    del held
    while True:
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        if not 0 <= size <= LARGEST_ANSWER:
            raise asyncio.IncompleteReadError(b"", size & 0xFFFFFFFF)
        answer = await reader.readexactly(size)
        held = connection()
        if held is None:
            return
        held._handle_frame(answer)
        del held
