"""`python -P -m detector.judge`: one task on standard input, one answer on standard output. Started by the daemon alone."""

from __future__ import annotations

import os
import sys
import time
from typing import BinaryIO

from detector.edges.judge.endings import Ending
from detector.edges.judge.wire import MOST_TASK_BYTES, Garbled, Task, read_task, write_answer
from detector.errors import TrimwatchError
from detector.judge.confinement import confine, end_with_parent
from detector.masking import mask
from detector.records import Judged, Judging


def main() -> Ending:
    answers = _own_stdout()
    try:
        task = read_task(sys.stdin.buffer.readline(MOST_TASK_BYTES))
    except Garbled as garbled:
        print(f"detector.judge is started by the daemon: {garbled}", file=sys.stderr)
        return Ending.BAD_TASK
    end_with_parent(task.parent)
    confine(task.memory_bytes)
    try:
        answer = write_answer(_answered(task))
    except MemoryError:
        return Ending.OUT_OF_MEMORY
    answers.write(answer)
    answers.close()
    return Ending.ANSWERED


def _own_stdout() -> BinaryIO:
    """Standard output, kept from whatever a library prints: that goes where errors go."""
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return ours


def _answered(task: Task) -> Judged:
    """What is expected to go wrong (a store that cannot be read, broken files of signals) is an answer, too."""
    now_ms = time.time_ns() // 1_000_000
    try:
        # Imported now, under the limit of memory: the libraries behind them take more than most judgements.
        if task.request.what is Judging.VERDICT:
            from detector.judge.verdicts import judged_verdicts

            return judged_verdicts(task.request, task.settings, now_ms)
        from detector.judge.alarms import judged_alarms

        return judged_alarms(task.request, task.settings, now_ms)
    except TrimwatchError as error:
        return Judged(task.request, now_ms, problem=mask(str(error))[:2000])


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # at once: the thread that watches the parent would be waited for, and there is nothing to tidy up
