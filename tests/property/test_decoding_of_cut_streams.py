"""However the bytes of a stream are cut into batches, the same events come out; and after a restart none twice, none lost."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.core.decode.logs.stream import LogStream, Marked
from tests.unit.core.decode.logs.marking import STREAM, batches, marked, marks

WORDS = ("alpha", "NotFound", "Caused", "boom", "Traceback", "required")
LINES = (
    "2024-07-03T13:50:49.526Z  INFO 1 --- [main] c.m.A : alpha start",
    "2024-07-03T13:50:49.526Z ERROR 1 --- [t-1] c.m.A : it failed",
    "2024-07-03T13:50:49.526Z  INFO 1 --- [t-2] c.m.B : other",
    "2024-07-03T13:50:49.526Z  WARN 1 --- [t-3] c.m.C : java.lang.Error: boom",
    "2024-07-03T13:50:49.526Z DEBUG 1 --- [t-3] c.m.C : looking for alpha",
    "2024-07-03T13:50:49.526Z ERROR 1 --- [main] o.s.b.d.LoggingFailureAnalysisReporter   : ",
    "***************************",
    "APPLICATION FAILED TO START",
    "Description:",
    "Action:",
    "Parameter 0 required a bean of type 'alpha'",
    "java.lang.ClassNotFoundException: x.NotFound",
    "\tat a.b.C.d(C.java:1)",
    "\tat alpha.b.C.d(C.java:1)",
    "Caused by: java.lang.NoClassDefFoundError: NotFound",
    "\t... 23 more",
    "",
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 1, in <module>',
    "    import alpha",
    "ModuleNotFoundError: No module named 'alpha'",
    "During handling of the above exception, another exception occurred:",
    "panic: alpha",
    "goroutine 1 [running]:",
    "main.main()",
    "\t/src/main.go:5 +0x1d",
    "exit status 2",
    "Error: Cannot find module 'alpha'",
    "    at x (y.js:1:2)",
    "sh: 1: alpha: not found",
    "some alpha text",
    "DEBUG:root:alpha",
    "INFO: alpha",
    "SEVERE: NotFound",
    "Jan 09, 2014 7:13:13 AM org.apache.catalina.startup.Catalina start",
    '{"level":"error","ts":1700000000,"msg":"alpha"}',
    "{",
    '  "level": "error",',
    '  "message": "alpha"',
    "}",
    "2024-05-14 09:31:07.123 UTC [71] FATAL:  alpha",
    "2024-05-14 09:31:07.123 UTC [71] HINT:  alpha",
    "fail: A.B[13]",
    "      alpha boom",
    "thread 'main' panicked at src/main.rs:2:5:",
    "note: run with alpha",
)
FRAMES = ("{}", "2023-06-22T10:27:25.813799277Z stdout F {}", "2023-06-22T10:27:25.813799277Z stderr F {}")
PARTS = ("2023-06-22T10:27:25.813799277Z stdout P {}", "2023-06-22T10:27:25.813799277Z stderr P {}")
plain_logs = st.lists(st.sampled_from(LINES), max_size=60).map(lambda lines: "".join(line + "\n" for line in lines))
framed_logs = st.lists(st.tuples(st.sampled_from(FRAMES * 3 + PARTS), st.sampled_from(LINES)), max_size=60).map(
    lambda pairs: "".join(frame.format(line) + "\n" for frame, line in pairs)
)
logs = (plain_logs | framed_logs).map(str.encode)
cuts = st.lists(st.integers(0, 5000), max_size=12)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs, cuts)
def test_cuts_change_nothing(data: bytes, where: list[int]) -> None:
    """One batch, or many: the same list of marked events."""
    assert marked(data, WORDS, where) == marked(data, WORDS)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs, cuts, st.sets(st.integers(0, 12), max_size=4))
def test_a_restart_changes_nothing(data: bytes, where: list[int], kills: set[int]) -> None:
    """A stream that is restored from its snapshot and read again from its resume offset gives out the rest, nothing twice."""
    sought = [word.encode() for word in WORDS]
    stream, found, taken = LogStream(STREAM), list[Marked](), 0
    for number, batch in enumerate(batches(data, where)):
        offset = batch.offset
        if number in kills:
            state, offset = stream.snapshot(), stream.resume_offset if number else batch.offset
            stream = LogStream(STREAM)
            stream.restore(state)
        for part in batches(data[offset : batch.offset + batch.size], [], offset, ends=batch.ends):
            span = stream.span(part)
            found += stream.events(span, marks(span, sought))
        taken = batch.offset + batch.size
    assert taken == len(data)
    assert found + stream.finish() == marked(data, WORDS)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs, cuts)
def test_quiet_lines_need_not_be_read(data: bytes, where: list[int]) -> None:
    """The events around hits alone are those of a stream in which every line was a hit and read."""
    found = marked(data, WORDS, where)
    every = marked(data, (*WORDS, "\n"), where)
    loud = [Marked(each.event, tuple(number for number in each.patterns if number < len(WORDS))) for each in every]
    assert found == [each for each in loud if each.patterns]
