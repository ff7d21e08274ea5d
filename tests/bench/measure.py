"""CPU seconds of child processes: ours and ripgrep's in turn, so that both see the same machine."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Run:
    """`cpu_s`: of the whole process, start-up included. `told`: what it printed, as JSON where it is ours."""

    cpu_s: float
    told: Any


def ours(job: str, *arguments: object) -> Run:
    """A job of tests/bench/jobs.py in a process of its own."""
    command = [sys.executable, "-P", "-m", "tests.bench.jobs", job, *map(str, arguments)]
    run = run_for_cpu(command, fine=(0,))
    return Run(run.cpu_s, orjson.loads(run.told))


def ripgrep(patterns: object, log: object) -> Run:
    """`rg -j1 -c -f`: how many lines match. Its limits are raised, or it refuses two hundred rules."""
    run = run_for_cpu(["rg", "-j1", "--regex-size-limit=1G", "--dfa-size-limit=1G", "-c", "-f", str(patterns), str(log)])
    return Run(run.cpu_s, int(run.told or 0))


def median(values: list[float]) -> float:
    return statistics.median(values)


def run_for_cpu(command: list[str], fine: tuple[int, ...] = (0, 1), environment: dict[str, str] | None = None) -> Run:
    """Runs to the end; `told` is what it wrote, as bytes. An exit status that is not `fine` ends the bench."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in fine:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return Run(usage.ru_utime + usage.ru_stime, told)
