"""One judge: started, given its task, listened to, and ended, come what may.

It is a process of its own because numbers by the thousand need libraries that would double what the daemon takes, and because
what it does may hang, crash or eat the memory. Its standard input stays open for as long as we live: when that ends, so does it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from detector.edges.judge.endings import explained
from detector.edges.judge.wire import MOST_ANSWER_BYTES, Garbled, Task, read_answer, write_task
from detector.masking import mask
from detector.records import Judged
from detector.telemetry import logger

COMMAND = (sys.executable, "-P", "-m", "detector.judge")
MOST_SAID = 20  # lines of its standard error that are logged
_KEPT_BYTES = 16 << 10  # of its standard error: the end, where the reason stands
_READ_BYTES = 256 << 10
# One core is what a sidecar has; each thread of these would take memory of its own as well.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class NoAnswer(Exception):
    """The judge gave none; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Limits:
    timeout_s: float
    memory_bytes: int
    answer_bytes: int = MOST_ANSWER_BYTES


async def ask_judge(task: Task, limits: Limits, command: Sequence[str] = COMMAND) -> Judged:
    """Its answer. Raises NoAnswer. However this is left, cancelled too, the process is gone."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # a Ctrl-C is meant for the daemon, which ends its judge itself
        )
    except OSError as error:
        raise NoAnswer(f"the judge cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _heard(process, task, limits)
    except TimeoutError:
        raise NoAnswer(f"the judge was ended after {limits.timeout_s:g} s (verdicts.timeout)") from None
    finally:
        await _end(process)


async def _heard(process: asyncio.subprocess.Process, task: Task, limits: Limits) -> Judged:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.ensure_future(_tail(process.stderr))
    try:
        with contextlib.suppress(ConnectionError):  # it has ended already: its status says why
            process.stdin.write(write_task(task))
            await process.stdin.drain()
        answer = await _bounded(process.stdout, limits.answer_bytes)
        status = await process.wait()
        said = await errors
    finally:
        errors.cancel()
    for line in said:
        logger.warning("judge_said", request=task.request.id, text=line)
    if status != 0:
        raise NoAnswer(explained(status, limits.memory_bytes, said[-1] if said else ""))
    try:
        return read_answer(answer, task.request)
    except Garbled as garbled:
        raise NoAnswer(f"the judge's answer cannot be used: {garbled}") from None


async def _bounded(stream: asyncio.StreamReader, most: int) -> bytes:
    """All that comes. Raises NoAnswer when it is more than that."""
    parts, size = [], 0
    while part := await stream.read(_READ_BYTES):
        parts.append(part)
        size += len(part)
        if size > most:
            raise NoAnswer(f"the judge's answer is larger than {most:,} bytes")
    return b"".join(parts)


async def _tail(stream: asyncio.StreamReader) -> list[str]:
    """The last lines, without what nobody may see."""
    kept = b""
    while part := await stream.read(_READ_BYTES):
        kept = (kept + part)[-_KEPT_BYTES:]
    lines = kept.decode("utf-8", "replace").splitlines()
    return [mask(line)[:500] for line in lines if line.strip()][-MOST_SAID:]


async def _end(process: asyncio.subprocess.Process) -> None:
    """The process and whatever it has started. Shielded: a judge that outlives a cancelled wait would never be waited for."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
    await asyncio.shield(process.wait())


def _environment() -> dict[str, str]:
    """Ours without our settings, which it is told of another way, and without our crash points."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRIMWATCH_")} | _ONE_THREAD
