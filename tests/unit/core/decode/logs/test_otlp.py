"""OTLP logs become the lines that shippers carry; what was read from a file is judged as that file would be."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from detector.core.decode.logs.otlp import Lines, lines_of
from detector.records import Level, LogEvent, TimeFrom
from tests.services.otlp_producer import missing_module
from tests.unit.core.decode.logs.marking import events

NS = 1_720_014_649_526_000_000
MS = NS // 1_000_000
MAX_LINE = 1 << 20
POD = {
    "service.name": "shop",
    "k8s.namespace.name": "prod",
    "k8s.pod.name": "shop-1",
    "k8s.container.name": "app",
    "k8s.container.restart_count": 2,
}
FILE = {"log.file.path": "/var/log/pods/prod_shop-1_ba46/app/2.log", "log.iostream": "stderr"}
TRACE = (
    "2024-07-03T13:50:49.526Z ERROR 1 --- [main] c.m.Foo   : boom",
    "java.lang.ClassNotFoundException: org.postgresql.Driver",
    "\tat a.b.C.d(C.java:1)",
    "Caused by: x.y.Missing: z",
    "2024-07-03T13:50:50.000Z INFO 1 --- [main] c.m.Foo   : next",
)


def value_of(found: Any) -> dict[str, Any]:
    kinds = ((bool, "boolValue"), (str, "stringValue"), (int, "intValue"), (float, "doubleValue"))
    for kind, name in kinds:
        if isinstance(found, kind):
            return {name: found}
    if isinstance(found, list):
        return {"arrayValue": {"values": [value_of(each) for each in found]}}
    return {"kvlistValue": {"values": pairs(found)}}


def pairs(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value_of(value)} for key, value in found.items()]


def log(body: Any = None, attributes: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    made = {"timeUnixNano": str(NS), "attributes": pairs(attributes or {}), **more}
    return made if body is None else {**made, "body": value_of(body)}


def request(*logs: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    scoped = {"scope": {"name": "com.acme.Cart"}, "logRecords": list(logs)}
    return {"resourceLogs": [{"resource": {"attributes": pairs(POD if resource is None else resource)}, "scopeLogs": [scoped]}]}


def lines(record: dict[str, Any], time_ms: int = -1, max_line: int = MAX_LINE) -> Lines:
    """As JSON and as protobuf, which must be equal."""
    found = lines_of(json.dumps(record).encode(), time_ms, max_line)
    protobuf = json_format.ParseDict(record, ExportLogsServiceRequest()).SerializeToString()
    assert lines_of(protobuf, time_ms, max_line) == found
    return found


def only(*logs: dict[str, Any], word: str, resource: dict[str, Any] | None = None) -> LogEvent:
    (event,) = events(lines(request(*logs, resource=resource)).text, word)
    return event


def test_a_trace_that_was_shipped_line_by_line_is_one_event() -> None:
    """As in the file: its header, its level and its time."""
    event = only(*(log(line, FILE) for line in TRACE), word="ClassNotFound")
    assert event.text.decode() == "\n".join(("boom", *TRACE[1:4]))
    assert (event.level, event.time_ms, event.time_from) == (Level.ERROR, MS, TimeFrom.EVENT)
    assert (event.service, event.logger, event.layout) == ("shop", "c.m.Foo", "otlp+spring-boot")
    assert event.labels == (("namespace", "prod"), ("pod", "shop-1"), ("container", "app"))


def test_lines_of_two_files_do_not_join() -> None:
    """Though they come one after the other."""
    other = FILE | {"log.file.path": "/var/log/pods/prod_shop-1_ba46/db/0.log"}
    mixed = [each for line in TRACE[:4] for each in (log(line, FILE), log(f"{line[:9]} other", other))]
    assert only(*mixed, word="ClassNotFound").text.decode() == "\n".join(("boom", *TRACE[1:4]))


def test_parts_of_a_line_are_put_together() -> None:
    """`logtag` as the runtime wrote it, by container and stream; a word across the cut is found."""
    parts = [
        log("java.lang.ClassNotFou", FILE | {"logtag": "P"}),
        log("in between", FILE | {"logtag": "F", "log.iostream": "stdout"}),
        log("ndException: a.B", FILE | {"logtag": "F"}),
    ]
    assert only(*parts, word="ClassNotFound").text == b"java.lang.ClassNotFoundException: a.B"


def test_a_logging_librarys_record_is_whole() -> None:
    """Level, time and logger are the record's; a message that looks like part of a trace does not join the one before."""
    error = {
        "exception.type": "java.lang.NoClassDefFoundError",
        "exception.message": "a/B",
        "exception.stacktrace": "java.lang.NoClassDefFoundError: a/B\n\tat x.y(Z.java:3)",
    }
    found = [log("before", severityNumber=17), log("\tat work", {"thread.name": "main"} | error, severityNumber=18)]
    event = only(*found, word="NoClassDef")
    assert event.text.decode().split("\n")[0] == "\tat work"
    assert event.text.endswith(b"java.lang.NoClassDefFoundError: a/B\n\tat x.y(Z.java:3)")
    assert (event.level, event.logger, event.thread, event.time_ms) == (Level.ERROR, "com.acme.Cart", "main", MS)
    assert (event.service, dict(event.labels)["pod"]) == ("shop", "shop-1")


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"severityNumber": 1}, Level.TRACE),
        ({"severityNumber": 8}, Level.DEBUG),
        ({"severityNumber": 10}, Level.INFO),
        ({"severityNumber": "SEVERITY_NUMBER_WARN"}, Level.WARN),
        ({"severityNumber": 24}, Level.FATAL),
        ({"severityText": "Error"}, Level.ERROR),
        ({"severityText": "Bogus"}, None),
        ({"severityNumber": 99}, None),
    ],
)
@pytest.mark.parametrize("attributes", [{}, FILE], ids=["library", "file"])
def test_the_severity_is_the_level(said: dict[str, Any], level: Level | None, attributes: dict[str, str]) -> None:
    """Four numbers a level, or its name."""
    event = only(log("sought", attributes, **said), word="sought")
    assert event.level is (None if level is Level.INFO and attributes else level)  # what calls everything INFO has judged nothing


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"level": "error", "msg": "sought", "error": "open /x: no such file"}, "sought\nopen /x: no such file"),
        ({"log": "sought\n", "stream": "stderr", "container_name": "/db"}, "sought"),
        ({"MESSAGE": "sought", "PRIORITY": "3", "_SYSTEMD_UNIT": "db.service"}, "sought"),
        (["sought", "second"], "sought\nsecond"),
        ({"object": {"kind": "Event", "type": "Warning", "message": "sought"}, "type": "ADDED"}, "sought"),
        ("sought\n", "sought"),
    ],
    ids=["json", "fluent", "journal", "list", "event", "string"],
)
def test_a_body_may_be_anything(body: Any, text: str) -> None:
    """A map is a record in whichever layout: of a library, of Fluentd, of the journal, of Kubernetes."""
    assert only(log(body, FILE), word="sought").text.decode() == text


