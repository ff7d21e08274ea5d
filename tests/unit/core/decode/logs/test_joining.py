# ruff: noqa: E501
"""A trace belongs to its header; what the runtime says on its own is an event of its own, without a level."""

from __future__ import annotations

import pytest

from detector.records import Level
from tests.unit.core.decode.logs.marking import event, events

INFO = "2024-05-14 09:31:07,123 INFO [main] a.B - fine\n"
DEBUG = "2024-05-14 09:31:07,123 DEBUG [main] a.B - looking\n"
ERROR = "2024-05-14 09:31:07,123 ERROR [main] a.B - failed\n"

JAVA = """java.lang.IllegalStateException: x
\tat a.b.C.d(C.java:1) ~[app.jar!/:1]
\tSuppressed: java.io.IOException: y
\t\tat a.b.C.e(C.java:2)
\t\t... 3 more
Caused by: java.lang.ClassNotFoundException: org.gone.Y
\tat java.base/jdk.internal.loader.BuiltinClassLoader.loadClass(BuiltinClassLoader.java:641)
\t... 23 common frames omitted
"""
PYTHON = """Traceback (most recent call last):
  File "/app/a.py", line 3, in f
    import gone
    ^^^^^^^^^^^
  [Previous line repeated 3 more times]
ModuleNotFoundError: No module named 'gone'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 5, in g
    raise Late("x") from None
app.errors.Late: x

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/a.py", line 7, in h
KeyError: 'y'
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/app/a.py", line 3, in <module>
  |     raise ExceptionGroup("many", [gone])
  | ExceptionGroup: many (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/a.py", line 2, in f
    | ModuleNotFoundError: No module named 'gone'
    +------------------------------------
"""
GO = """panic: open /etc/gone.yml: no such file or directory [recovered]
\tpanic: again

goroutine 1 [running]:
main.main()
\t/src/main.go:12 +0x1d
github.com/x/y.(*T).M(0xc0004cdce0, {0x34abd70, 0x5038e40}, 0xc00045d6c0)
\t/src/y.go:7 +0x1d
created by main.start in goroutine 1
\t/src/main.go:9 +0x1d
exit status 2
"""
GO_FATAL = """fatal error: unexpected signal during runtime execution: gone
[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x49fbe52]

runtime stack:
runtime.throw({0x34abd70, 0x5038e40})
\t/usr/local/go/src/runtime/panic.go:1047 +0x5d

goroutine 1 [syscall, locked to thread]:
runtime.cgocall(0x1, 0x2)
\t/usr/local/go/src/runtime/cgocall.go:157 +0x5c

rax    0x0
rip    0x7f5a
"""
NODE = """node:internal/modules/cjs/loader:1148
  throw err;
  ^

Error: Cannot find module 'gone'
Require stack:
- /app/a.js
- /app/b.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1145:15)
    at node:internal/main/run_main_module:28:49 {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/app/a.js' ]
}

Node.js v20.1.0
"""
NODE_FILE = """/app/a.js:12
    throw new TypeError('gone');
    ^

TypeError: gone
    at Object.<anonymous> (/app/a.js:12:11)
"""
DOTNET = """Unhandled exception. System.IO.FileNotFoundException: Could not load file or assembly 'Gone, Version=1.0.0.0'.

File name: 'Gone, Version=1.0.0.0'
 ---> System.IO.FileLoadException: y
   at A.B.C() in /src/C.cs:line 3
   --- End of inner exception stack trace ---
   at A.B.Main(String[] args)
"""
RUST = """thread 'main' panicked at src/main.rs:2:5:
called `Result::unwrap()` on an `Err` value: gone
stack backtrace:
   0: rust_begin_unwind
             at /rustc/x/library/std/src/panicking.rs:645:5
   1: core::panicking::panic_fmt
note: run with `RUST_BACKTRACE=full` environment variable to display a verbose backtrace
"""
RUBY = """/app/a.rb:1:in `require': cannot load such file -- gone (LoadError)
\tfrom /app/a.rb:1:in `<main>'
"""
PHP = """PHP Fatal error:  Uncaught Error: Class "Gone" not found in /app/index.php:3
Stack trace:
#0 {main}
  thrown in /app/index.php on line 3
"""
SANITIZER = """==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 gone
READ of size 4 at 0x602000000010 thread T0
    #0 0x4f3c in main /src/a.c:7
    #1 0x7f5a in __libc_start_main

0x602000000010 is located 0 bytes inside of 4-byte region
SUMMARY: AddressSanitizer: heap-use-after-free /src/a.c:7 in main
Shadow bytes around the buggy address:
  0x0c047fff7fb0: 00 00
==7==ABORTING
"""
CRASH = """#
# A fatal error has been detected by the Java Runtime Environment:
#
#  SIGSEGV (0xb) at pc=0x00007f5a, pid=7, tid=8
# C  [libgone.so+0x1a]  gone+0x1a
#
"""
MAIN = """Exception in thread "main" java.lang.NoClassDefFoundError: org/gone/Y
\tat a.b.Main.main(Main.java:3)
Caused by: java.lang.ClassNotFoundException: org.gone.Y
\t... 1 more
"""
BOOT = """Error occurred during initialization of boot layer
java.lang.module.FindException: Module gone not found
"""
LAUNCHER = """Error: Unable to initialize main class a.b.Main
Caused by: java.lang.NoClassDefFoundError: org/gone/Y
"""
OWN = {
    "go": GO, "go-fatal": GO_FATAL, "node": NODE, "node-file": NODE_FILE, "dotnet": DOTNET, "rust": RUST, "ruby": RUBY, "sanitizer": SANITIZER,
    "crash": CRASH, "main": MAIN, "boot": BOOT, "launcher": LAUNCHER,
}  # fmt: skip
TRACES = OWN | {"java": JAVA, "python": PYTHON, "group": GROUP, "php": PHP}


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES.keys())
def test_a_trace_is_one_event(trace: str) -> None:
    """From its first line to its last, whatever follows."""
    for tail in ("", INFO, "Killed\n", '{"level":"info","msg":"x"}\n'):
        found = event(trace + tail, "one")
        assert found.text.decode() == trace.rstrip("\n")
        assert found.level is (Level.FATAL if trace is PHP else None)
        assert (found.start, found.line) == (0, 1)


