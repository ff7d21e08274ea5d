"""What runtimes, shippers and tools put around a line comes off, and what they know of it is kept."""

from __future__ import annotations

import json

import pytest

from detector.records import Level, LogEvent, TimeFrom
from tests.unit.core.decode.logs.marking import event, events, marked

AT = 1715671867123  # 2024-05-14T07:31:07.123Z


def timed(found: LogEvent) -> tuple[int | None, TimeFrom]:
    return found.time_ms, found.time_from


def test_cri() -> None:
    """The payload's own header decides the level; the frame gives the time."""
    found = event("2024-05-14T07:31:07.123456789Z stderr F Error: Cannot find module 'pg'\n", "pg")
    assert (found.text, found.layout, found.level) == (b"Error: Cannot find module 'pg'", "cri+bare", None)
    assert timed(found) == (AT, TimeFrom.FRAME)
    assert event("2024-05-14T09:31:07.123+02:00 stdout F x\n", "x").time_ms == AT
    assert event('2024-05-14T07:31:07.123Z stdout F {"level":"error","msg":"x gone"}\n', "gone").level is Level.ERROR


def test_cri_parts_are_one_line() -> None:
    """A match across the cut is found; a stream's parts are its own; the event begins at the first part."""
    text = (
        "2024-05-14T07:31:07.123Z stdout P 2024-05-14 07:31:07,123 ERROR [main] a.B - java.lang.ClassNot\n"
        "2024-05-14T07:31:07.124Z stderr F other\n"
        "2024-05-14T07:31:07.125Z stdout P FoundExce\n"
        "2024-05-14T07:31:07.126Z stdout F ption: org.x.Y\n"
        "2024-05-14T07:31:07.127Z stdout F next\n"
    )
    found = event(text, "ClassNotFoundException: org.x.Y")
    assert (found.text, found.level, found.line) == (b"java.lang.ClassNotFoundException: org.x.Y", Level.ERROR, 1)
    assert (found.start, found.end) == (0, text.index("2024-05-14T07:31:07.127Z"))
    assert [each.line for each in events(text, "next")] == [5]
    assert [each.text for each in events(text, "other")] == [b"other"]


def test_a_part_whose_rest_never_comes_is_judged() -> None:
    """A container that was killed while it wrote a line."""
    found = event("2024-05-14T07:31:07.123Z stdout P libssl.so.3 is gone", "libssl")
    assert (found.text, found.is_cut) == (b"libssl.so.3 is gone", True)


def test_docker() -> None:
    """Escapes are undone, twice for JSON inside; attributes are labels."""
    line = json.dumps(
        {"log": 'a\tb "gone" \u00e9\n', "stream": "stderr", "time": "2024-05-14T07:31:07.123456789Z", "attrs": {"tag": "x"}}
    )
    found = event(line, "gone")
    assert (found.text, found.layout, found.labels) == ('a\tb "gone" é'.encode(), "docker+bare", (("tag", "x"),))
    assert timed(found) == (AT, TimeFrom.FRAME)
    inner = json.dumps({"level": "error", "msg": 'exec: "git": not found'}) + "\n"
    twice = event(json.dumps({"log": inner, "stream": "stdout", "time": "2024-05-14T07:31:07Z"}), "git")
    assert (twice.text, twice.level, twice.layout) == (b'exec: "git": not found', Level.ERROR, "docker+json-slog")


def test_docker_parts_are_one_line() -> None:
    """A record whose log lacks its newline goes on in the next one of its stream."""
    parts = [("java.lang.ClassNot", "stdout"), ("other\n", "stderr"), ("FoundException: a.B\n", "stdout")]
    text = "".join(json.dumps({"log": log, "stream": stream, "time": "2024-05-14T07:31:07.1Z"}) + "\n" for log, stream in parts)
    assert event(text, "ClassNotFoundException: a.B").text == b"java.lang.ClassNotFoundException: a.B"


def test_journald_json() -> None:
    """Microseconds, priority, unit; a message of byte numbers; what came through standard output was judged by nobody."""
    record = {
        "__REALTIME_TIMESTAMP": "1715671867123000",
        "PRIORITY": "3",
        "_SYSTEMD_UNIT": "api.service",
        "_PID": "7",
        "MESSAGE": "it is gone",
    }
    found = event(json.dumps(record), "gone")
    assert (found.text, found.level, found.service) == (b"it is gone", Level.ERROR, "api")
    assert timed(found) == (AT, TimeFrom.FRAME)
    raw = event(json.dumps(record | {"MESSAGE": list(b"caf\xe9 gone")}), "MESSAGE")
    assert raw.text == b"caf\xe9 gone"
    quiet = event(json.dumps(record | {"PRIORITY": "6", "_TRANSPORT": "stdout"}), "gone")
    assert quiet.level is None


