"""The judge in charge: one process at a time, every request answered once, whatever becomes of the process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from detector.live import judges
from detector.live.judges import Judges
from detector.records import Judged, JudgeRequest, Judging
from detector.settings import Settings, load_settings

READ = "import json, os, sys, time; line = json.loads(sys.stdin.buffer.readline()); id_ = line['request']['id']\n"
ANSWER = """
from detector.edges.judge.wire import write_answer
from detector.records import Judged, Judging, JudgeRequest
answer = Judged(JudgeRequest(id_, Judging.VERDICT, 0, 1), 5, before=str(line['settings']['verdicts']['window']))
sys.stdout.buffer.write(write_answer(answer))
"""


def request(number: int) -> JudgeRequest:
    return JudgeRequest(f"shop/{number}", Judging.VERDICT, 0, 1)


class Heard:
    """The inbox, and what is shown."""

    def __init__(self) -> None:
        self.answers: list[Judged] = []
        self.waiting: list[int] = []
        self.ran: list[bool] = []
        self._came = asyncio.Event()

    async def judged(self, judged: Judged) -> None:
        self.answers.append(judged)
        self._came.set()

    def judge_ran(self, what: str, seconds: float, *, has_answered: bool) -> None:
        self.ran.append(has_answered)

    def judge_waiting(self, requests: int) -> None:
        self.waiting.append(requests)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.answers) < count:
                self._came.clear()
                await self._came.wait()


def run(script: str, act: Callable[[Judges, Heard], Awaitable[None]], settings: Settings | None = None) -> Heard:
    async def main() -> Heard:
        heard = Heard()
        in_charge = Judges(heard, lambda: 7, (sys.executable, "-c", READ + script))
        async with asyncio.TaskGroup() as group:
            in_charge.use(group, settings or load_settings("s", b"", {}), heard)
            await act(in_charge, heard)
            in_charge.cancel()
        return heard

    return asyncio.run(main())


def test_each_request_is_answered_once() -> None:
    """However often it was made while it waits; in the order in which they came; one at a time."""

    async def act(in_charge: Judges, heard: Heard) -> None:
        in_charge.ask([request(1), request(2), request(1)])
        await asyncio.sleep(0)
        in_charge.ask([request(1), request(2), request(3)])
        await heard.until(3)

    heard = run(ANSWER, act)
    assert [each.request.id for each in heard.answers] == ["shop/1", "shop/2", "shop/3"]
    assert heard.ran == [True] * 3
    assert (max(heard.waiting), heard.waiting[-1]) == (3, 0)


def test_a_judge_that_is_killed_is_a_problem(tmp_path: Path) -> None:
    """With -9, in the middle: the answer says so, and the next request has a judge of its own."""
    note = tmp_path / "pid"

    async def act(in_charge: Judges, heard: Heard) -> None:
        in_charge.ask([request(1), request(2)])
        while not note.exists() or not note.read_text():
            await asyncio.sleep(0.01)
        os.kill(int(note.read_text()), signal.SIGKILL)
        await heard.until(2)

    hang = f"\nif id_ == 'shop/1':\n    open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)\n"
    first, second = run(hang + ANSWER, act).answers
    assert "was killed" in first.problem
    assert first.at_ms == 7
    assert not second.problem


def test_a_stop_leaves_no_judge_behind(tmp_path: Path) -> None:
    """And no answer is made up for what it worked on: after a restart it is asked for again."""
    note = tmp_path / "pid"

    async def act(in_charge: Judges, heard: Heard) -> None:
        in_charge.ask([request(1)])
        while not note.exists() or not note.read_text():
            await asyncio.sleep(0.01)

    assert not run(f"open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)", act).answers
    assert not Path(f"/proc/{note.read_text()}").exists()


def test_of_too_many_the_new_ones_are_refused() -> None:
    """In words, and those that wait are kept."""

    async def act(in_charge: Judges, heard: Heard) -> None:
        in_charge.ask(request(number) for number in range(judges.MOST_WAITING + 2))
        await heard.until(2)

    heard = run("time.sleep(60)", act)
    assert [each.request.id for each in heard.answers] == [f"shop/{judges.MOST_WAITING}", f"shop/{judges.MOST_WAITING + 1}"]
    assert all("wait for the judge already" in each.problem for each in heard.answers)


def test_the_next_judge_hears_of_other_settings() -> None:
    """A reload ends none that runs."""

    async def act(in_charge: Judges, heard: Heard) -> None:
        in_charge.ask([request(1)])
        await heard.until(1)
        in_charge.replace(load_settings("s", b"verdicts: {window: 5m}", {}))
        in_charge.ask([request(2)])
        await heard.until(2)

    assert [each.before for each in run(ANSWER, act).answers] == ["15m", "5m"]
