"""What the engine's tests build on: rules, events and a whole engine over text."""

from __future__ import annotations

from detector.core.decode.logs.stream import LogStream
from detector.core.engine.engine import Engine, EventContext
from detector.core.engine.scan import HyperscanScanner, SetScanner, compile_database, pattern_table
from detector.core.ruleset.spec import EntitySpec, Rule
from detector.records import Batch, Level, LogEvent, Severity, Stage, Stream, TimeFrom

T0 = 1_800_000_000_000
MINUTE = 60_000
CLASS = r"java\.lang\.ClassNotFoundException: (?P<symbol>[\w.$/]{1,300})"
CONTEXT = EventContext("stream-1", "app.log", "shop", T0)


def rule(*patterns: str, **changes) -> Rule:
    given = {
        "id": "jvm/class-not-found",
        "title": "Class {symbol} is gone",
        "severity": Severity.CRITICAL,
        "stage": Stage.DEPENDENCY,
        "cause": "trimmed",
        "fix": "keep {symbol}",
        "source": "openjdk",
        "entity": EntitySpec("class", ("symbol",)),
        "patterns": patterns,
    }
    return Rule(**{**given, **changes})


def event(text: str, at_ms: int | None = T0, level: Level | None = Level.ERROR, **changes) -> LogEvent:
    raw = text.encode()
    given = {"start": 0, "end": len(raw) + 1, "line": 1, "text": raw, "raw": raw, "layout": "bare"}
    given |= {"level": level, "time_ms": at_ms, "time_from": TimeFrom.EVENT if at_ms is not None else TimeFrom.ARRIVAL}
    return LogEvent(**{**given, **changes})


def engine_of(*rules: Rule, fast: bool = True, clock=None) -> Engine:
    table = pattern_table(rules)
    scanner = HyperscanScanner(compile_database(table)) if fast else SetScanner(table)
    return Engine(rules, scanner, table, clock)


def judge(engine: Engine, happened: LogEvent, context: EventContext = CONTEXT):
    """Scans the event's raw bytes and judges it with what was marked."""
    marks = engine.scan(happened.raw + b"\n", 0, len(happened.raw) + 1)
    return engine.judge(happened, sorted({mark.pattern for mark in marks}), context)


def judge_text(engine: Engine, log: bytes):
    """All findings of a log, through the decoding."""
    stream = Stream("stream-1", "app.log", "shop")
    logs = LogStream(stream)
    span = logs.span(Batch(stream, bytearray(log), 0, len(log), 0, T0, ends=True))
    marked = [*logs.events(span, engine.scan(span.buffer, span.scan_from, span.end)), *logs.finish()]
    return [finding for m in marked for finding in engine.judge(m.event, m.patterns, CONTEXT)]
