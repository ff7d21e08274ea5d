# ruff: noqa: E501, SIM905
"""Whatever a line holds, it is read: no exception, a level that is one of ours or none, a text."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.decode.logs import error_text, json_layouts
from detector.core.decode.logs import line as line_reader
from detector.records import Level
from tests.unit.core.decode.logs.marking import OBSERVED_MS, marked

KEYS = (
    "level log log.level severity levelname @l @t @mt Level LogLevel message msg event MESSAGE PRIORITY __REALTIME_TIMESTAMP time ts t s @timestamp"
    " timestamp stream kubernetes source_type labels agent @version prio err_code tags kind type instant record fields jsonPayload Properties"
    " MessageTemplate service serviceContext name hostname v pid err error thrown stack exception attr textPayload logtag _p _PID attrs"
).split() + list(error_text.FIELDS)  # fmt: skip
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["error", "1715671867", "2024-05-14T07:31:07Z", "x\n"])
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4), max_leaves=8
)
records = st.dictionaries(st.sampled_from(KEYS), values, max_size=8)
PARTS = (
    "2024-05-14T07:31:07.123Z", "2024-13-45 99:99:99", " stdout F ", " stderr P ", "ERROR", "[main]", " - ", "<34>1", "May 14 07:31:07", "Feb 30 00:00:00",
    "host app[7]: ", '{"log":"', '\\n","stream":"stdout","time":"x"}', "\x1b[31m", "level=error ", 'msg="', "E0514 09:31:07.1 1 a.go:1] ", "12 <34>",
    "1715671867", "\tat a.b(C.java:1)", "Caused by: ", "Traceback (most recent call last):", "\x00", "\xff", "{", "}", "[", "]", '"', "\\u", "\n", "api-1 | ",
    "__CURSOR=a\n", "MESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00", "__REALTIME_TIMESTAMP=x\n",
)  # fmt: skip
lines = st.lists(st.sampled_from(PARTS) | st.text(max_size=5), max_size=8).map("".join)


@settings(max_examples=500, deadline=None)
@given(records)
def test_any_record_is_read(record: dict[str, object]) -> None:
    """Types are never what a library promises."""
    raw = json.dumps(record).encode()
    line = line_reader.read(raw, OBSERVED_MS)
    reading = line_reader.meaning(line, OBSERVED_MS)
    assert reading.level is None or isinstance(reading.level, Level)
    assert isinstance(reading.message, bytes)
    assert isinstance(json_layouts.read(record, OBSERVED_MS).extra, bytes)


@settings(max_examples=500, deadline=None)
@given(lines, st.binary(max_size=12), st.booleans())
def test_any_bytes_are_read(text: str, noise: bytes, is_last: bool) -> None:
    """Parts of all layouts in any order, with noise: each line is given out exactly once."""
    raw = text.encode("utf-8", "surrogatepass")
    raw = raw + noise if is_last else noise + raw
    found = marked(raw, ["\n", "a", "1"])
    starts = [each.event.start for each in found]
    assert len(starts) == len(set(starts)) or b"<" in raw
    for each in found:
        assert 0 <= each.event.start <= each.event.end <= len(raw)
        assert each.event.line >= 1
