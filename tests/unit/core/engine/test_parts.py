"""What is a part of a line for the decoding, the scan sees too."""

from __future__ import annotations

import json

import pytest

from detector.core.decode.logs.rebuilding import rebuild
from tests.unit.core.flow import GONE, engine

TIME = "2026-11-24T10:00:00.123456789Z"
PARTS = [
    f"{TIME} stdout P half a line",
    f"{TIME} stderr P:x half a line",
    json.dumps({"log": "half", "stream": "stdout", "logtag": "P"}),
    json.dumps({"log": "half", "logtag": "P", "stream": "stdout"}, separators=(",", ":")),
    '{"log":"half","logtag" : "P"}',
    json.dumps({"message": "half", "_p": "P"}),
    json.dumps({"MESSAGE": "half", "CONTAINER_PARTIAL_MESSAGE": "true", "CONTAINER_ID": "c"}),
    json.dumps({"log": "half", "stream": "stdout", "time": TIME}, separators=(",", ":")),
    json.dumps({"log": "ends in n", "stream": "stderr", "time": TIME}, separators=(",", ":")),
    json.dumps({"log": "half", "stream": "stdout", "attrs": {"a": "b"}, "time": TIME}, separators=(",", ":")),
]
WHOLE = [
    f"{TIME} stdout F a line",
    json.dumps({"log": "whole", "stream": "stdout", "logtag": "F"}),
    json.dumps({"log": "whole\n", "stream": "stdout", "time": TIME}, separators=(",", ":")),
    json.dumps({"message": "whole", "level": "info"}),
    "2026-11-24 10:00:00 INFO all is well",
]


def has_parts(line: str) -> bool:
    body = line.encode()
    return engine(GONE).scan_records(body, 0, len(body))[1]


@pytest.mark.parametrize("line", PARTS)
def test_a_part_is_seen(line: str) -> None:
    """And it is one: it waits for its rest."""
    body = line.encode() + b"\n"
    assert rebuild(body, 0, len(body), 0, is_last=False).open_from == 0
    assert has_parts(line)


@pytest.mark.parametrize("line", WHOLE)
def test_a_whole_line_is_none(line: str) -> None:
    """Else every batch would be put together anew."""
    assert not has_parts(line)


def test_its_marks_are_no_rules() -> None:
    """They never reach the decoding."""
    body = PARTS[0].encode()
    assert engine(GONE).scan_records(body, 0, len(body))[0] == []
