"""Real processes: whatever a judge does, it is gone afterwards, and why there is no answer is told in words."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detector.edges.judge.process import Limits, NoAnswer, ask_judge
from detector.edges.judge.wire import Task, write_answer, write_task
from detector.records import Judged, JudgeRequest, Judging
from detector.settings import load_settings

REQUEST = JudgeRequest("shop-1/1", Judging.VERDICT, 0, 1_000, "shop-1", "shop", 1, 1_000)
LIMITS = Limits(10, 300 << 20)
START = "import sys, os, time; line = sys.stdin.buffer.readline()\n"


def asked(script: str, limits: Limits = LIMITS) -> Judged:
    """The answer of a process that is no judge, but this script."""
    return asyncio.run(ask_judge(task(), limits, (sys.executable, "-c", START + script)))


def task() -> Task:
    return Task(REQUEST, load_settings("s", b"", {}), os.getpid(), LIMITS.memory_bytes)


def refused(script: str, limits: Limits = LIMITS) -> str:
    with pytest.raises(NoAnswer) as why:
        asked(script, limits)
    return str(why.value)


def test_an_answer_is_taken() -> None:
    """Whatever stands on standard error beside it."""
    answer = write_answer(Judged(REQUEST, 5, before="x"))
    said = f"print('a warning', file=sys.stderr); sys.stdout.buffer.write({answer!r})"
    assert asked(said) == Judged(REQUEST, 5, before="x")


def test_garbage_is_no_answer() -> None:
    """Nothing, text, or more than fits."""
    assert "said nothing" in refused("pass")
    assert "no answer" in refused("print('<html>')")
    assert "larger than" in refused("\nwhile True: os.write(1, b'x' * 65536)", Limits(10, 1 << 30, answer_bytes=1 << 20))


def test_an_endless_judge_is_ended() -> None:
    """At the timeout, and its children with it: nobody is left who holds the pipe."""
    began = time.monotonic()
    child = "import subprocess; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    assert refused(child, Limits(0.5, 1 << 30)) == "the judge was ended after 0.5 s (verdicts.timeout)"
    assert time.monotonic() - began < 5


def test_how_it_ended_is_told() -> None:
    """By a kill, by a crash, by an exception with its last words, by our own status for want of memory."""
    assert "was killed" in refused("os.kill(os.getpid(), 9)")
    assert "SIGSEGV" in refused("import signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert "SIGTERM" in refused("import signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert refused("raise ValueError('too odd')") == "the judge ended with status 1: ValueError: too odd"
    assert refused("sys.exit(71)") == "the judge needed more than 300 MiB (verdicts.memory)"
    with pytest.raises(NoAnswer, match="cannot be started"):
        asyncio.run(ask_judge(task(), LIMITS, ("/no/such/program",)))


def test_secrets_stay_out_of_its_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our settings in the environment are not handed on, what it says is masked, and no argument says anything."""
    monkeypatch.setenv("TRIMWATCH_SINKS_0_TOKEN", "canary")
    assert "canary" not in refused("print(sorted(os.environ), sys.argv, file=sys.stderr); sys.exit(3)")
    assert refused("print('password=canary', file=sys.stderr); sys.exit(3)").endswith("password=***")


def test_a_wait_that_is_cancelled_ends_it(tmp_path: Path) -> None:
    """The daemon is told to stop."""
    note = tmp_path / "pid"

    async def cancelled() -> None:
        script = START + f"open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
        waiting = asyncio.ensure_future(ask_judge(task(), LIMITS, (sys.executable, "-c", script)))
        while not note.exists() or not note.read_text():
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelled())
    assert is_gone(int(note.read_text()))


PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
CONFINED = (
    "from detector.judge.confinement import end_with_parent; import os; end_with_parent(os.getppid()); print(1, flush=True)\n"
)


@pytest.mark.parametrize(
    "work", ["import time; time.sleep(60)", "sum(range(1 << 40))", "'a'.join(str(i) for i in range(1 << 30))"]
)
def test_it_ends_with_the_daemon(work: str) -> None:
    """Killed with -9, so that nobody can tell it: though it sleeps, or holds the interpreter."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(child=CONFINED + work)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 10
    while not is_gone(child):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_orphan_does_not_begin() -> None:
    """Its parent is another than it was told."""
    made = write_task(Task(REQUEST, load_settings("s", b"", {}), 1 << 22, 300 << 20))
    ran = subprocess.run([sys.executable, "-P", "-m", "detector.judge"], input=made, capture_output=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout) == (73, b"")


def is_gone(process: int) -> bool:
    """A zombie that nobody waits for is gone as well."""
    try:
        return ") Z" in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return True
