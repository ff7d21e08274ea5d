"""What the kernel says about this process, under the names that every Prometheus client gives it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import time
from pathlib import Path

from detector.telemetry.registry import Registry


class ProcessFigures:
    """Gauges that `refresh` brings up to date. Where there is no /proc, what it tells stays 0."""

    def __init__(self, registry: Registry) -> None:
        self._cpu = registry.counter("process_cpu_seconds_total", "Time on a processor.")
        self._resident = registry.gauge("process_resident_memory_bytes", "Resident memory.")
        self._virtual = registry.gauge("process_virtual_memory_bytes", "Virtual memory.")
        self._open_files = registry.gauge("process_open_fds", "Open file descriptors.")
        self._most_files = registry.gauge("process_max_fds", "How many may be open.")
        self._spent_s = 0.0
        started = registry.gauge("process_start_time_seconds", "When the process started.")
        started.set(time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME) + _started_after_boot_s())

    def refresh(self) -> None:
        spent_s = time.process_time()
        self._cpu.add(spent_s - self._spent_s)
        self._spent_s = spent_s
        self._most_files.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        with contextlib.suppress(OSError):
            pages, resident = Path("/proc/self/statm").read_text(encoding="ascii").split()[:2]
            self._virtual.set(int(pages) * resource.getpagesize())
            self._resident.set(int(resident) * resource.getpagesize())
            self._open_files.set(len(os.listdir("/proc/self/fd")))


def _started_after_boot_s() -> float:
    """The 22nd field of /proc/self/stat, counted behind the name, which may hold spaces."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def give_memory_back() -> None:
    """What starting took and no longer needs goes back to the system: with glibc it would stay with the process for good (1-2 MB
    of YAML and patterns), and what is left is not looked at by the garbage collector again."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such call
        ctypes.CDLL(None).malloc_trim(0)
