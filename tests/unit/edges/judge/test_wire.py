"""What the daemon and its judge tell each other arrives whole, or not at all."""

from __future__ import annotations

import os

import pytest

from detector.edges.judge.wire import Garbled, Task, read_answer, read_task, write_answer, write_task
from detector.records import Judged, JudgeRequest, Judging, SignalAlarm, Verdict, VerdictState
from detector.settings import load_settings

REQUEST = JudgeRequest("shop-1/2", Judging.VERDICT, 1_000, 4_000, "shop-1", "sh\u00f6p", 2, 1_500)
VERDICT = Verdict(
    "application/latency-p99", "application", None, 420.0, 485.0, "+15%", 15.5, (11.0, None), "ms", VerdictState.FAIL, "why"
)
ALARM = SignalAlarm("shop", "container/cpu", "container", "ewma", 2_000, None, "", 7.5, "rose")
JUDGED = Judged(REQUEST, 5_000, (VERDICT,), (ALARM,), ("application/latency-p99",), "own history")


def test_a_task_arrives() -> None:
    """With the settings that a judge needs, in one line."""
    settings = load_settings("s", "verdicts: {enabled: true, own_history: true, prometheus: {url: 'http://p', token: t0k}}", {})
    line = write_task(Task(REQUEST, settings, os.getpid(), 300 << 20))
    assert line.count(b"\n") == 1
    came = read_task(line)
    assert (came.request, came.parent, came.memory_bytes) == (REQUEST, os.getpid(), 300 << 20)
    assert came.settings.verdicts == settings.verdicts


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b"null\n", b'{"request":{"id":1}}', b"\xff"])
def test_what_is_no_task_is_refused(line: bytes) -> None:
    """And not half understood."""
    with pytest.raises(Garbled):
        read_task(line)


def test_an_answer_arrives() -> None:
    """Equal in every field."""
    assert read_answer(write_answer(JUDGED), REQUEST) == JUDGED


def test_no_part_of_an_answer_is_taken_for_one() -> None:
    """Cut anywhere, with a bit turned, with something before or behind it, or the answer to something else."""
    whole = write_answer(JUDGED)
    for end in range(len(whole)):
        with pytest.raises(Garbled):
            read_answer(whole[:end], REQUEST)
    for at in range(0, len(whole), 7):
        turned = bytearray(whole)
        turned[at] ^= 1
        with pytest.raises(Garbled):
            read_answer(bytes(turned), REQUEST)
    other = JudgeRequest("shop-1/3", Judging.VERDICT, 1_000, 4_000)
    for answer, request in ((b"noise\n" + whole, REQUEST), (whole + b"\n", REQUEST), (whole, other)):
        with pytest.raises(Garbled):
            read_answer(answer, request)
