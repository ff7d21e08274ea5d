"""What a record says in pieces is found as the sentence that a person reads."""

import orjson
import pytest

from detector.core.decode.logs.stream import LogStream
from detector.core.engine.context import EventContext
from detector.core.engine.engine import Engine
from detector.core.engine.scan import SetScanner, pattern_table
from detector.core.ruleset.load import RuleFile, load_rules
from detector.records import Batch, Stream

RULE = r"""title: A class is missing
severity: error
stage: dependency
entity: {kind: class, from: symbol}
min_level: WARN
patterns: ['java\.lang\.ClassNotFoundException: (?P<symbol>[\w.$]+)']
"""
KIND, NAME = "java.lang.ClassNotFoundException", "org.acme.Gone"
RECORDS: dict[str, dict[str, object]] = {
    "a template": {"@t": "2024-05-14T07:31:07Z", "@l": "Fatal", "@mt": "{Kind}: {Name}", "Kind": KIND, "Name": NAME},
    "two fields": {"log.level": "ERROR", "message": "x", "error.type": KIND, "error.message": NAME},
    "a list of dicts": {"event": "x", "level": "error", "exception": [{"exc_type": KIND, "exc_value": NAME}]},
    "a coloured word": {"level": "error", "msg": f"\x1b[31m{KIND}\x1b[0m: {NAME}"},
    "an object for a message": {"level": "error", "message": {"type": KIND, "message": NAME}},
    "a list of bytes": {
        "__REALTIME_TIMESTAMP": "1564173027000443",
        "PRIORITY": "3",
        "MESSAGE": list(f"{KIND}: {NAME}".encode()),
    },
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_sentence_from_several_fields_is_found(record):
    """Only its level marks the raw line; the text that was made of it is scanned once more."""
    raw = orjson.dumps(record)
    rules = load_rules([RuleFile("own/rule", "rule.yaml", RULE)])
    table = pattern_table(rules)
    engine = Engine(rules, SetScanner(table), table)
    stream = Stream("k", "n")
    logs = LogStream(stream)
    span = logs.span(Batch(stream, bytearray(raw + b"\n"), 0, len(raw) + 1, 0, 1_700_000_000_000, ends=True))
    events = [*logs.events(span, engine.scan(span.buffer, span.scan_from, span.end)), *logs.finish()]
    context = EventContext("k", "n", "s", 1_700_000_000_000)
    (finding,) = [finding for marked in events for finding in engine.judge(marked.event, marked.patterns, context)]
    assert finding.entity is not None
    assert finding.entity.token == NAME
