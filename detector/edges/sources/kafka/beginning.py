"""Where a partition begins when it becomes ours, and what that loses. Decides; the numbers are asked for elsewhere.

The store is the truth as long as nobody else got further. Else whoever comes rewinds by the longest window of a rule, so that
what the records before `committed` mean to later ones is known, and is silent about them: they were told.
"""

from __future__ import annotations

from dataclasses import dataclass

from detector.edges.sources.base import Resume
from detector.edges.sources.kafka.partition import silent_until_of, topic_id_of

RETENTION = "retention"
MADE_AGAIN = "topic made again"
CUT_OFF = "log cut off at its end"


@dataclass(frozen=True, slots=True)
class Log:
    """What the broker has of a partition: the records from `begin` up to but without `end`."""

    topic_id: str | None
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Loss:
    """Records of the stream that nobody can read any more; `end` is None where nobody knows how many there were."""

    begin: int
    end: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """`offset` None: by the settings. `rewinds`: go back from `offset` by the longest window, but not before `not_before`.
    `forgets`: nothing that is known of the stream holds any more. Records before `silent_until` were told by somebody else."""

    offset: int | None
    loss: Loss | None = None
    forgets: bool = False
    rewinds: bool = False
    not_before: int = 0
    silent_until: int = 0


def beginning(stored: Resume | None, committed: int | None, log: Log) -> Beginning:
    if stored is not None and _is_another(stored, log) and committed in (None, stored.offset):
        return Beginning(log.begin, Loss(stored.offset, None, MADE_AGAIN), forgets=True)
    if stored is not None and _is_another(stored, log):
        stored = None
    if stored is None and committed is None:
        return Beginning(None)
    if committed is None or (stored is not None and stored.offset >= committed):
        assert stored is not None
        return _within(stored.offset, stored, log)
    if not log.begin <= committed <= log.end:
        return _within(committed, stored, log, forgets=True)
    if stored is not None and silent_until_of(stored.token) == committed and stored.offset >= log.begin:
        return Beginning(stored.offset, silent_until=committed)  # it was we who rewound, and nobody got further since
    not_before = max(log.begin, 0 if stored is None else stored.offset)
    return Beginning(committed, forgets=True, rewinds=True, not_before=not_before, silent_until=committed)


def _is_another(stored: Resume, log: Log) -> bool:
    known = topic_id_of(stored.token)
    return known is not None and log.topic_id is not None and known != log.topic_id


def _within(offset: int, stored: Resume | None, log: Log, *, forgets: bool = False) -> Beginning:
    """At `offset`, or where the log is today."""
    if offset < log.begin:
        return Beginning(log.begin, Loss(offset, log.begin, RETENTION), forgets)
    if offset <= log.end:
        return Beginning(offset, forgets=forgets)
    if stored is not None and log.topic_id is not None and topic_id_of(stored.token) == log.topic_id:
        return Beginning(log.end, Loss(log.end, offset, CUT_OFF), forgets=True)
    return Beginning(log.begin, Loss(offset, None, MADE_AGAIN), forgets=True)
