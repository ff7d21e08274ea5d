"""Named places at which a test kills the process. Outside tests `reach` is one comparison."""

from __future__ import annotations

import os
import signal
from enum import StrEnum


class CrashPoint(StrEnum):
    """Every step after which a crash could lose something or do it twice. The acceptance test kills the process at each."""

    SOURCE_READ = "source_read"  # bytes were read, nobody has them yet
    SOURCE_HANDED_OVER = "source_handed_over"  # the inbox has taken the batch
    FILE_ROTATED = "file_rotated"  # a rename was noticed, the old file is not read to its end
    FILE_TRUNCATED = "file_truncated"  # a truncation was noticed, the position not yet reset
    FILE_FINISHED = "file_finished"  # a rotated file was read to its end and closed
    STORE_BEGIN = "store_begin"  # the transaction is open, nothing written
    STORE_POSITIONS = "store_positions"  # positions are written, alerts are not
    STORE_ALERTS = "store_alerts"  # all is written, nothing committed
    STORE_COMMITTED = "store_committed"  # committed, nobody knows yet
    STORE_WAL = "store_wal"  # before the write-ahead log is folded into the database
    OUTBOX_TAKEN = "outbox_taken"  # a due row was read, nothing sent
    SINK_BEFORE_SEND = "sink_before_send"  # the request is built
    SINK_SENT = "sink_sent"  # the receiver has answered, the outbox does not know
    OUTBOX_NOTED = "outbox_noted"  # the delivery is written down


_wanted, _, _times = os.environ.get("TRIMWATCH_CRASH_AT", "").partition(":")
_left = int(_times or 1)


def reach(point: CrashPoint) -> None:
    """Kills this process with SIGKILL if TRIMWATCH_CRASH_AT names this point (`point` or `point:N` for the N-th time)."""
    global _left
    if point.value != _wanted:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
