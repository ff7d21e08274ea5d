"""The judge in charge: what is asked waits here, one process at a time answers it, and what came of it goes back to the inbox.

A judge takes as much memory as several daemons: never two at once. Each request that is taken is answered, if only by the reason
why there is no answer; who asked decides whether to ask again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from detector.edges.judge.process import COMMAND, Limits, NoAnswer, ask_judge
from detector.edges.judge.wire import Task
from detector.records import Judged, JudgeRequest
from detector.settings import Settings
from detector.telemetry import logger

MOST_WAITING = 256


class Inbox(Protocol):
    """Where answers go."""

    async def judged(self, judged: Judged) -> None: ...


class Teller(Protocol):
    """Who shows how judging goes."""

    def judge_ran(self, what: str, seconds: float, *, has_answered: bool) -> None: ...
    def judge_waiting(self, requests: int) -> None: ...


class Judges:
    """`use` once, with the group that its task lives in; then `replace` at every reload. What is asked before waits."""

    def __init__(self, teller: Teller, wall_ms: Callable[[], int], command: Sequence[str] = COMMAND) -> None:
        self._teller = teller
        self._wall_ms = wall_ms
        self._command = command
        self._waiting: OrderedDict[str, JudgeRequest] = OrderedDict()
        self._refused: list[JudgeRequest] = []
        self._running: str | None = None
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def use(self, group: asyncio.TaskGroup, settings: Settings, inbox: Inbox) -> None:
        self._settings = settings
        self._inbox = inbox
        self._task = group.create_task(self._run(), name="judges")

    def replace(self, settings: Settings) -> None:
        """The next judge hears of these; one that runs goes on with what it was told."""
        self._settings = settings

    def cancel(self) -> None:
        """Ends the process that runs, too: after a restart its request is made again."""
        if self._task is not None:
            self._task.cancel()

    def ask(self, requests: Iterable[JudgeRequest]) -> None:
        """A request that waits or runs already is not taken twice. Of too many the new ones are answered with a problem."""
        for request in requests:
            if request.id == self._running or request.id in self._waiting:
                continue
            if len(self._waiting) >= MOST_WAITING:
                if len(self._refused) < MOST_WAITING:
                    self._refused.append(request)
                else:
                    logger.error("judge_request_dropped", request=request.id)
                continue
            self._waiting[request.id] = request
        self._show()
        self._wanted.set()

    async def _run(self) -> None:
        while True:
            while self._waiting or self._refused:
                await self._refuse()
                if self._waiting:
                    await self._answer(self._waiting.popitem(last=False)[1])
            self._wanted.clear()
            await self._wanted.wait()

    async def _refuse(self) -> None:
        refused, self._refused = self._refused, []
        for request in refused:
            problem = f"{MOST_WAITING} requests wait for the judge already"
            logger.error("judge_refused", request=request.id, problem=problem)
            await self._inbox.judged(Judged(request, self._wall_ms(), problem=problem))

    async def _answer(self, request: JudgeRequest) -> None:
        self._running = request.id
        judged = await self._judged(request)
        await self._inbox.judged(judged)
        self._running = None
        self._show()

    def _show(self) -> None:
        self._teller.judge_waiting(len(self._waiting) + (self._running is not None))

    async def _judged(self, request: JudgeRequest) -> Judged:
        verdicts, began_s = self._settings.verdicts, time.monotonic()
        task = Task(request, self._settings, os.getpid(), verdicts.memory.bytes)
        limits = Limits(verdicts.timeout.total_seconds(), verdicts.memory.bytes)
        try:
            judged = await ask_judge(task, limits, self._command)
        except NoAnswer as problem:
            judged = Judged(request, self._wall_ms(), problem=str(problem))
        took_s = time.monotonic() - began_s
        self._teller.judge_ran(request.what.value, took_s, has_answered=not judged.problem)
        if judged.problem:
            logger.error("judge_failed", request=request.id, problem=judged.problem, seconds=round(took_s, 2))
        else:
            logger.info(
                "judged", request=request.id, verdicts=len(judged.verdicts), alarms=len(judged.alarms), before=judged.before
            )
        return judged