@pytest.mark.parametrize("trace", OWN.values(), ids=OWN.keys())
@pytest.mark.parametrize("above", [INFO, DEBUG, ERROR, '{"level":"info","msg":"x"}\n', "some text\n"])
def test_what_a_runtime_says_is_no_part_of_the_line_above(trace: str, above: str) -> None:
    """A crash below a header line is an event of its own, without a level."""
    found = event(above + trace, "one")
    assert (found.text.decode(), found.level, found.line) == (trace.rstrip("\n"), None, 2)


@pytest.mark.parametrize(("above", "level"), [(INFO, Level.INFO), (DEBUG, Level.DEBUG), (ERROR, Level.ERROR)])
def test_what_was_thrown_below_a_header_belongs_to_it(above: str, level: Level) -> None:
    """A DEBUG line with a trace stays DEBUG."""
    found = event(above + JAVA + INFO, "gone")
    assert (found.level, found.line) == (level, 1)
    assert found.text.decode().endswith("\n" + JAVA.rstrip("\n"))


@pytest.mark.parametrize(
    ("above", "level"),
    [
        (ERROR, Level.ERROR),
        (DEBUG, Level.DEBUG),
        (INFO, None),
        ("DEBUG:a.b:looking\n", Level.DEBUG),
        ("ERROR:a.b:failed\n", Level.ERROR),
    ],
)
def test_a_logged_traceback_belongs_to_its_header(above: str, level: Level | None) -> None:
    """Python prints a logged traceback and an uncaught one alike. Below INFO nobody logs one."""
    assert event(above + PYTHON, "gone").level is level


def test_an_uncaught_traceback_is_no_debug_line() -> None:
    """One that begins in the main module was caught by nobody; one that begins in a library was."""
    main = PYTHON.replace("line 3, in f", "line 3, in <module>")
    assert event(DEBUG + main, "gone").level is None
    library = main.replace("/app/a.py", "/usr/lib/python3/dist-packages/x/__init__.py")
    assert event(DEBUG + library, "gone").level is Level.DEBUG
    assert event(DEBUG + "Traceback (most recent call last):\n", "Traceback").level is None