def test_bytes_are_text() -> None:
    """What of them is none is marked."""
    body = {"bytesValue": "c291Z2h0/w=="}
    assert only({"timeUnixNano": str(NS), "body": body}, word="sought").text == "sought\ufffd".encode()


def test_the_original_line_is_what_is_read() -> None:
    """Whatever a parser made of it."""
    event = only(log("boom", {"log.record.original": TRACE[0]}, severityNumber=17), word="boom")
    assert (event.layout, event.logger) == ("otlp+spring-boot", "c.m.Foo")


@pytest.mark.parametrize(
    ("resource", "service"),
    [
        ({"service.name": "cart"} | {"k8s.container.name": "app"}, "cart"),
        ({"service.name": "unknown_service:java", "k8s.container.name": "app"}, "app"),
        ({"k8s.container.name": "app", "k8s.pod.labels.app": "cart"}, "cart"),
        ({"k8s.deployment.name": "cart", "k8s.pod.name": "cart-1"}, "cart"),
        ({"log.file.path": "/x/cart.log"}, None),
        ({}, None),
    ],
)
def test_whose_log_it_is(resource: dict[str, Any], service: str | None) -> None:
    """What the resource says, but not what an SDK says when nobody told it."""
    assert only(log("sought"), word="sought", resource=resource).service == service