def test_journal_export() -> None:
    """Entries of fields, one of them binary; their event is the entry."""
    message = b"first line gone\nsecond"
    text = (
        b"__CURSOR=a\n__REALTIME_TIMESTAMP=1715671867123000\nPRIORITY=3\n_SYSTEMD_UNIT=api.service\nMESSAGE=plain gone\n\n"
        b"__CURSOR=b\n__REALTIME_TIMESTAMP=1715671868123000\nPRIORITY=4\nMESSAGE\n"
        + len(message).to_bytes(8, "little")
        + message
        + b"\n\n"
    )
    for cuts in ((0,), range(0, len(text), 3)):
        first, second = (each.event for each in marked(text, ["gone"], cuts))
        assert (first.text, first.level, first.service, first.line) == (b"plain gone", Level.ERROR, "api", 1)
        assert (second.text, second.level, second.time_ms) == (message, Level.WARN, AT + 1000)


@pytest.mark.parametrize(
    ("line", "text", "level", "service"),
    [
        ("<34>1 2024-05-14T07:31:07.123Z host su - ID47 - \ufeffit is gone", "it is gone", Level.FATAL, "su"),
        ('<165>1 2024-05-14T07:31:07.123Z host app 7 ID47 [a@1 b="c]\\"d"][e@2 f="g"] it is gone', "it is gone", None, "app"),
        ("<11>May 14 07:31:07 host app[7]: it is gone", "it is gone", Level.ERROR, "app"),
        ("83 <11>1 2024-05-14T07:31:07.123Z host app - - - it is gone", "it is gone", Level.ERROR, "app"),
        ("May 14 07:31:07 host app[7]: it is gone", "it is gone", None, "app"),
        ("2024-05-14T07:31:07.123456+00:00 host app[7]: it is gone", "it is gone", None, "app"),
        ("2024-05-14T07:31:07+0000 host kernel: it is gone", "it is gone", None, "kernel"),
        ("Dec 02 14:22:52 node-0 kubelet[42965]: W1202 14:22:52.923538 42965 transport.go:356] it is gone", "it is gone",
        Level.WARN, "kubelet"),
        ("<3>it is gone", "it is gone", Level.ERROR, None),
        ("<13>May 14 07:31:07 host app[7]:     from gone import x", "    from gone import x", None, "app"),
        ("2024-05-14T07:31:07.123456789Z sh: gone: not found", "sh: gone: not found", None, None),
        ("<30>May 14 07:31:07 host app[7]: 2024-05-14 07:31:07,123 ERROR [main] a.B - it is gone", "it is gone", Level.ERROR,
        "app"),
    ],
)  # fmt: skip
def test_syslog(line: str, text: str, level: Level | None, service: str | None) -> None:
    """Both forms, with and without priority and octet count. A header inside decides; informational decides nothing."""
    found = event(line, "gone")
    assert (found.text.decode(), found.level, found.service) == (text, level, service)


def test_rsyslogs_escapes_are_undone() -> None:
    """A trace in one message, and one in a message a line."""
    one = event("<11>May 14 07:31:07 host app[7]: a.B: x#012#011at c.D(E.java:1)#012Caused by: gone", "gone")
    many = event(
        "\n".join(f"May 14 07:31:07 host app[7]: {line}" for line in ("a.BError: x", "#011at c.D(E.java:1)", "Caused by: gone")),
        "gone",
    )
    assert one.text == b"a.B: x\n\tat c.D(E.java:1)\nCaused by: gone"
    assert many.text == b"a.BError: x\n\tat c.D(E.java:1)\nCaused by: gone"


def test_counted_syslog_frames_without_newlines() -> None:
    """Octet counting: frame after frame on what looks like one line."""
    frames = [f"<11>1 2024-05-14T07:31:07.123Z host app - - - number {number} gone" for number in range(3)]
    text = "".join(f"{len(frame)} {frame}" for frame in frames)
    assert [each.text for each in events(text, "gone")] == [b"number 0 gone", b"number 1 gone", b"number 2 gone"]


