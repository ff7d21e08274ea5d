# ruff: noqa: E501
"""The JSON of each library: flat or nested, strings or numbers, in any order."""

from __future__ import annotations

import json

import pytest

from detector.core.decode.logs import line as line_reader
from detector.core.decode.logs.reading import Reading
from detector.records import Level
from tests.unit.core.decode.logs.marking import OBSERVED_MS, event

T, D, I, W, E, F = Level.TRACE, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL  # noqa: E741


def read(text: str | bytes) -> Reading:
    raw = text.encode() if isinstance(text, str) else text
    return line_reader.meaning(line_reader.read(raw, OBSERVED_MS), OBSERVED_MS)


CASES = [
    ('{"@timestamp":"2019-09-17T13:16:48.038Z","log.level":"ERROR","message":"m","log.logger":"a.B"}', E, "m", 1568726208038),
    ('{"@timestamp":"2019-09-17T13:16:48.038Z","log":{"level":"WARN","logger":"a.B"},"message":"m"}', W, "m", 1568726208038),
    ('{"@timestamp":"2024-05-14T09:31:07.123+02:00","@version":"1","message":"m","level":"ERROR","level_value":40000}', E,
    "m", 1715671867123),
    ('{"timeMillis":1715671867123,"thread":"main","level":"FATAL","loggerName":"a.B","message":"m"}', F, "m", 1715671867123),
    ('{"instant":{"epochSecond":1715671867,"nanoOfSecond":1},"level":"DEBUG","message":"m"}', D, "m", 1715671867000),
    ('{"level":"error","ts":1715671867.1234,"msg":"m","caller":"x.go:1"}', E, "m", 1715671867123),
    ('{"level":"dpanic","ts":"2024-05-14T07:31:07.123Z","msg":"m"}', F, "m", 1715671867123),
    ('{"level":"warn","time":1715671867,"message":"m"}', W, "m", 1715671867000),
    ('{"time":"2024-05-14T07:31:07.123456789Z","level":"ERROR+2","msg":"m"}', E, "m", 1715671867123),
    ('{"time":"2024-05-14T07:31:07Z","level":"panic","msg":"m"}', F, "m", 1715671867000),
    ('{"event":"m","level":"warning","timestamp":"2024-05-14T07:31:07.123Z"}', W, "m", 1715671867123),
    ('{"asctime":"2024-05-14 07:31:07,123","levelname":"CRITICAL","message":"m","name":"root"}', F, "m", 1715671867123),
    ('{"name":"a","hostname":"h","pid":1,"level":50,"msg":"m","time":"2024-05-14T07:31:07.123Z","v":0}', E, "m", 1715671867123),
    ('{"level":20,"time":1715671867123,"pid":1,"hostname":"h","msg":"ERROR"}', D, "ERROR", 1715671867123),
    ('{"level":"60","time":1715671867123,"msg":"m"}', F, "m", 1715671867123),
    ('{"level":"\\u001b[31merror\\u001b[39m","message":"m","timestamp":"2024-05-14T07:31:07.123Z"}', E, "m", 1715671867123),
    ('{"@t":"2024-05-14T07:31:07.1232799Z","@mt":"Hello, {User}, {Count:000}","User":"nb","Count":3}', I, "Hello, nb, 3",
    1715671867123),
    ('{"@t":"2024-05-14T07:31:07.1232799Z","@m":"m","@l":"Fatal"}', F, "m", 1715671867123),
    ('{"Timestamp":"2024-05-14T07:31:07.123Z","Level":"Error","MessageTemplate":"m {A}","Properties":{"A":1}}', E, "m 1",
    1715671867123),
    ('{"EventId":0,"LogLevel":"Error","Category":"A.B","Message":"m"}', E, "m", None),
    ('{"ts":1715671867123.5,"v":4,"msg":"m"}', I, "m", 1715671867123),
    ('{"ts":1715671867123.5,"caller":"a.go:1","msg":"m","err":"x"}', E, "m", 1715671867123),
    ('{"severity":"ERROR","time":"2024-05-14T07:31:07.123Z","message":"m"}', E, "m", 1715671867123),
    ('{"severity":"DEFAULT","jsonPayload":{"message":"m","level":"error"},"timestamp":"2024-05-14T07:31:07.123Z"}', E, "m",
    1715671867123),
    ('{"t":{"$date":"2024-05-14T09:31:07.123+02:00"},"s":"E","c":"CONTROL","id":20557,"ctx":"main","msg":"m","attr":{}}', E,
    "m", 1715671867123),
    ('{"t":{"$date":"2024-05-14T09:31:07.123+02:00"},"s":"D1","c":"CONTROL","msg":"m"}', D, "m", 1715671867123),
    ('{"timestamp":"2024-05-14T07:31:07.123456Z","level":"ERROR","fields":{"message":"m"},"target":"crate::db"}', E, "m",
    1715671867123),
    ('{"text":"x","record":{"level":{"name":"ERROR","no":40},"message":"m","time":{"repr":"2024-05-14 07:31:07.123+00:00"}}}',
    E, "m", 1715671867123),
    ('{"version":"1.1","host":"h","short_message":"m","timestamp":1715671867.123,"level":3}', E, "m", 1715671867123),
    ('{"message":"m","context":{},"level":400,"level_name":"ERROR","channel":"app","datetime":"2024-05-14T07:31:07.123+00:00"}', E, "m", 1715671867123),
    ('{"@level":"error","@message":"m","@module":"core","@timestamp":"2024-05-14T07:31:07.123Z"}', E, "m", 1715671867123),
    ('{"timestamp":"2024-05-14 07:31:07.123 UTC","error_severity":"FATAL","message":"m","detail":"d"}', F, "m\nd", 1715671867123),
    ('{"prio":1,"err_code":10119,"subsystem":"Server","msg":"m","time":"2024-05-14T07:31:07.123Z","label":"Error"}', E, "m",
    1715671867123),
    ('{"type":"log","@timestamp":"2024-05-14T07:31:07Z","tags":["fatal","root"],"pid":1,"message":"m"}', F, "m", 1715671867000),
    ('{"kind":"Event","reason":"BackOff","message":"m","type":"Warning","lastTimestamp":"2024-05-14T07:36:07Z"}', W,
    "m\nBackOff", None),
    ('{"level":"info","level":"error","msg":"m"}', E, "m", None),
    ('{"authority":"x","method":"GET","path":"/java.lang.Error","response_code":500}', I, "", None),
    ('{"message":"2024-05-14 07:31:07,123 ERROR [main] a.B - m"}', E, "m", 1715671867123),
    ('{"msg":"m","count":7}', None, "m", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "level", "message", "time_ms"), CASES, ids=[case[0][:50] for case in CASES])
