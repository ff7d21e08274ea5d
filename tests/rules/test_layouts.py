"""Every match event of every rule once more, written by other libraries into other frames: the same finding, the same entity.

The samples are decoded to the text that a person reads, and that text is put into JSON by five writers and into the frames of
Docker and CRI: what a rule finds does not depend on who wrote the line down.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from detector.analysis.rulecheck.samples import STORY_MS, decode, sample_paths, stories
from detector.core.decode.logs.stream import LogStream
from detector.core.engine.context import EventContext
from detector.core.engine.engine import Engine
from detector.core.engine.scan import pattern_table
from detector.core.ruleset.load import load_rules
from detector.core.ruleset.spec import Rule
from detector.edges.rule_files import builtin_rule_files
from detector.edges.scan_cache import open_scanner
from detector.records import Batch, Finding, Level, LogEvent, Stream
from tests.property.test_scan_law import json_ascii, json_go, json_html_safe, json_php

RULES = load_rules([replace(file, is_tested=False) for file in builtin_rule_files()])
LOUD = pattern_table(RULES).first_loud
TIME = "2024-05-14T09:31:07.123456789Z"


def ecs(text: str) -> str:
    """Elastic's layout; the lines after the first in the field for the trace."""
    message, _, trace = text.partition("\n")
    record = {"@timestamp": TIME, "log.level": "ERROR", "message": message, "ecs.version": "1.2.0"}
    return orjson.dumps({**record, **({"error.stack_trace": trace} if trace else {})}).decode()


def logstash(text: str) -> str:
    """logstash-logback-encoder."""
    message, _, trace = text.partition("\n")
    record = {"@timestamp": TIME, "@version": "1", "message": message, "level": "ERROR", "level_value": 40000}
    return orjson.dumps({**record, **({"stack_trace": trace} if trace else {})}).decode()


def docker(line: str) -> str:
    return "\n".join(orjson.dumps({"log": part + "\n", "stream": "stderr", "time": TIME}).decode() for part in line.split("\n"))


def docker_ascii(line: str) -> str:
    return "\n".join(json.dumps({"log": part + "\n", "stream": "stderr", "time": TIME}) for part in line.split("\n"))


def cri(line: str) -> str:
    return "\n".join(f"{TIME} stderr F {part}" for part in line.split("\n"))


LINES: dict[str, Callable[[str], str]] = {"docker": docker, "cri": cri}  # a line stays a line
RECORDS: dict[str, Callable[[str], str]] = {  # the event is one record
    "ecs": ecs,
    "logstash": logstash,
    "json-go": json_go,
    "json-html-safe": json_html_safe,
    "json-php": json_php,
    "docker+ecs": lambda text: docker(ecs(text)),
    "docker-ascii+json-ascii": lambda text: docker_ascii(json_ascii(text)),
    "docker+json-html-safe": lambda text: docker(json_html_safe(text)),
    "cri+json-go": lambda text: cri(json_go(text)),
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    table = pattern_table(RULES)
    return Engine(RULES, open_scanner(table, None).scanner, table)


def found_in(engine: Engine, raw: bytes) -> list[Finding]:
    """As the pipeline does it: only lines that the scan marks are decoded."""
    stream = Stream("layout", "layout")
    logs = LogStream(stream)
    span = logs.span(Batch(stream, bytearray(raw), 0, len(raw), 0, STORY_MS, ends=True))
    events = [*logs.events(span, engine.scan(span.buffer, span.scan_from, span.end)), *logs.finish()]
    context = EventContext("layout", "layout", "layout", STORY_MS, has_change=True)
    return [finding for marked in events for finding in engine.judge(marked.event, marked.patterns, context)]


def match_events(rule: Rule, engine: Engine) -> list[LogEvent]:
    """The sample's events whose text does not depend on the layout they came in."""
    found = stories(sample_paths(rule.where)[0].read_bytes())
    marked = [each for story in found for each in decode(story.text, rule.id, engine, LOUD)]
    return [each.event for each in marked if each.event.level is None or each.event.level >= (rule.min_level or Level.TRACE)]


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.has_window], ids=lambda rule: rule.id)
def test_a_rule_finds_the_same_in_every_layout(rule, engine):
    """Lines in a frame as the same lines without, a record as the same record by another writer."""

    def named(raw: str) -> set[str | None]:
        found = found_in(engine, raw.encode("utf-8", "surrogatepass") + b"\n")
        return {finding.entity and finding.entity.token for finding in found if finding.rule == rule.id}

    missed = []
    for event in match_events(rule, engine):
        text = event.text.decode("utf-8", "replace")
        for layouts, wanted in ((LINES, named(text)), (RECORDS, named(json_ascii(text)))):
            for name, layout in layouts.items():
                if named(layout(text)) != wanted:
                    missed.append(f"{name}: {named(layout(text))} for {wanted}: {text[:120]!r}")
    assert not missed, "\n".join(missed[:20])
