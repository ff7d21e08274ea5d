"""What keeps a judge from harming the daemon beside it: limits on what it takes, and an end when its parent ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading

from detector.edges.judge.endings import Ending

NICER = 10
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_KILLED_FIRST = b"1000"  # when a container is out of memory, the judge goes and not the daemon (proc(5), oom_score_adj)


def confine(memory_bytes: int) -> None:
    """From here on: less of the processor than others, no more memory than that, and no dump of it on the disk, since secrets
    are in it."""
    with contextlib.suppress(OSError):
        os.nice(NICER)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as score:
        score.write(_KILLED_FIRST)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What we write to, anonymous maps included (setrlimit(2), since Linux 4.7): code of shared libraries does not count.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def end_with_parent(parent: int) -> None:
    """Twice: by the kernel where it is Linux, which no endless loop can hold up, and by the pipe that only the parent has."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_the_pipe, name="lifeline", daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked to be told
        os._exit(Ending.ORPHANED)


def _end_with_the_pipe() -> None:
    while os.read(0, 4096):
        pass
    os._exit(Ending.ORPHANED)