FILEBEAT = {
    "@timestamp": "2024-05-14T07:31:07.123Z", "@metadata": {"beat": "filebeat"}, "input": {"type": "container"}, "stream":
    "stderr",
    "kubernetes": {"namespace": "shop", "pod": {"name": "api-7c9d"}, "container": {"name": "api"}, "labels": {"app": "web"}},
    "log": {"offset": 1, "file": {"path": "/var/log/x.log"}}, "agent": {"type": "filebeat"},
}  # fmt: skip
FLUENT = {
    "@timestamp": 1715671867.123, "time": "2024-05-14T07:31:07.123456789Z", "stream": "stderr", "logtag": "F",
    "kubernetes": {"pod_name": "api-7c9d", "namespace_name": "shop", "labels": {"app": "web"}, "container_name": "api"},
}  # fmt: skip
VECTOR = {
    "file": "/var/log/pods/x/1.log", "source_type": "kubernetes_logs", "stream": "stderr", "timestamp":
    "2024-05-14T07:31:07.123456789Z",
    "kubernetes": {"container_name": "api", "pod_labels": {"app": "web"}, "pod_name": "api-7c9d", "pod_namespace": "shop"},
}  # fmt: skip


@pytest.mark.parametrize(("shell", "key"), [(FILEBEAT, "message"), (FLUENT, "log"), (FLUENT, "message"), (VECTOR, "message")])
def test_shippers(shell: dict[str, object], key: str) -> None:
    """The line inside is decoded again; pod and service come from the shipper."""
    found = event(json.dumps(shell | {key: "I0703 03:06:34.456328       1 server.go:558] it is gone"}), "gone")
    assert (found.text, found.level, found.service) == (b"it is gone", Level.INFO, "web")
    assert dict(found.labels) == {"namespace": "shop", "pod": "api-7c9d", "container": "api"}
    deep = event(json.dumps(shell | {key: json.dumps({"level": "error", "msg": "it is gone"})}), "gone")
    assert (deep.text, deep.level, timed(deep)) == (b"it is gone", Level.ERROR, (AT, TimeFrom.FRAME))


@pytest.mark.parametrize(("shell", "key"), [(FILEBEAT, "message"), (FLUENT, "log"), (VECTOR, "message")])
def test_a_trace_in_a_shippers_records_is_one_event(shell: dict[str, object], key: str) -> None:
    """One record a line; another pod's lines stand between."""
    lines = [
        "2024-05-14 07:31:07,123 ERROR [main] a.B - failed",
        "java.lang.IllegalStateException: x",
        "\tat a.b.C(D.java:1)",
        "Caused by: e.F: gone",
    ]
    records = [json.dumps(shell | {key: line}) for line in lines]
    other = {**shell, "kubernetes": {"pod_name": "other", "pod": {"name": "other"}}}
    records[2:2] = [json.dumps(other | {key: "2024-05-14 07:31:07,123 INFO [main] a.B - other"})]
    found = event("\n".join(records), "gone")
    assert (found.text.decode(), found.level) == ("failed\n" + "\n".join(lines[1:]), Level.ERROR)


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("api-1  | ", "compose"),
        ("\x1b[36mapi-1  |\x1b[0m ", "compose"),
        ("[pod/api-7c9d8f6b5-x2x4z/api] ", "kubectl"),
        ("api-7c9d8f6b5-x2x4z api ", "stern"),
        ("2024-05-14T07:31:07.123456+00:00 app[web.1]: ", "heroku"),
        ("2024-05-14T07:31:07.123456789Z ", "stamped"),
        ("api-1  | 2024-05-14T07:31:07.123456789Z ", "compose+stamped"),
        ("[pod/api-7c9d8f6b5-x2x4z/api] 2024-05-14T07:31:07.123456789Z ", "kubectl+stamped"),
    ],
)
def test_prefixes(prefix: str, name: str) -> None:
    """Prefixes of tools come off, and a trace behind them is one event."""
    lines = [
        "2024-05-14 07:31:07,123 ERROR [main] a.B - failed",
        "java.lang.X.FooException: x",
        "\tat a.b.C(D.java:1)",
        "Caused by: e.F: gone",
    ]
    found = event("\n".join(prefix + line for line in lines), "gone")
    assert (found.text.decode(), found.level) == ("failed\n" + "\n".join(lines[1:]), Level.ERROR)
    assert found.layout == f"{name}+logback"
    bare = event(prefix + "/app/server: error while loading shared libraries: libgone.so", "gone")
    assert (bare.text, bare.level) == (b"/app/server: error while loading shared libraries: libgone.so", None)


def test_a_payload_cannot_forge_a_frame() -> None:
    """Inside CRI nothing is a CRI line any more."""
    found = event("2024-05-14T07:31:07.123Z stdout F 2030-01-01T00:00:00Z stdout F gone", "gone")
    assert (found.layout, found.text) == ("cri+text", b"stdout F gone")


def test_the_layout_setting_plain() -> None:
    """Who says that lines have no frames is believed."""
    from dataclasses import replace

    from tests.unit.core.decode.logs.marking import STREAM

    found = marked("2024-05-14T07:31:07.123Z stdout F gone", ["gone"], stream=replace(STREAM, layout="plain"))
    assert found[0].event.text.endswith(b"stdout F gone")