def test_an_error_without_frames_is_no_info_line() -> None:
    """`Error: text` below an INFO line is a program's last words, unless frames follow."""
    assert event(INFO + "Error: gone\n" + INFO, "gone").level is None
    assert event(INFO + "Error: gone\n    at x (y.js:1:2)\n", "gone").level is Level.INFO
    assert event(INFO + "java.lang.OutOfMemoryError: gone\nDumping heap to x ...\n", "gone").level is None
    assert event(DEBUG + "java.lang.ClassNotFoundException: gone\n" + INFO, "gone").level is Level.DEBUG


ALONE = [
    "/app/server: error while loading shared libraries: libgone.so.3: cannot open shared object file: No such file or directory",
    "/app/server: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by gone)",
    "Error relocating /usr/lib/libxml2.so.2: gone: symbol not found",
    "exec /docker-gone.sh: no such file or directory",
    "exec /app/gone: exec format error",
    "/bin/sh: gone: not found",
    "sh: 1: gone: not found",
    "/entrypoint.sh: line 7: gone: command not found",
    "Error: Could not find or load main class com.acme.gone",
    "Error: LinkageError occurred while loading main class com.acme.gone",
    "ModuleNotFoundError: No module named 'gone'",
    "Error opening terminal: gone.",
    "locale: Cannot set LC_ALL to default locale: gone",
    "standard_init_linux.go:228: exec user process caused: gone",
    "Process terminated. Couldn't find a valid ICU package gone",
    "No usable version of libgone was found",
    "env: 'gone': No such file or directory",
    "Segmentation fault (core dumped) gone",
    "*** stack smashing detected ***: gone",
    "symbol lookup error: gone",
    "/app/x: symbol lookup error: /lib/y.so: undefined symbol: gone",
    "Unrecognized VM option 'gone'",
    "gone",
]


@pytest.mark.parametrize("line", ALONE)
def test_lines_without_a_header_stand_alone(line: str) -> None:
    """Between header lines, and between one another: their own event, without a level, in any frame."""
    if "ModuleNotFoundError" not in line:
        assert event(INFO + line + "\n" + INFO, "gone").text.decode() == line
    assert [found.text.decode() for found in events(f"{line}\n{line}\n", "gone")] == [line, line]
    framed = "".join(f"2024-05-14T07:31:07.123Z stderr F {each}\n" for each in (DEBUG.rstrip("\n"), "other", line))
    found = event(framed, "gone")
    assert (found.text.decode(), found.level) == (line, None)


REPORT = """2024-07-03T13:50:49.526Z ERROR 1 --- [           main] o.s.b.d.LoggingFailureAnalysisReporter   :\x20

***************************
APPLICATION FAILED TO START
***************************

Description:

Parameter 0 of constructor in a.B required a bean of type 'gone' that could not be found.

The following candidates were found:
\t- x

Action:

Consider defining a bean of type 'gone' in your configuration.

"""


def test_springs_failure_report_is_one_event() -> None:
    """With its header it is an ERROR; without one it has no level. What follows is no part of it."""
    text = REPORT.split("\n", 2)[2].rstrip("\n")
    found = event(REPORT + "[INFO] BUILD FAILURE\n", "gone")
    assert (found.level, found.text.decode().lstrip("\n")) == (Level.ERROR, text)
    assert event(REPORT.replace(": \n", ":\n"), "gone").level is Level.ERROR
    assert event(REPORT + "Killed\n", "gone").text == found.text
    assert event(REPORT + "some other text\n", "gone").text == found.text
    bare = event(REPORT.split("\n", 2)[2] + INFO, "gone")
    assert (bare.level, bare.text.decode()) == (None, text)


