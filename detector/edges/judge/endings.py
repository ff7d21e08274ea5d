"""How a judge's process may end, and what that means."""

from __future__ import annotations

import signal
from enum import IntEnum


class Ending(IntEnum):
    """Exit statuses of ours; sysexits.h has none for these."""

    ANSWERED = 0
    OUT_OF_MEMORY = 71
    BAD_TASK = 72
    ORPHANED = 73


def explained(status: int, memory_bytes: int, last_words: str) -> str:
    """Why there is no answer. `status` as a process object has it: below zero, the number of the signal that ended it."""
    said = f": {last_words}" if last_words else ""
    memory = f"{memory_bytes >> 20} MiB (verdicts.memory)"
    if status == Ending.OUT_OF_MEMORY:
        return f"the judge needed more than {memory}"
    if status == -signal.SIGKILL:
        return f"the judge was killed: by the system, which had no memory left, or by somebody{said}"
    if status in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS):
        return f"the judge crashed ({_name(status)}), perhaps for want of memory: it may take {memory}{said}"
    if status < 0:
        return f"the judge was ended by {_name(status)}{said}"
    return f"the judge ended with status {status}{said}"


def _name(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
