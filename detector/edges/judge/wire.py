"""What the daemon and its judge tell each other: one line of JSON down, one framed answer back.

The answer has a head with its length and checksum: what a library prints on the way, and an answer that was cut off by a kill, is
told from a whole one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from detector.edges.store.rows import GarbledRow, checksum, pack, revived, unpack
from detector.errors import BadSettings
from detector.records import Judged, JudgeRequest
from detector.settings import Settings
from detector.settings.handed import handed, taken

SECTIONS = ("store", "elasticsearch", "signals", "verdicts", "alarms")  # of the settings: what a judge needs to know
MOST_TASK_BYTES = 4 << 20
MOST_ANSWER_BYTES = 32 << 20  # 10,000 signals with two verdicts each take 12 MB
_HEAD = re.compile(rb"trimwatch-judged (\d{1,10}) (\d{1,10})\n")


class Garbled(Exception):
    """Not what the other side writes; the text says how."""


@dataclass(frozen=True, slots=True)
class Task:
    """`parent` is the daemon's process: a judge that has another one ends. `memory_bytes` is the most that it may take."""

    request: JudgeRequest
    settings: Settings
    parent: int
    memory_bytes: int


def write_task(task: Task) -> bytes:
    """Secrets stand in it in the clear."""
    content = {
        "request": orjson.Fragment(pack(task.request)),
        "settings": handed(task.settings, SECTIONS),
        "parent": task.parent,
        "memory_bytes": task.memory_bytes,
    }
    return orjson.dumps(content) + b"\n"


def read_task(line: bytes) -> Task:
    """Raises Garbled."""
    try:
        found = orjson.loads(line)
        request = revived(JudgeRequest, found["request"])
        return Task(request, taken(found["settings"]), int(found["parent"]), int(found["memory_bytes"]))
    except (ValueError, TypeError, KeyError, AttributeError, GarbledRow, BadSettings) as error:
        raise Garbled(f"this is no task: {error}") from None


def write_answer(judged: Judged) -> bytes:
    body = pack(judged)
    return b"trimwatch-judged %d %d\n" % (len(body), checksum(judged.request.id, body)) + body


def read_answer(answer: bytes, request: JudgeRequest) -> Judged:
    """Raises Garbled."""
    if not answer:
        raise Garbled("it said nothing")
    head = _HEAD.match(answer)
    if head is None:
        raise Garbled(f"it said {answer[:60]!r}, which is no answer")
    body = answer[head.end() :]
    length, crc = int(head[1]), int(head[2])
    if len(body) != length:
        raise Garbled(f"its answer has {len(body):,} bytes of {length:,}")
    if checksum(request.id, body) != crc:
        raise Garbled("its answer is torn, or one to another question")
    try:
        return unpack(Judged, body)
    except GarbledRow as error:
        raise Garbled(f"its answer is none: {error}") from None