def test_springs_conditions_report_stays_debug() -> None:
    """An intact application prints hundreds of classes that it did not find."""
    report = "\n\n============================\nCONDITIONS EVALUATION REPORT\n============================\n\n\nPositive matches:\n-----------------\n\n"
    report += "   AopAutoConfiguration matched:\n      - @ConditionalOnProperty\n\n\nNegative matches:\n-----------------\n\n   X:\n      Did not match:\n         - did not find required class 'gone'\n"
    header = "2024-07-03T13:50:49.526Z DEBUG 1 --- [main] .s.b.a.l.ConditionEvaluationReportLogger : \n"
    assert event(header + report + INFO, "gone").level is Level.DEBUG


def test_java_util_logging_writes_two_lines() -> None:
    """The level is on the second one, and what was thrown below."""
    text = "Jan 09, 2014 7:13:13 AM org.apache.catalina.startup.Catalina start\nSEVERE: it failed: x\n" + JAVA
    found = event(text + "Jan 09, 2014 7:13:14 AM a.B c\nINFO: gone too\n", "Caused")
    assert (found.level, found.text.decode()) == (Level.ERROR, "it failed: x\n" + JAVA.rstrip("\n"))
    assert (found.time_ms, found.layout) == (1389251593000, "jul")
    assert event("Jan 9, 2024, 7:13:13\u202fAM a.B c\nWARNING: gone\n", "gone").level is Level.WARN


def test_dotnet_console_writes_the_message_below() -> None:
    """Six spaces are its indentation; the exception is part of the event."""
    text = "fail: A.B[13]\n      it is gone\n      System.IO.IOException: x\n         at A.B.C()\ninfo: A.B[14]\n      fine\n"
    found = event(text, "gone")
    assert (found.level, found.text) == (Level.ERROR, b"it is gone\nSystem.IO.IOException: x\n   at A.B.C()")


def test_postgres_details_belong_to_their_line() -> None:
    """DETAIL, HINT and STATEMENT share the prefix."""
    prefix = "2024-05-14 09:31:07.123 UTC [71] "
    text = f"{prefix}ERROR:  it failed\n{prefix}DETAIL:  gone\n{prefix}STATEMENT:  SELECT 1\n\tFROM x\n{prefix}LOG:  other\n"
    found = event(text, "gone")
    assert found.level is Level.ERROR
    assert found.text == b"it failed\nDETAIL:  gone\nSTATEMENT:  SELECT 1\n\tFROM x"


PRETTY = """{"@timestamp":"2024-05-14T07:31:07.123Z","log.level":"ERROR","message":"failed","error.type":"a.B","error.message":"x","error.stack_trace":[
\t"a.B: x",
\t"\\tat c.D(E.java:1)",
\t"Caused by: e.F: org.gone.Y"
]}
"""


def test_pretty_printed_json_is_one_event() -> None:
    """The record's own level and message; a hit may be in any of its lines."""
    found = event(INFO + PRETTY + INFO, "gone")
    assert (found.level, found.layout, found.line, found.time_ms) == (Level.ERROR, "json-ecs", 2, 1715671867123)
    assert found.text == b"failed\na.B: x\na.B: x\n\tat c.D(E.java:1)\nCaused by: e.F: org.gone.Y"
    indented = '{\n  "level": "error",\n  "nested": {\n    "a": 1\n  },\n  "message": "gone"\n}\n'
    assert (event(indented * 1 + INFO, "gone").level, event(indented, "gone").text) == (Level.ERROR, b"gone")


def test_other_threads_lines_stand_between() -> None:
    """Header lines in the middle of a trace do not end it, and do not get its lines."""
    lines = JAVA.splitlines(keepends=True)
    other = "2024-05-14 09:31:07,124 INFO [other] a.B - hello\n"
    for at in range(2, len(lines)):
        text = ERROR + "".join(lines[:at]) + other * 3 + "".join(lines[at:]) + INFO
        found = event(text, "org.gone.Y")
        assert (found.level, found.text.decode()) == (Level.ERROR, "failed\n" + JAVA.rstrip("\n"))
        assert [each.text for each in events(text, "hello")] == [b"hello"] * 3