def test_a_log_record_may_say_itself_whose_it_is() -> None:
    """Nearer than its resource; what is no name there is passed over."""
    mine = {"k8s.pod.name": "cart-9", "service.name": "cart", "k8s.namespace.name": ["a", "list"]}
    found = lines(request(log("one", mine), log("two", {"k8s.pod.name": "cart-9"}), log("three"))).text
    heads = [orjson.loads(line) for line in found.splitlines()]
    assert [head["kubernetes"]["pod_name"] for head in heads] == ["shop-1", "cart-9", "shop-1"]
    assert [head["service.name"] for head in heads] == ["shop", "shop", "shop"]
    (head,) = (orjson.loads(line) for line in lines(request(log("one", {"service.name": "cart"}))).text.splitlines())
    assert (head["service.name"], head["kubernetes"]["namespace_name"]) == ("cart", "prod")


def test_a_log_record_without_a_time_has_the_next_best() -> None:
    """When it was observed, else when the record was written."""
    late = log("sought", timeUnixNano="0", observedTimeUnixNano=str(NS))
    assert only(late, word="sought").time_ms == MS
    record = request(log("sought", timeUnixNano="0"))
    assert [event.time_ms for event in events(lines(record, time_ms=MS + 5).text, "sought")] == [MS + 5]


def test_a_long_text_is_cut_and_counted() -> None:
    """The line stays JSON."""
    found = lines(request(log("é" * 3000), log("short")), max_line=1001)
    assert found.cut == 1
    assert [len(orjson.loads(line)["message"]) for line in found.text.splitlines()] == [500, 5]


def test_strings_that_are_no_text_do_not_lose_the_others() -> None:
    """Go's producers check nothing; protobuf in Python does."""
    protobuf = json_format.ParseDict(request(log("bad ####"), log("sought")), ExportLogsServiceRequest()).SerializeToString()
    found = lines_of(protobuf.replace(b"####", b"\xff\xfe\xfd\xfc"), -1, MAX_LINE)
    assert [orjson.loads(line)["message"] for line in found.text.splitlines()] == ["bad " + "\ufffd" * 4, "sought"]


def test_a_real_librarys_records_are_read() -> None:
    """Python's own logging through OpenTelemetry's SDK and exporter, an exception with it."""
    (event,) = events(lines_of(missing_module("psycopg2"), -1, MAX_LINE).text, "psycopg2")
    assert (event.level, event.service, event.logger) == (Level.ERROR, "shop", "cart")
    assert event.text.startswith(b"could not start\nModuleNotFoundError: No module named 'psycopg2'\nTraceback")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"2024-07-03 ERROR a line", "no protobuf message"),
        (b'{"resourceMetrics":[]}', "JSON without resourceLogs"),
        (b'{"level":"error"}', "JSON without resourceLogs"),
        (b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"text"}]}]}]}', "LogRecord: no JSON object"),
    ],
)
def test_a_record_that_is_no_request_is_refused_with_a_reason(value: bytes, reason: str) -> None:
    """Text, and other signals."""
    with pytest.raises(ValueError, match="^" + reason):
        lines_of(value, -1, MAX_LINE)


def test_other_signals_are_not_taken_for_logs() -> None:
    """A metric or a span has the outer levels of a log record, and would read as one that says nothing."""
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    metric = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [{"asInt": 1}]}}]}]}]}
    span = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "W47/95gDgQPSabYzgT/GDA==", "name": "GET /"}]}]}]}
    for kind, record in ((MetricsData, metric), (TracesData, span)):
        with pytest.raises(ValueError, match="no LogRecord of OTLP"):
            lines_of(json_format.ParseDict(record, kind()).SerializeToString(), -1, MAX_LINE)