def test_level_message_and_time(text: str, level: Level | None, message: str, time_ms: int | None) -> None:
    """Each library's keys are known, in its own scale."""
    reading = read(text)
    text = "\n".join(part.decode() for part in (reading.message, reading.extra) if part)
    assert (reading.level, text.split("\nx")[0], reading.moment and reading.moment.ms) == (level, message, time_ms)


STACKS = [
    {"error.type": "a.B", "error.message": "gone", "error.stack_trace": ["a.B: gone", "\tat c.D(E.java:1)"]},
    {"error": {"type": "a.B", "message": "gone", "stack_trace": "a.B: gone\n\tat c.D(E.java:1)"}},
    {"stack_trace": "a.B: gone\n\tat c.D(E.java:1)\n"},
    {
        "thrown": {
            "name": "a.B",
            "message": "gone",
            "extendedStackTrace": [{"class": "c", "method": "D", "file": "E.java", "line": 1}],
        }
    },
    {"err": {"type": "a.B", "message": "gone", "stack": "a.B: gone\n\tat c.D(E.java:1)", "code": "X"}},
    {"stack": "a.B: gone\n\tat c.D(E.java:1)"},
    {"exc_info": "a.B: gone\n\tat c.D(E.java:1)"},
    {
        "exception": [
            {"exc_type": "a.B", "exc_value": "gone", "frames": [{"filename": "c.D(E.java:1)", "lineno": 1, "name": "m"}]}
        ]
    },
    {"@x": "a.B: gone\n\tat c.D(E.java:1)"},
    {"Exception": "a.B: gone\n\tat c.D(E.java:1)"},
    {"exception": {"refId": 1, "exceptionType": "a.B", "message": "gone", "frames": [{"class": "c", "method": "D", "line": 1}]}},
]