@pytest.mark.parametrize(
    "other", ["2024-05-14 09:31:07,124 INFO [other] a.B - hello\n", '{"level":"info","msg":"hello"}\n', "INFO:     hello\n"]
)
def test_other_processes_lines_stand_in_a_traceback(other: str) -> None:
    """Workers share their standard error: an INFO line does not take what another one raised."""
    trace = PYTHON.partition("\n\n")[0] + "\n"
    lines = trace.splitlines(keepends=True)
    for at in range(2, len(lines)):
        for above in ("", ERROR):
            text = above + "".join(lines[:at]) + other * 2 + "".join(lines[at:]) + INFO
            found = event(text, "No module named 'gone'")
            assert found.level is (Level.ERROR if above else None)
            assert found.text.decode().endswith(trace.rstrip("\n"))
            assert [each.text for each in events(text, "hello")] == [b"hello"] * 2


def test_another_threads_line_stands_below_the_header() -> None:
    """What was thrown belongs to the warning of the other thread above, not to an INFO line."""
    found = event(ERROR + "2024-05-14 09:31:07,124 INFO [other] a.B - hello\n" + JAVA, "org.gone.Y")
    assert (found.level, found.text.decode()) == (Level.ERROR, "failed\n" + JAVA.rstrip("\n"))


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES.keys())
@pytest.mark.parametrize(
    ("frame", "other"),
    [("2024-05-14T07:31:07.123Z stderr F {}", "2024-05-14T07:31:07.123Z stdout F {}"), ("api-1  | {}", "db-1   | {}")],
)
def test_streams_do_not_mix(trace: str, frame: str, other: str) -> None:
    """Each container's and each stream's lines are their own, however they alternate."""
    text = ""
    for line in trace.splitlines():
        text += frame.format(line) + "\n" + other.format(INFO.rstrip("\n")) + "\n" + other.format("  noise") + "\n"
    assert event(text, "one").text.decode() == trace.rstrip("\n")
    assert all(found.text == b"fine\n  noise" for found in events(text, "noise"))


def test_a_trace_that_is_one_record_needs_no_joining() -> None:
    """Newlines inside a shipper's record are the event's."""
    line = '{"message":"2024-05-14 09:31:07,123 ERROR [main] a.B - failed\\njava.lang.X: x\\n\\tat gone","agent":{},"log":{"file":{"path":"/x"}}}'
    found = event(line, "gone")
    assert (found.level, found.text) == (Level.ERROR, b"failed\njava.lang.X: x\n\tat gone")


def test_a_trace_is_bounded() -> None:
    """What grows beyond 128 KiB is cut there and marked, its rest is an event of its own."""
    text = ERROR + "java.lang.StackOverflowError\n" + "\tat a.b.C.recurse(C.java:12345)\n" * 20_000 + "Caused by: gone\n"
    found = events(text, "StackOverflowError", "gone", "recurse(C.java:12345)\n\tat")
    assert found[0].is_cut
    assert found[0].level is Level.ERROR
    assert max(len(each.raw) for each in found) <= 131_072
    assert found[-1].text.endswith(b"Caused by: gone")


def test_a_validation_error_names_its_fields() -> None:
    """pydantic lists the fields below the last line."""
    text = 'Traceback (most recent call last):\n  File "/app/s.py", line 6, in <module>\npydantic_core.ValidationError: 2 validation errors for S\ndatabase_url\n  Field required\nother_gone\n  Field required\n'
    assert event(text, "gone").text.decode() == text.rstrip("\n")


def test_what_elixir_raised_belongs_to_its_error_and_to_no_other_line() -> None:
    """`** (` below an error's header is part of it; below an info line it is an event of its own, and neither takes the other's."""
    raised = "** (UndefinedFunctionError) function {0}.x/1 is undefined (module {0} is not available)\n    {0}.x(1)\n"
    story = (
        "10:11:13.001 [info] up\n" + raised.format("Toml") + "10:11:14.001 [error] GenServer a stopped\n" + raised.format("Jason")
    )
    levels = [(found.text.split(b"\n")[0], found.level) for found in events(story, "Toml", "Jason")]
    assert levels == [
        (b"** (UndefinedFunctionError) function Toml.x/1 is undefined (module Toml is not available)", None),
        (b"GenServer a stopped", Level.ERROR),
    ]