@pytest.mark.parametrize("fields", STACKS, ids=[json.dumps(fields)[:40] for fields in STACKS])
def test_the_text_of_errors_follows_the_message(fields: dict[str, object]) -> None:
    """Rules see `type: message` and the frames wherever a library puts them."""
    text = event(json.dumps({"level": "error", "message": "it failed", **fields}), "gone").text.decode()
    assert text.startswith("it failed\n")
    assert "a.B: gone" in text
    assert "D" in text.splitlines()[-1] or "code: X" in text


def test_causes_are_printed_as_java_prints_them() -> None:
    """A nested cause reads as a `Caused by` line."""
    thrown = {
        "name": "a.B",
        "message": "m",
        "cause": {"name": "c.D", "message": "org.x.Y", "cause": {"name": "e.F", "message": "z"}},
    }
    text = event(json.dumps({"level": "ERROR", "message": "boom", "thrown": thrown}), "boom").text
    assert text == b"boom\na.B: m\nCaused by: c.D: org.x.Y\nCaused by: e.F: z"


def test_mongodb_attributes_are_text() -> None:
    """What MongoDB says of an error stands in its attributes."""
    record = {"s": "E", "c": "C", "msg": "Failed to load", "attr": {"error": {"code": 1, "errmsg": "x.so: cannot open"}}}
    assert b"x.so: cannot open" in event(json.dumps(record), "Failed").text


def test_zerolog_stack_is_text() -> None:
    """A list of frames becomes lines."""
    line = '{"level":"error","stack":[{"func":"inner","line":"20","source":"errors.go"}],"error":"gone","time":1609086683}'
    assert event(line, "gone").text == b"\tinner errors.go:20\ngone"


@pytest.mark.parametrize(
    "line",
    [
        b'{"level":"ERROR","message":"bad \xff\xfe utf8 gone"}',
        b'{"level":"ERROR","message":"control \x01 and tab\t gone"}',
        b'{"level":"ERROR","message":"surrogate \\ud800 gone"}',
        b'{"level":"ERROR","message":"low \\udc00 gone"}',
        b'{"level":"ERROR","n":NaN,"i":-Infinity,"message":"gone"}',
        b'{"level":"ERROR","n":' + b"9" * 5000 + b',"message":"gone"}',
        b'{"level":"ERROR","n":1e999,"message":"gone"}',
        b'{"level":"ERROR","message":"nul \x00 gone"}',
    ],
)
def test_what_orjson_refuses_is_repaired(line: bytes) -> None:
    """The line keeps its level and its message."""
    found = event(line, "gone")
    assert found.level is E
    assert found.text.endswith(b"gone")
    assert found.layout == "json"


@pytest.mark.parametrize(
    "line",
    [
        b'{"level":"ERROR","message":"a \\"quoted\\" thing is gone',
        b'{"level":"ERROR","message":"gone","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"level":"ERROR","message":"gone","x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"level":"ERROR","message":"gone" "x":1}',
    ],
)
def test_broken_json_is_judged_as_text_with_its_level(line: bytes) -> None:
    """Cut off, too deep or plainly wrong: the words are there, and so is the level."""
    found = event(line, "gone")
    assert found.level is E
    assert b"gone" in found.text
    assert found.layout == "json-broken"


def test_the_service_is_read() -> None:
    """ECS names it, flat or nested, bunyan calls it `name`."""
    assert event('{"service.name":"shop","message":"m"}', "m").service == "shop"
    assert event('{"service":{"name":"shop"},"message":"m"}', "m").service == "shop"
    assert event('{"name":"shop","hostname":"h","v":0,"level":50,"msg":"m"}', "m").service == "shop"
